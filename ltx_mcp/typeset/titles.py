"""Titles, lower thirds and captions as one ASS script: where they stand, how large, how they come and go."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mcp.types.timeline import Position, TimedText
from ltx_mcp.typeset.fonts import with_cjk_family
from ltx_mcp.typeset.plain_text import cleaned, escaped, is_right_to_left, with_bracket_marks
from ltx_mcp.typeset.script import new_script, save
from ltx_mcp.typeset.styles import LOOKS, Look, ass_style, box_of
from ltx_mcp.typeset.wrapping import fit

if TYPE_CHECKING:
    from pysubs2 import SSAEvent

# As on a numeric keypad, which is how ASS counts.
_KEYS: dict[Position, int] = {
    "bottom_left": 1, "bottom": 2, "bottom_right": 3,
    "left": 4, "center": 5, "right": 6,
    "top_left": 7, "top": 8, "top_right": 9,
}  # fmt: skip
_MIRRORED = {1: 3, 4: 6, 7: 9}  # a lower third begins where its script begins


def write_titles(path: Path, texts: Sequence[TimedText], width: int, height: int) -> None:
    """Write the script that sets these texts over frames of `width` x `height` pixels; empty ones are left out.

    No text leaves the title-safe area: it shrinks to a floor, then wraps, and shrinks on only if it must. Nothing
    in a text acts as markup.
    """
    script = new_script(width, height)
    for name, look in LOOKS.items():
        script.styles[name] = ass_style(look, width, height)
    script.events = [_event(timed, width, height) for timed in texts if cleaned(timed.text)]
    save(script, path)


def _event(timed: TimedText, width: int, height: int) -> "SSAEvent":
    from pysubs2 import SSAEvent

    look, text = LOOKS[timed.style], cleaned(timed.text)
    em, broken = fit(text, box_of(look, width, height))
    tags = rf"\an{_key(timed, text)}{look.tags(em, timed.end_s - timed.start_s)}"
    return SSAEvent(
        start=round(timed.start_s * 1000),
        end=round(timed.end_s * 1000),
        style=timed.style,
        layer=look.layer,
        text=f"{{{tags}}}{_styled_lines(look, em, with_cjk_family(escaped(with_bracket_marks(broken))))}",
    )


def _key(timed: TimedText, text: str) -> int:
    if timed.position is not None:
        return _KEYS[timed.position]
    key = _KEYS[LOOKS[timed.style].position]
    return _MIRRORED.get(key, key) if is_right_to_left(text) else key


def _styled_lines(look: Look, em: float, text: str) -> str:
    """The lines after the first in the look's second size, such as the role under a name."""
    first, line_end, rest = text.partition(r"\N")
    return first + line_end + look.second_line(em) + rest if rest else first
