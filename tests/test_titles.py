"""Titles as they are seen: inside the title-safe area, legible, in their own direction, and nothing in them acts."""

from pathlib import Path

import numpy as np
import pytest
from media_kit import ffmpeg
from PIL import Image
from typeset_kit import Gray, bright_lines, ink, inked, rendered, set_over_grey, title

from ltx_mcp.types.film import TimedText
from ltx_mcp.typeset.fonts import FONTS, font_folder
from ltx_mcp.typeset.plain_text import with_bracket_marks
from ltx_mcp.typeset.script import subtitles_filter
from ltx_mcp.typeset.titles import write_titles

SIZES = [(640, 360), (360, 640), (416, 240), (480, 480)]
WORDS = " ".join(["The quick brown fox jumps over the lazy dog."] * 12)[:500]
LONG = {
    "words": WORDS,
    "one word": "W" * 500,
    "Japanese": "夜の東京はとても長い。" * 45,
    "Arabic": ("مرحبا بالعالم هذا عنوان طويل " * 18)[:500],
    "Korean": ("안녕하세요 한국어 자막입니다 " * 30)[:500],
    "emoji": "🎬🚀😀" * 160,
    "lines": "\n".join("line" for _ in range(60)),
}


@pytest.mark.parametrize("style", ["title", "lower_third", "caption", "subtitle"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_text_stays_in_the_title_safe_area(tmp_path: Path, style: str, width: int, height: int) -> None:
    for text in ("Short", WORDS):
        box = ink(set_over_grey(tmp_path, [title(text, style)], width, height))
        assert box.left >= 0.095
        assert box.right <= 0.905
        assert box.top >= 0.045
        assert box.bottom <= 0.955


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.parametrize(("width", "height"), [(640, 360), (240, 416)])
def test_five_hundred_characters_of_any_script_stay_inside(tmp_path: Path, text: str, width: int, height: int) -> None:
    frame = set_over_grey(tmp_path, [title(text)], width, height)
    box = ink(frame)
    assert min(box.left, 1 - box.right) >= 0.09
    assert min(box.top, 1 - box.bottom) >= 0.045
    assert bright_lines(frame) > 4


def test_a_short_title_is_large_and_a_long_one_smaller_but_wrapped(tmp_path: Path) -> None:
    short, long = (set_over_grey(tmp_path, [title(text)]) for text in ("Home", WORDS[:200]))
    assert bright_lines(short) == 1
    assert bright_lines(long) >= 3
    assert ink(short).bottom - ink(short).top > 0.06
    line = (ink(long).bottom - ink(long).top) / bright_lines(long)
    assert 0.04 < line < 0.14, "shrunk to a floor, not to nothing"


@pytest.mark.parametrize("ground", [0, 255])
def test_white_letters_can_be_read_over_snow_and_over_night(tmp_path: Path, ground: int) -> None:
    for style in ("title", "lower_third", "caption"):
        frame = set_over_grey(tmp_path, [title("Legible", style)])
        letters = frame > 220
        near = np.zeros_like(letters)
        for shift in (-3, 3):
            near |= np.roll(letters, shift, axis=1)
        assert frame[near & ~letters].min() < 70, f"no dark edge or box around a {style}"


@pytest.mark.parametrize(
    ("position", "left", "top"),
    [("top_left", 0.1, 0.05), ("bottom_right", None, None), ("center", None, None), ("top", None, 0.05)],
)
def test_a_position_is_taken(tmp_path: Path, position: str, left: float | None, top: float | None) -> None:
    box = ink(set_over_grey(tmp_path, [title("Here", "caption", position)]))
    if left is not None:
        assert box.left == pytest.approx(left, abs=0.02)
    if top is not None:
        assert box.top == pytest.approx(top, abs=0.02)
    if position == "bottom_right":
        assert box.right == pytest.approx(0.9, abs=0.02)
        assert box.bottom == pytest.approx(0.95, abs=0.02)
    if position == "center":
        assert (box.left + box.right) / 2 == pytest.approx(0.5, abs=0.02)
        assert (box.top + box.bottom) / 2 == pytest.approx(0.5, abs=0.05)


def test_a_lower_third_has_its_second_line_smaller(tmp_path: Path) -> None:
    frame = set_over_grey(tmp_path, [title("HHHH\nHHHH", "lower_third")])
    rows = np.flatnonzero((frame > 220).any(axis=1))
    name, role = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    assert len(role) < 0.85 * len(name)


def test_texts_that_meet_keep_one_place_each_wherever_the_drawing_begins(tmp_path: Path) -> None:
    """A film is drawn in segments: what is drawn of a frame must not depend on the frames before it."""
    third = TimedText(text="A name\nand a role", start_s=0, end_s=9, style="lower_third")
    said = TimedText(text=" ".join(["Two lines of what is said."] * 3), start_s=2, end_s=9, style="subtitle")
    titles = [TimedText(text=words, start_s=at_s, end_s=9) for words, at_s in (("One", 0), ("Two", 3))]
    texts = [third, said, *titles, TimedText(text="Small", start_s=1, end_s=9, style="caption")]
    whole = set_over_grey(tmp_path, texts, at_s=5)
    filters = subtitles_filter(tmp_path / "titles.ass", font_folder([text.text for text in texts], tmp_path))
    ground = "color=color=0x808080:size=640x360:rate=10:duration=30,format=gray"
    late_start = ("-vf", f"setpts=PTS+5/TB,{filters}", "-frames:v", 1, "-pix_fmt", "gray")
    ffmpeg("-f", "lavfi", "-i", ground, *late_start, tmp_path / "late.png")
    late = np.asarray(Image.open(tmp_path / "late.png"), dtype=np.int64)
    assert np.abs(whole - late).max() <= 1
    boxes = [ink(set_over_grey(tmp_path, [text], at_s=5)) for text in (said, third)]
    assert boxes[0].top < boxes[1].bottom, "alone they would stand over each other"
    rows = inked(whole).any(axis=1)
    blocks = int((np.diff(rows.astype(int)) == 1).sum())
    assert blocks == 4, "nothing stands over anything else; the small text is beside the name"
    assert ink(whole).bottom == pytest.approx(boxes[0].bottom, abs=0.01), "a subtitle keeps its place"
    tall = TimedText(text=" ".join(["A title of many words."] * 6), start_s=0, end_s=9)
    name = TimedText(text="A name", start_s=1, end_s=9, style="lower_third")
    both = inked(set_over_grey(tmp_path, [tall, name], at_s=5))
    alone = ink(set_over_grey(tmp_path, [name], at_s=5))
    assert both[round(alone.top * 360) : round(alone.bottom * 360), 64:90].mean() > 0.5, "a name stays at the bottom"


def test_a_text_comes_and_goes_at_its_times(tmp_path: Path) -> None:
    timed = TimedText(text="Now", start_s=2.0, end_s=4.0, style="caption")
    shown = [inked(set_over_grey(tmp_path, [timed], at_s=at_s)).any() for at_s in (1.9, 2.0, 3.9, 4.0)]
    assert shown == [False, True, True, False]


def test_a_title_fades_in_and_out(tmp_path: Path) -> None:
    timed = TimedText(text="Slowly", start_s=1.0, end_s=4.0)
    first, middle = (set_over_grey(tmp_path, [timed], at_s=at_s).max() for at_s in (1.1, 2.0))
    assert first < middle - 20


# -- nothing acts -------------------------------------------------------------------------------------

HOSTILE = [
    r"{\an8\fs99\1c&H0000FF&}red",
    r"{\p1}m 0 0 l 300 0 300 300 0 300{\p0}",
    r"{\pos(10,10)}{\clip(0,0,1,1)}{\t(\fs200)}",
    r"one\Ntwo\ntwo\hthree",
    r"C:\new\Name\here \{not a tag\}",
    "%{pts} ${HOME} %(x)s 'quote' \"double\" : ; , [tag] \\",
    "{unclosed",
    "Dialogue: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,injected",
    "[Events]\nFormat: x\n[Fonts]\nfontname: x",
    "a\r\n\x00\x07\x1b[31mb",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_markup_is_only_shown(tmp_path: Path, text: str) -> None:
    """Every visible letter is drawn: the text takes as much ink as the same with the braces and slashes replaced."""
    tame = text.translate(str.maketrans("{}\\", "()/", "\x00\x07\x1b"))
    acting = set_over_grey(tmp_path, [title(text, "caption")])
    shown = set_over_grey(tmp_path, [title(tame, "caption")])
    assert bright_lines(acting) == bright_lines(shown)
    assert (acting > 220).sum() == pytest.approx((shown > 220).sum(), rel=0.25)
    assert ink(acting).top == pytest.approx(ink(shown).top, abs=0.02)
    assert not (np.abs(acting - 128) > 24)[:, :50].any(), "outside the safe area"


def test_no_text_adds_a_line_to_the_script(tmp_path: Path) -> None:
    path = tmp_path / "titles.ass"
    write_titles(path, [title(text) for text in HOSTILE], 640, 360)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("Dialogue:") for line in lines) == len(HOSTILE)
    assert sum(line.startswith("[") for line in lines) == 3, "info, styles and events"


@pytest.mark.parametrize("name", ["it's a 'film'", "a:b,c;d", "[out]", r"back\slash", "100%", "日本 語", "=x"])
def test_a_folder_of_any_name_holds_the_script(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    assert (set_over_grey(folder, [title("Here")]) > 220).any()


def test_the_filter_stands_among_others_in_a_graph(tmp_path: Path) -> None:
    script = tmp_path / "it's, [here]; a:b.ass"
    write_titles(script, [title("Here")], 640, 360)
    assert (rendered(script, FONTS, 640, 360) > 220).any()
    assert "wrap_unicode=1" in subtitles_filter(script, FONTS)


def test_an_empty_text_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "titles.ass"
    write_titles(path, [title(" \n\u200d"), title("\x00"), title("kept")], 640, 360)
    assert path.read_text(encoding="utf-8").count("Dialogue:") <= 2


# -- scripts of the world -----------------------------------------------------------------------------


def same(first: Gray, second: Gray) -> float:
    """How much of the ink two frames share, 0..1."""
    one, other = first > 220, second > 220
    return float((one & other).sum() / max(1, (one | other).sum()))


def test_hebrew_begins_at_the_right(tmp_path: Path) -> None:
    box = ink(set_over_grey(tmp_path, [title("שלום עולם", "lower_third")]))
    assert box.right == pytest.approx(0.9, abs=0.02)
    assert box.left > 0.4
    assert ink(set_over_grey(tmp_path, [title("Hello", "lower_third")])).left == pytest.approx(0.1, abs=0.02)


def test_right_to_left_text_is_laid_out_from_the_right(tmp_path: Path) -> None:
    """A full stop ends the sentence, so it stands at the left; forced to the other direction it stands at the right."""
    sentence = set_over_grey(tmp_path, [title("שלום.")])
    forced = set_over_grey(tmp_path, [title("\u200eשלום.")])
    assert same(sentence, forced) < 0.6


def test_arabic_letters_join(tmp_path: Path) -> None:
    joined = set_over_grey(tmp_path, [title("ببب")])
    apart = set_over_grey(tmp_path, [title("ب\u200cب\u200cب")])
    assert ink(joined).right - ink(joined).left < 0.8 * (ink(apart).right - ink(apart).left)


def test_brackets_enclose_what_they_enclosed_in_mixed_text(tmp_path: Path) -> None:
    text = "Latin مرحبا (شيء) end"
    assert with_bracket_marks("plain (text)") == "plain (text)"
    assert with_bracket_marks(text).replace("\u200e", "").replace("\u200f", "") == text
    isolated = set_over_grey(tmp_path, [title("Latin \u2067مرحبا (شيء)\u2069 end")])
    assert (set_over_grey(tmp_path, [title(text)]) > 220).sum() == pytest.approx((isolated > 220).sum(), rel=0.1)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Latin ש (ש) end", "Latin ש \u200f(\u200fש\u200f)\u200f end"),
        ("Latin (ש) end", "Latin \u200e(\u200eש\u200e)\u200e end"),
        ("ש ab (cd) ש", "ש ab \u200e(\u200ecd\u200e)\u200e ש"),
        ("ש (ש) ש", "ש \u200f(\u200fש\u200f)\u200f ש"),
        ("ש ()", "ש ()"),
        ("ש (a", "ש (a"),
    ],
)
def test_a_bracket_takes_the_direction_of_rule_n0(text: str, marked: str) -> None:
    assert with_bracket_marks(text) == marked


def test_japanese_breaks_without_spaces_and_not_before_a_full_stop(tmp_path: Path) -> None:
    frame = set_over_grey(tmp_path, [title("夜の東京はとても長いので、題名もここで折り返す必要があります。")])
    assert bright_lines(frame) >= 2
    assert ink(frame).right <= 0.905


def test_korean_breaks_at_spaces(tmp_path: Path) -> None:
    """Two words that fit on a line each: a break inside the second would fill the first line."""
    word = "안녕하세요반갑습니다"
    frame = set_over_grey(tmp_path, [title(f"{word} {word}")])
    whole = set_over_grey(tmp_path, [title(f"{word}\n{word}")])
    assert same(frame, whole) > 0.95


@pytest.mark.parametrize("text", ["🎬", "🚀", "😀", "❤️", "👩‍🚀", "👍🏽", "1️⃣"])
def test_an_emoji_is_drawn_and_is_not_a_box(tmp_path: Path, text: str) -> None:
    frame, box = (
        set_over_grey(tmp_path, [title(text)]),
        set_over_grey(tmp_path, [title("\U0010fffd")]),
    )
    assert (frame > 220).sum() > 20
    assert same(frame, box) < 0.6
