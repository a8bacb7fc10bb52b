"""References: what the grammar takes, what it refuses, and that no file outside the roots is ever read."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from media_kit import CLIP_ID as ID
from media_kit import GREEN, archive, encoded, film, number

from ltx_mcp.archive.library import Library
from ltx_mcp.errors import BadInput, MediaError, NotFound
from ltx_mcp.media.footage import read_video
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.reference_grammar import ClipRef, FileRef
from ltx_mcp.types.clips import Clip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "data"


@pytest.fixture(scope="module")
def library(data: Path) -> Iterator[Library]:
    with archive(data) as library:
        yield library


@pytest.fixture
def clip(library: Library) -> Clip:
    return library.get(ID)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The allowed folder; beside it lies an image that is not allowed."""
    (tmp_path / "secret.png").write_bytes(encoded())
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def inputs(library: Library, root: Path) -> Inputs:
    return Inputs(library, [root])


# -- the grammar ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (ID, ClipRef(ID)),
        (f"{ID}@3.2", ClipRef(ID, at_s=3.2)),
        (f"{ID}@0", ClipRef(ID, at_s=0.0)),
        (f"{ID}@3.2-5.0", ClipRef(ID, span_s=(3.2, 5.0))),
        (f"{ID}@0-0.000001", ClipRef(ID, span_s=(0.0, 0.000001))),
        (f"clip://{ID}", ClipRef(ID)),
        (f"clip://{ID}@2", ClipRef(ID, at_s=2.0)),
        ("clip-00000000", ClipRef("clip-00000000")),
        ("/a/image.png", FileRef(Path("/a/image.png"))),
        ("/a/with space, ünï 日本.png", FileRef(Path("/a/with space, ünï 日本.png"))),
        ("file:///a/image.png", FileRef(Path("/a/image.png"))),
        ("file:///a/b%20c%3F%23%40.png", FileRef(Path("/a/b c?#@.png"))),
        ("file:///a/%E6%97%A5.png", FileRef(Path("/a/日.png"))),
    ],
)
def test_the_grammar(inputs: Inputs, text: str, meaning: ClipRef | FileRef) -> None:
    assert inputs.parse(text) == meaning


def test_the_path_of_a_clips_video_means_the_clip(inputs: Inputs, clip: Clip) -> None:
    assert inputs.parse(str(clip.path)) == ClipRef(ID)
    assert inputs.parse(clip.path.as_uri()) == ClipRef(ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a red ball",
        "red-ball",
        "RED-BALL-3F9K2M7Q",
        f" {ID}",
        f"{ID}\n",
        f"{ID}@",
        f"{ID}@nan",
        f"{ID}@inf",
        f"{ID}@-1",
        f"{ID}@+1",
        f"{ID}@1e3",
        f"{ID}@1_0",
        f"{ID}@.5",
        f"{ID}@1.",
        f"{ID}@1,5",
        f"{ID}@٣",
        f"{ID}@3.2s",
        f"{ID}@00:03",
        f"{ID}@{'9' * 400}",
        f"{ID}@1.{'0' * 400}",
        f"{ID}@5.0-3.2",
        f"{ID}@2-2",
        f"{ID}@2-",
        f"{ID}@1-2-3",
        f"{ID}@1@2",
        f"{ID}/../{ID}",
        f"clip://{ID}/video",
        "clip://",
        "image.png",
        "./image.png",
        "../secret.png",
        "~root/image.png",
        "$HOME/image.png",
        "/srv/image\x00.png",
        "/srv/image\n.png",
        "/srv/\x1b[31m.png",
        "/" + "x" * 5000,
        "http://example.com/a.png",
        "https://example.com/a.png",
        "ftp://example.com/a.png",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "concat:/etc/passwd",
        "pipe:0",
        "file:/a.png",
        "file:a.png",
        "file://",
        "file://localhost/a.png",
        "file://host/a.png",
        "file://[bad/a.png",
        "file:///a%00.png",
        "file:///a%0A.png",
        "file:///a%FF.png",
        "file:///a.png?x=1",
        "file:///a.png#x",
        "file:///a.png?",
    ],
)
def test_anything_else_is_refused_with_the_grammar_and_the_roots(inputs: Inputs, root: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"clip_id@3\.2") as refusal:
        inputs.parse(text)
    assert str(root) in refusal.value.hint
    assert len(str(refusal.value)) < 1000
    assert "\x00" not in str(refusal.value)


def test_a_time_that_cannot_be_read_is_what_the_error_names(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match="After @ comes a time"):
        inputs.parse(f"{ID}@3.2s")


def test_a_span_of_a_file_is_answered_with_import(inputs: Inputs, root: Path) -> None:
    with pytest.raises(BadInput, match="import_video"):
        inputs.video(f"{root}/film.mp4@0-1")


def test_a_reference_that_nearly_names_a_clip_is_answered_with_its_id(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match=f"nearest ids are {ID}"):
        inputs.parse("Red-Ball-3f9k2m7@2.0")
    with pytest.raises(NotFound, match=f"nearest ids are {ID}"):
        inputs.still("red-ball-3f9k2m70@2.0")


def test_without_roots_the_error_says_how_to_allow_some(library: Library, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="LTX_MCP_ROOTS"):
        Inputs(library, []).still(str(tmp_path / "a.png"))


def test_unconfined_any_file_can_be_read_but_those_of_the_archive(library: Library, data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded())
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    unconfined = Inputs(library, None)
    for name in ("a.png", "link.png"):
        assert unconfined.still(str(tmp_path / name)).shape[2] == 3
    assert unconfined.folder(str(tmp_path)) == tmp_path.resolve()
    with pytest.raises(BadInput, match="belongs to the archive"):
        unconfined.still(str(data / "audit.jsonl"))
    with pytest.raises(BadInput, match=r"no\.png cannot be read: No such file or directory\. Check the path"):
        unconfined.still(str(tmp_path / "no.png"))
    with pytest.raises(BadInput, match=r"There is no such file\. .* or the path or file:// URI of a file"):
        unconfined.still("a red ball")


# -- stills of clips --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "index"),
    [(ID, 12), (f"{ID}@0", 0), (f"{ID}@0.7", 7), (f"{ID}@1.26", 12), (f"{ID}@2.4", 24), (f"{ID}@2.5", 24)],
)
def test_a_clips_frame_is_the_one_on_screen_at_that_time(inputs: Inputs, reference: str, index: int) -> None:
    frame = inputs.still(reference)
    assert frame.shape == (48, 64, 3)
    assert abs(frame[..., 0].mean() - index * 10) < 4


@pytest.mark.parametrize("time", ["2.51", "3", "999999", "999999.999999"])
def test_a_time_beyond_the_clip_is_refused_with_its_length(inputs: Inputs, time: str) -> None:
    with pytest.raises(BadInput, match=r"from 0 to 2\.500"):
        inputs.still(f"{ID}@{time}")


def test_a_span_is_not_a_still(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match=f"Use {ID}@0.5"):
        inputs.still(f"{ID}@0.5-1.5")


# -- stills of files --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", ["image.png", "日本 café.png", "no_suffix", "%41.png", "@3.2.png"])
def test_an_image_inside_a_root_is_read_whatever_its_name(inputs: Inputs, root: Path, kind: str, name: str) -> None:
    (root / name).write_bytes(encoded(kind=kind))
    for reference in (str(root / name), (root / name).as_uri()):
        frame = inputs.still(reference)
        assert frame.shape == (6, 8, 3)
        assert frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - GREEN).max() < 6


def test_a_link_inside_the_root_is_followed(inputs: Inputs, root: Path) -> None:
    (root / "deep").mkdir()
    (root / "deep" / "real.png").write_bytes(encoded())
    (root / "link.png").symlink_to("deep/real.png")
    assert inputs.still(str(root / "link.png")).shape == (6, 8, 3)


def test_a_root_that_is_itself_a_link_is_a_root(library: Library, root: Path, tmp_path: Path) -> None:
    (root / "a.png").write_bytes(encoded())
    (tmp_path / "alias").symlink_to(root)
    assert Inputs(library, [tmp_path / "alias"]).still(str(tmp_path / "alias" / "a.png")).shape == (6, 8, 3)


# -- videos -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", [ID, f"clip://{ID}"])
def test_a_clip_is_a_video(inputs: Inputs, clip: Clip, reference: str) -> None:
    found = inputs.video(reference)
    assert (found.path, found.reference, found.start_s, found.end_s) == (clip.path, reference, 0.0, None)
    assert (found.width, found.height, found.fps, found.duration_s, found.has_audio) == (64, 48, 10.0, 2.5, False)


@pytest.mark.parametrize(
    ("span", "frames"), [("0-0.3", [0, 1, 2]), ("1.2-1.5", [12, 13, 14]), ("2.2-2.5", [22, 23, 24])]
)
def test_a_span_is_cut_exactly(inputs: Inputs, span: str, frames: list[int]) -> None:
    found = inputs.video(f"{ID}@{span}")
    assert found.duration_s == pytest.approx(0.3)
    assert [number(frame) for frame in read_video(found, 64, 48, 10.0, 3)] == frames


@pytest.mark.parametrize("span", ["0-2.51", "2.4-9", "3-4", "999998-999999", "1-999999.999999"])
def test_a_span_beyond_the_clip_is_refused_with_its_length(inputs: Inputs, span: str) -> None:
    with pytest.raises(BadInput, match=r"from 0 to 2\.500"):
        inputs.video(f"{ID}@{span}")


@pytest.mark.parametrize("span", ["0-0.000001", "1-1.05", "2.499-2.5"])
def test_a_span_shorter_than_a_frame_is_refused(inputs: Inputs, span: str) -> None:
    with pytest.raises(BadInput, match=r"takes 0\.100 s"):
        inputs.video(f"{ID}@{span}")


def test_a_frame_is_not_a_video(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match=f"{ID}@1-3"):
        inputs.video(f"{ID}@1")


def test_a_missing_clip_is_answered_with_the_nearest(inputs: Inputs) -> None:
    with pytest.raises(NotFound, match=f"nearest ids are {ID}"):
        inputs.video("red-ball-3f9k2m70@0-1")


@pytest.mark.parametrize(
    "name", ["film.mp4", "-i.mp4", "日本 café.mov", "%03d.mp4", "concat:a|b.mp4", "no_suffix", "film.png"]
)
def test_a_film_inside_a_root_is_read_whatever_its_name(inputs: Inputs, root: Path, clip: Clip, name: str) -> None:
    (root / name).write_bytes(clip.path.read_bytes())
    for reference in (str(root / name), (root / name).as_uri()):
        found = inputs.video(reference)
        assert (found.path, found.reference, found.duration_s) == (root / name, reference, 2.5)
        assert [number(frame) for frame in read_video(found, 64, 48, 2.0, 5)] == [0, 5, 10, 15, 20]


# -- what may not be read ---------------------------------------------------------------------------


def test_an_answer_does_not_tell_whether_a_file_outside_exists(inputs: Inputs, root: Path) -> None:
    def answer(name: str) -> str:
        with pytest.raises(BadInput) as refusal:
            inputs.still(str(root.parent / name))
        return str(refusal.value).replace(name, "NAME")

    assert answer("secret.png") == answer("absent.png")


def test_staging_cannot_be_named_even_inside_a_root(library: Library, data: Path) -> None:
    unmoderated = library.stage("job-2") / "frame.png"
    unmoderated.write_bytes(encoded())
    with pytest.raises(BadInput, match="belongs to the archive"):
        Inputs(library, [data.parent]).still(str(unmoderated))


# -- as chats show them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelled",
    [
        '"PATH"', "'PATH'", "`PATH`", "\u201cPATH\u201d", "\u2018PATH\u2019", "\u00abPATH\u00bb", "<PATH>",
        "[the cat](PATH)", "@PATH",
        "ROOT/my%20cat%20(1).png", "ROOT/my\\ cat\\ \\(1\\).png", "file://ROOT/my%20cat%20(1).png",
        "file://ROOT/my cat (1).png", '"file://ROOT/my%20cat%20(1).png"',
    ],
)  # fmt: skip
def test_a_path_is_taken_as_a_chat_shows_it(inputs: Inputs, root: Path, spelled: str) -> None:
    path = root / "my cat (1).png"
    path.write_bytes(encoded())
    text = spelled.replace("PATH", str(path)).replace("ROOT", str(root))
    assert inputs.parse(text) == FileRef(path)
    assert inputs.still(text).shape == (6, 8, 3)


def test_a_folder_is_taken_alike(inputs: Inputs, root: Path) -> None:
    (root / "my films").mkdir()
    for spelled in ('"ROOT/my films"', "ROOT/my%20films", "ROOT/my\\ films", "file://ROOT/my%20films"):
        assert inputs.folder(spelled.replace("ROOT", str(root))) == (root / "my films").resolve()


def test_a_clip_in_quotes_is_the_clip(inputs: Inputs) -> None:
    assert inputs.parse(f'"{ID}@0.5"') == ClipRef(ID, at_s=0.5)


def test_the_home_folder_may_be_written_short(library: Library) -> None:
    home = Path.home()
    assert Inputs(library, [home]).parse("~/a.png") == FileRef(home / "a.png")
    assert Inputs(library, [home]).parse("`~/a.png`") == FileRef(home / "a.png")


def test_a_name_that_is_spelled_so_comes_before_what_it_would_mean(inputs: Inputs, root: Path) -> None:
    (root / "a%20b.png").write_bytes(encoded((6, 6)))
    (root / "a b.png").write_bytes(encoded((8, 6)))
    assert inputs.still(f"{root}/a%20b.png").shape == (6, 6, 3)


def test_what_lies_outside_does_not_change_what_a_spelling_means(inputs: Inputs, root: Path) -> None:
    told = []
    for name in ("secret.png", "absent.png"):
        with pytest.raises(BadInput) as refusal:
            inputs.still(f"{root}/..%2F{name}")
        told.append(str(refusal.value).replace(name, ""))
    assert told[0] == told[1]


def test_a_bare_name_is_answered_with_the_path_that_it_has_inside_a_root(inputs: Inputs, root: Path) -> None:
    (root / "cat.png").write_bytes(encoded())
    with pytest.raises(BadInput, match=rf"Did you mean {root}/cat\.png\?"):
        inputs.still("cat.png")


def test_a_root_that_is_not_there_is_said_where_files_may_come_from(library: Library, root: Path) -> None:
    inputs = Inputs(library, [root, root / "gone"])
    with pytest.raises(BadInput, match=r"gone \(not there\)"):
        inputs.still(f"{root}/nothing.png")


def test_a_file_of_another_kind_is_named_and_the_next_step_with_it(inputs: Inputs, root: Path) -> None:
    shutil.copy(film("bikes.mp4"), root / "film.png")
    with pytest.raises(BadInput, match=r"film\.png is an MP4 video; an image is needed here\. Use .*JPEG") as refusal:
        inputs.still(f"{root}/film.png")
    assert "clip_id@seconds" in refusal.value.hint
    for kind, told in (("PNG", "a PNG image"), ("JPEG", "a JPEG image"), ("WEBP", "a WebP image"), ("TIFF", "a TIFF")):
        (root / "image.mp4").write_bytes(encoded(kind=kind))
        with pytest.raises(
            MediaError, match=rf"image\.mp4 is {told}.*; a video is needed here\. .*MP4.* animate_image makes"
        ):
            inputs.video(f"{root}/image.mp4")
    (root / "song.mp4").write_bytes(b"ID3\x04" + bytes(2000))
    with pytest.raises(MediaError, match="is an MP3 file; a video is needed here"):
        inputs.video(f"{root}/song.mp4")
