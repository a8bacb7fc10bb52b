"""What titles, lower thirds and captions look like. Every measure is relative to the frame's short side.

White semi-bold letters: titles with a soft dark edge, lower thirds and captions on a translucent dark box, so that
both can be read over snow and over night.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ltx_mcp.types.film import TextStyle
from ltx_mcp.typeset.fonts import FAMILY
from ltx_mcp.typeset.wrapping import LINE_EM, Box

if TYPE_CHECKING:
    from pysubs2 import SSAStyle

SAFE_WIDTH, SAFE_HEIGHT = 0.10, 0.05  # of the frame, kept free at each side: the title-safe area
FLOOR = 0.032  # em by the short side: what can just be read on a telephone
_FADE_MS = 250
_EDGE_OPACITY = 0.7


@dataclass(frozen=True)
class Look:
    """`em` and `floor` of the short side; `share` of the frame's height that it takes before it shrinks on.

    `edge` and `blur` of the em: a blurred outline, or the padding of a box with the opacity `box` (0..1).
    """

    em: float
    share: float
    position: Literal["center", "bottom", "bottom_left"]
    edge: float
    blur: float = 0.0
    box: float = 0.0
    lift: float = 0.0  # of the height, above the safe area's edge
    second: float = 1.0  # size of the lines after the first
    fade: bool = False

    def tags(self, em: float, lasting_s: float) -> str:
        """ASS overrides: the size that was fitted, its edge, and how it comes and goes."""
        fade_ms = min(_FADE_MS, round(lasting_s * 250)) if self.fade else 0
        tags = [rf"\fs{em * LINE_EM:.1f}", rf"\{'shad' if self.box else 'bord'}{em * self.edge:.2f}"]
        tags += [rf"\blur{em * self.blur:.2f}"] if self.blur else []
        return "".join(tags + ([rf"\fad({fade_ms},{fade_ms})"] if fade_ms else []))

    def second_line(self, em: float) -> str:
        return rf"{{\fs{em * LINE_EM * self.second:.1f}\b500}}" if self.second != 1 else ""


LOOKS: dict[TextStyle, Look] = {
    "title": Look(em=0.085, share=0.6, position="center", edge=0.07, blur=0.07, fade=True),
    "lower_third": Look(
        em=0.052, share=0.3, position="bottom_left", edge=0.38, box=0.6, lift=0.13, second=0.72, fade=True
    ),
    "caption": Look(em=0.046, share=0.25, position="bottom", edge=0.3, box=0.6),
    "subtitle": Look(em=0.046, share=0.25, position="bottom", edge=0.3, box=0.6),
}


def ass_style(look: Look, width: int, height: int) -> "SSAStyle":
    """The style of a script for frames of this size."""
    from pysubs2 import Color, SSAStyle

    short = min(width, height)
    shade = Color(12, 14, 18, round(255 * (1 - (look.box or _EDGE_OPACITY))))
    padding = round(look.edge * look.em * short)
    return SSAStyle(
        fontname=FAMILY,
        fontsize=look.em * short * LINE_EM,
        bold=True,
        primarycolor=Color(255, 255, 255),
        outlinecolor=shade,
        backcolor=shade,
        # 4 is libass's own: one box around all lines, as far from the letters as a shadow would fall
        borderstyle=4 if look.box else 1,
        outline=0 if look.box else padding,
        shadow=padding if look.box else 0,
        marginl=round(SAFE_WIDTH * width) + padding,
        marginr=round(SAFE_WIDTH * width) + padding,
        marginv=round((SAFE_HEIGHT + look.lift) * height) + padding,
        encoding=-1,  # the text's own direction, not always left to right
    )


def box_of(look: Look, width: int, height: int) -> Box:
    """Where a text of this look may stand."""
    short = min(width, height)
    padding = 2 * look.edge * look.em * short
    return Box(
        width=(1 - 2 * SAFE_WIDTH) * width - padding,
        height=look.share * height,
        max_height=(1 - 2 * SAFE_HEIGHT - look.lift) * height - padding,
        ideal_px=look.em * short,
        floor_px=FLOOR * short,
    )
