"""Titles, lower thirds and captions as one ASS script: where they stand, how large, how they come and go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mcp.types.film import TimedText
from ltx_mcp.types.timeline import Position
from ltx_mcp.typeset.fonts import with_cjk_family
from ltx_mcp.typeset.plain_text import cleaned, escaped, is_right_to_left, with_bracket_marks
from ltx_mcp.typeset.script import new_script, save
from ltx_mcp.typeset.stacking import Block, shifts
from ltx_mcp.typeset.styles import LOOKS, SAFE_HEIGHT, SAFE_WIDTH, Look, ass_style, box_of
from ltx_mcp.typeset.wrapping import fit, height_of, width_of

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
    fitted = [_Fitted.of(timed, width, height) for timed in texts if cleaned(timed.text)]
    moved = shifts([each.block(width, height) for each in fitted], height, SAFE_HEIGHT)
    script.events = [
        each.event(width, height, shift, layer) for layer, (each, shift) in enumerate(zip(fitted, moved, strict=True))
    ]
    save(script, path)


@dataclass(frozen=True)
class _Fitted:
    """A text with its size: `em`, `across` and the height of its `lines` in pixels; `key` as ASS counts positions."""

    timed: TimedText
    broken: str
    em: float
    across: float
    lines: float
    key: int

    @classmethod
    def of(cls, timed: TimedText, width: int, height: int) -> "_Fitted":
        text, box = cleaned(timed.text), box_of(LOOKS[timed.style], width, height)
        em, broken = fit(text, box)
        return cls(timed, broken, em, width_of(text, box.width, em), height_of(text, box.width, em), _key(timed, text))

    @property
    def look(self) -> Look:
        return LOOKS[self.timed.style]

    def block(self, width: int, height: int) -> Block:
        padding, (start, end) = self.look.edge * self.em, self._span_ms
        wide, high = self.across + 2 * padding, self.lines + 2 * padding
        side, edge = SAFE_WIDTH * width, (SAFE_HEIGHT + self.look.lift) * height
        left = (side, (width - wide) / 2, width - side - wide)[(self.key - 1) % 3]
        top = (height - edge - high, (height - high) / 2, edge)[(self.key - 1) // 3]
        rank = 0 if self.timed.style == "subtitle" else 1 if self.key <= 3 else 2
        return Block(left, top, left + wide, top + high, start, end, up=self.key <= 3, rank=rank)

    def event(self, width: int, height: int, shift: float, layer: int) -> "SSAEvent":
        """`shift` is that of its block, in pixels. Each has a layer of its own: libass moves what shares one."""
        from pysubs2 import SSAEvent

        tags = rf"\an{self.key}{self.look.tags(self.em, self.timed.end_s - self.timed.start_s)}"
        margin = 0  # that of the style
        if shift and 4 <= self.key <= 6:  # the middle has no margin above or below
            side = round(SAFE_WIDTH * width + self.look.edge * self.em)
            tags += rf"\pos({(side, width // 2, width - side)[self.key - 4]},{height / 2 + shift:.0f})"
        elif shift:
            margin = ass_style(self.look, width, height).marginv + round(-shift if self.key <= 3 else shift)
        start, end = self._span_ms
        return SSAEvent(
            start=start,
            end=end,
            style=self.timed.style,
            layer=layer,
            marginv=margin,
            text=f"{{{tags}}}{_styled_lines(self.look, self.em, self._marked)}",
        )

    @property
    def _span_ms(self) -> tuple[int, int]:
        return round(self.timed.start_s * 1000), round(self.timed.end_s * 1000)

    @property
    def _marked(self) -> str:
        return with_cjk_family(escaped(with_bracket_marks(self.broken)))


def _key(timed: TimedText, text: str) -> int:
    if timed.position is not None:
        return _KEYS[timed.position]
    key = _KEYS[LOOKS[timed.style].position]
    return _MIRRORED.get(key, key) if is_right_to_left(text) else key


def _styled_lines(look: Look, em: float, text: str) -> str:
    """The lines after the first in the look's second size, such as the role under a name."""
    first, line_end, rest = text.partition(r"\N")
    return first + line_end + look.second_line(em) + rest if rest else first
