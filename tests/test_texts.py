"""Text that is shown: nothing invisible in it, cut between letters as people count them, in any script."""

import subprocess
import sys
from typing import Any

import pytest

from ltx_mcp.types.texts import cut, harmless, harmless_data, latin, title_of

FORGED = (
    "a\x1b[31mred\x1b]0;title\x07 \u202egpj.exe\u202c \u2066x\u2069\u200e\u200b\ufeff\u00ad\x00\x9b1m"
    "\ud800\U000e0041 end"
)


def test_no_control_escape_or_bidi_character_is_shown() -> None:
    assert harmless(FORGED) == "a[31mred]0;title gpj.exe x1m end"
    assert harmless("two\nlines\tand a tab") == "two\nlines\tand a tab"
    assert harmless_data({"a": [FORGED, 1, None, {"b": ("\u202e",)}]}) == {
        "a": [harmless(FORGED), 1, None, {"b": [""]}]
    }


@pytest.mark.parametrize("text", ["نمی‌خواهم", "क्‍ष", "👩‍👩‍👧‍👦 🏳️‍🌈 🦜", "e\u0301 ไม้เอก ខ្មែរ", "straße", "\u3000"])
def test_what_scripts_and_emoji_are_written_with_stays(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("a red ball rolls away", 12, "a red ball…"),
        ("a red ball", 10, "a red ball"),
        ("一只红色的熊猫在竹林里吃竹子", 6, "一只红色的…"),
        ("👩‍👩‍👧‍👦" * 9, 3, "👩‍👩‍👧‍👦👩‍👩‍👧‍👦…"),
        ("e\u0301" * 9, 4, "e\u0301" * 3 + "…"),
        ("ខ្មែរ" * 9, 2, "ខ្មែ…"),
        ("two\n lines \u202eof it", 40, "two lines of it"),
        ("z" + "\u0300" * 5000, 4, "z" + "\u0300" * 63 + "…"),
    ],
)
def test_a_text_is_cut_between_letters(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown


def test_a_title_is_the_first_sentence_in_any_script() -> None:
    assert title_of("A boat. It rains.") == "A boat"
    assert title_of("犬が走る。雨が降る。") == "犬が走る"
    assert title_of("竹" * 200) == "竹" * 79 + "…"


def test_other_scripts_are_transliterated_and_signs_left_out() -> None:
    assert latin("Кошка 猫 고양이 🦜 naïve (1)") == "Koshka Mao Go Yang I naive (1)"


def test_a_forged_title_reaches_no_terminal(tmp_path: Any) -> None:
    row = {"title": f"{FORGED}\n\tx", "n": 1}
    code = (
        f"from ltx_mcp.cli.output import show_rows, out; show_rows([{row!r}], ''); out.print({FORGED!r}, markup=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode() == f"{' '.join(harmless(FORGED).split())} x\t1\n{harmless(FORGED)}\n"
