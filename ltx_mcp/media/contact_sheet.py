"""Draws the JPEGs that an agent sees: a clip's contact sheet, a search's board, and frames asked for by their times.

A host takes at most 1 MB for a whole tool result, images in base64, so each stays under 400 KB whatever it shows,
and frames that were asked for under what the caller allows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from ltx_mcp.errors import MediaError
from ltx_mcp.media.resize import contain
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.texts import latin

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

SHEET_FRAMES = 9
BOARD_ITEMS = 20
MAX_WIDTH, MAX_HEIGHT = 1024, 1280  # pixels of the whole page
MAX_BYTES = 400_000
_GOOD_BYTES = 150_000  # the quality is lowered to meet it; only noise needs more
_QUALITIES = (88, 80, 70, 60, 45, 30)

_GAP, _LINE, _FONT_PX = 8, 21, 16  # pixels: between tiles, a line of caption, its letters
_MAX_LINES, _MAX_CHARS = 3, 200  # of a label, of a line: more than fits the widest tile
_WIDEST_TILE = 496  # pixels: one moment alone does not need a whole page
_PAPER, _INK, _FAINT, _MARK = "#16181d", "#f4f5f7", "#aab1bd", "#ffc53d"


class ContactSheet:
    """Keeps a few frames, shrunk as they pass by: of a film one a shot, else nine spread over the clip.

    Those nine have the first and the last frame among them. `shots` are the places of the frames that stand for a
    film's shots; where two shots have the same one, it stands for both.
    """

    def __init__(self, frames: int, fps: float, shots: Sequence[int] = ()) -> None:
        count = min(SHEET_FRAMES, frames)
        spread = [round(tile * (frames - 1) / max(1, count - 1)) for tile in range(count)]
        self.wanted = frozenset(shots or spread)
        self._fps, self._shots = fps, tuple(shots)
        self._columns = min(len(self.wanted), max(3, math.ceil(math.sqrt(len(self.wanted)))))
        self._tiles: list[_Tile] = []

    def see(self, index: int, frame: Frame) -> None:
        """Frame `index` of the clip, counted from 0; to be called for each, in order."""
        if index in self.wanted:
            width, height = _tile_size(max(SHEET_FRAMES, len(self.wanted)), max(3, self._columns), lines=1)
            time = f"{index / self._fps:.1f} s"
            numbers = [str(number) for number, place in enumerate(self._shots, 1) if place == index]
            label = f"shot {', '.join(numbers)}: {time}" if numbers and len(self._shots) <= 25 else time
            self._tiles.append(_Tile(contain(frame, width, height), (label,)))

    def jpeg(self) -> bytes:
        """The frames seen so far, at least three in a row, each above its time. Raises MediaError if there are none."""
        return _jpeg(_draw_page(self._tiles, min(self._columns, len(self._tiles))))


def board(items: Sequence[tuple[Frame, str]]) -> bytes:
    """A JPEG of (frame, label) pairs, numbered from 1, of which the first 20 are shown.

    A label stands under its frame, up to three lines of it, each cut at the end: what matters comes first. Raises
    MediaError if there is no item.
    """
    shown = items[:BOARD_ITEMS]
    columns = 4 if len(shown) > 9 else min(3, len(shown))
    labels = [tuple(label.splitlines()[:_MAX_LINES]) for _, label in shown]
    width, height = _tile_size(len(shown), columns, max(map(len, labels), default=0))
    tiles = [
        _Tile(contain(frame, width, height), label, rank)
        for rank, ((frame, _), label) in enumerate(zip(shown, labels, strict=True), 1)
    ]
    return _jpeg(_draw_page(tiles, columns))


def draw_frames(items: Sequence[tuple[Frame, str]], side: int, max_bytes: int) -> bytes:
    """A JPEG of (frame, label) pairs with nothing cut off, as large as fits a page of `side` x `side` pixels.

    Raises MediaError if there is no item.
    """
    if not items:
        raise MediaError("There is no frame to show.")
    widest = max(frame.shape[1] / frame.shape[0] for frame, _ in items)
    columns, (width, height) = max(
        ((columns, _tile_within(side, len(items), columns, widest)) for columns in range(1, len(items) + 1)),
        key=lambda choice: choice[1][0],
    )
    tiles = [_Tile(contain(frame, width, height), (label,)) for frame, label in items]
    return _jpeg(_draw_page(tiles, columns), max_bytes, max_bytes)


def draw_one(frame: Frame, label: str, max_bytes: int) -> bytes:
    """A JPEG of one frame, as it is, above its label."""
    return _jpeg(_draw_page([_Tile(frame, (label,))], 1), max_bytes, max_bytes)


@dataclass(frozen=True)
class _Tile:
    frame: Frame
    lines: tuple[str, ...]
    rank: int | None = None


def _tile_size(tiles: int, columns: int, lines: int) -> tuple[int, int]:
    """The (width, height) in pixels that one frame may take, so that all fit on the page."""
    columns = max(1, columns)
    rows = max(1, math.ceil(tiles / columns))
    width = (MAX_WIDTH - _GAP) // columns - _GAP
    height = (MAX_HEIGHT - _GAP) // rows - _GAP - lines * _LINE
    width = min(width, _WIDEST_TILE)
    return width, min(height, width * 5 // 4)  # so that one portrait does not tower over its landscape row


def _tile_within(side: int, tiles: int, columns: int, aspect: float) -> tuple[int, int]:
    """The (width, height) of a tile of this aspect, so that `tiles` in `columns` fit a square page."""
    rows = math.ceil(tiles / columns)
    width, height = (side - _GAP) // columns - _GAP, (side - _GAP) // rows - _GAP - _LINE
    width = max(1, min(width, int(height * aspect)))
    return width, max(1, min(height, width * 5 // 2))


def _draw_page(tiles: Sequence[_Tile], columns: int) -> "Image":
    """All tiles on one page. A column is as wide as the widest frame, a row as high as its highest."""
    from PIL import Image, ImageDraw, ImageFont

    if not tiles:
        raise MediaError("There is no frame to show.")
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = max(tile.frame.shape[1] for tile in tiles)
    caption = max(len(tile.lines) for tile in tiles) * _LINE
    heights = [max(tile.frame.shape[0] for tile in row) + caption + _GAP for row in rows]
    page = Image.new("RGB", (columns * (width + _GAP) + _GAP, sum(heights) + _GAP), _PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_FONT_PX)
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = _GAP + column * (width + _GAP)
            page.paste(Image.fromarray(tile.frame), (left, top))
            _draw_caption(draw, font, tile, (left, top), width)
        top += height
    return page


def _draw_caption(
    draw: "ImageDraw", font: "ImageFont | FreeTypeFont", tile: _Tile, corner: tuple[int, int], width: int
) -> None:
    """The rank on the frame, the lines under it, cut to `width`; the first line is the brightest.

    In Latin letters: Pillow's own font draws all others as empty boxes.
    """
    left, top = corner
    if tile.rank is not None:
        right, bottom = left + 14 + 9 * len(str(tile.rank)), top + 25
        draw.rectangle((left, top, right, bottom), fill=_MARK)
        draw.text(((left + right) / 2, top + 13), str(tile.rank), fill=_PAPER, font=font, anchor="mm")
    for number, line in enumerate(tile.lines):
        middle = top + tile.frame.shape[0] + number * _LINE + _LINE // 2 + 1
        text = _shortened(draw, font, latin(line[:_MAX_CHARS]), width)
        draw.text((left + 1, middle), text, fill=_FAINT if number else _INK, font=font, anchor="lm")


def _shortened(draw: "ImageDraw", font: "ImageFont | FreeTypeFont", text: str, width: int) -> str:
    kept = text
    while kept and draw.textlength(kept if kept == text else f"{kept}…", font=font) > width:
        kept = kept[:-1].rstrip()
    return kept if kept == text else f"{kept}…"


def _jpeg(page: "Image", good_bytes: int = _GOOD_BYTES, max_bytes: int = MAX_BYTES) -> bytes:
    """At the best quality that makes it small enough; if none does, at half the size."""
    for quality in _QUALITIES:
        buffer = BytesIO()
        page.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= good_bytes:
            return buffer.getvalue()
    return buffer.getvalue() if buffer.tell() <= max_bytes else _jpeg(page.reduce(2), good_bytes, max_bytes)
