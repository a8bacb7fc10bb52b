"""The fonts in the package: what they show on a machine that has none, and what is said of what they cannot."""

from pathlib import Path

import pytest
from typeset_kit import set_over_grey, title

from ltx_mcp.errors import BadInput
from ltx_mcp.typeset.fonts import FONTS, check_fonts, font_folder, missing_characters, with_cjk_family

BARE = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>'

SHOWN = {
    "Latin": "Zażółć gęślą jaźń, Straße, señor, Tiếng Việt",
    "Greek": "Ελληνικά",
    "Cyrillic": "Съешь же ещё",
    "Hebrew": "שלום עולם",
    "Arabic": "مرحبا بالعالم، پێنج ٹ",
    "Devanagari": "नमस्ते दुनिया",
    "Thai": "สวัสดีชาวโลก",
    "Armenian": "Բարեւ",
    "Georgian": "გამარჯობა",
    "Tamil": "வணக்கம்",
    "punctuation": "“…” \u2013 — • € ₹ © ™ ½ → ♪",
    "emoji": "🎬🚀😀🧑‍🚀👍🏽❤️🇫🇷",
}


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fontconfig finds no font at all."""
    config = tmp_path / "fonts.conf"
    config.write_text(BARE)
    monkeypatch.setenv("FONTCONFIG_FILE", str(config))
    return tmp_path


@pytest.mark.parametrize("text", SHOWN.values(), ids=SHOWN)
def test_our_fonts_alone_show_it(bare_machine: Path, text: str) -> None:
    assert check_fonts([text], bare_machine) == ""


def test_titles_are_set_without_any_fontconfig_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "missing.conf"))
    monkeypatch.setenv("FONTCONFIG_PATH", str(tmp_path))
    assert (set_over_grey(tmp_path, [title("Here")]) > 220).any()
    assert check_fonts(["Straße 😀"], tmp_path) == ""


def test_a_script_without_a_font_is_named_with_the_remedy(bare_machine: Path) -> None:
    with pytest.raises(BadInput, match=r"can show Cherokee letters, such as Ꭳ.*Install a font for it") as caught:
        check_fonts(["Welcome", "ᎣᏏᏲ"], bare_machine)
    assert caught.value.hint


def test_a_missing_sign_is_noted_and_no_error(bare_machine: Path) -> None:
    assert "🂡" in check_fonts(["ace: 🂡"], bare_machine)


def test_the_optional_font_shows_chinese_japanese_and_korean(bare_machine: Path) -> None:
    assert check_fonts(["夜の東京", "안녕하세요", "中文字幕"], bare_machine) == ""
    assert missing_characters(["夜の東京"], bare_machine) == frozenset()
    assert (set_over_grey(bare_machine, [title("夜")]) > 220).any()


def test_the_optional_font_is_loaded_only_where_it_is_needed(tmp_path: Path) -> None:
    assert font_folder(["Latin", "שלום"], tmp_path) == FONTS
    folder = font_folder(["夜"], tmp_path)
    assert {path.name for path in FONTS.iterdir()} < {path.name for path in folder.iterdir()}
    assert font_folder(["夜"], tmp_path) == folder, "again"


def test_only_cjk_runs_are_marked() -> None:
    marked = with_cjk_family("A 夜の b")
    assert marked.startswith("A {\\fn")
    assert marked.endswith("}夜の{\\fn} b")
    assert with_cjk_family("plain") == "plain"


def test_the_fonts_are_small_and_have_their_licence_beside_them() -> None:
    assert sum(path.stat().st_size for path in FONTS.iterdir()) < 1_500_000
    assert {path.suffix for path in FONTS.iterdir()} == {".ttf"}
    assert "SIL OPEN FONT LICENSE Version 1.1" in (FONTS.parent / "OFL.txt").read_text()
