"""Writes `ltx_mcp/moderation/confusables.txt`: the characters that Unicode says look like Latin letters.

    uv run --no-project --with confusable-homoglyphs==3.3.1 bench/confusables.py

The source is Unicode's confusables.txt (UTS #39), as that package carries it. Only what looks like one ASCII letter is
kept: folding has no use for the rest.
"""

from pathlib import Path
from string import ascii_letters

TABLE = Path(__file__).parent.parent / "ltx_mcp" / "moderation" / "confusables.txt"
HEAD = """\
# Characters that look like a Latin letter: the letter, a space, all that look like it. bench/confusables.py made it.
# From the confusables.txt of Unicode Technical Standard #39, as confusable-homoglyphs 3.3.1 carries it.
# Copyright 1991-2024 Unicode, Inc. Unicode-3.0 licence: UNICODE-LICENCE.txt
"""
_DIRECTION = "\u200e"  # is put around letters that are written from right to left


def published() -> dict[str, set[str]]:
    """{ASCII letter: every other single character that looks like it}, as published."""
    from confusable_homoglyphs.confusables import confusables_data

    return {
        letter: {
            other
            for entry in confusables_data.get(letter, ())
            if len(other := entry["c"].strip(_DIRECTION)) == 1 and other not in ascii_letters
        }
        for letter in ascii_letters
    }


def table() -> str:
    rows = [f"{letter} {''.join(sorted(others))}\n" for letter, others in published().items() if others]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(f"{TABLE}: {sum(map(len, published().values()))} characters")
