"""How a frame is cut into overlapping tiles, and how few are needed. Lengths are in latent cells of 32 pixels.

A refining pass in tiles predicts every tile from the same noisy latents in each step and blends the predictions, so
the step is taken once, for the whole frame, and seams cannot grow (engine/diffusers_ltx/steered_transformer.py).
"""

import math
from collections.abc import Iterator

OVERLAP = 8
"""Cells that neighbours share: 256 pixels. Lightricks' tiled pass takes 5 (ltx-pipelines, the multi-GPU two-stage
pipeline), diffusers' 12 (0.42.1, pipelines/ltx2/dfr_layout.py). With 8, two tiles of the trained 64 cells make 120,
which is 2160p."""

LEAST_SIDE = 3 * OVERLAP  # a smaller tile is mostly overlap, and sees too little of the frame
MOST_SIDE = 64
"""2048 pixels: what rotary positions were trained on (LTX-2's config: base_height, base_width). A tile has positions of
its own from zero on, as if it were the whole frame (so does diffusers' video_tile_plan), so none is ever beyond."""

Span = tuple[int, int]
"""First cell and the one after the last."""


def spans(cells: int, count: int, overlap: int = OVERLAP) -> list[Span]:
    """`count` spans over so many cells, as even as can be, each sharing `overlap` cells with the next."""
    size, larger = divmod(cells + overlap * (count - 1), count)
    found, start = [], 0
    for index in range(count):
        end = start + size + (index < larger)
        found.append((start, end))
        start = end - overlap
    return found


def longest(cells: int, count: int, overlap: int = OVERLAP) -> int:
    """The longest of the spans."""
    return math.ceil((cells + overlap * (count - 1)) / count)


def tilings(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """(tiles across, tiles down) that keep every tile within the trained positions, the fewest tiles first.

    Of as many tiles the most square ones come first. (1, 1) is the whole frame.
    """
    across, down = (_counts(cells) for cells in (columns, rows))
    pairs = [(wide, high) for wide in across for high in down]
    yield from sorted(pairs, key=lambda pair: (pair[0] * pair[1], _squareness(columns, rows, pair)))


def tile_cells(columns: int, rows: int, tiles: tuple[int, int]) -> int:
    """Cells of the largest tile."""
    return longest(columns, tiles[0]) * longest(rows, tiles[1])


def _counts(cells: int) -> list[int]:
    fitting = []
    for count in range(1, cells + 1):
        side = longest(cells, count)
        if count > 1 and side < LEAST_SIDE:
            break
        if side <= MOST_SIDE:
            fitting.append(count)
    return fitting


def _squareness(columns: int, rows: int, tiles: tuple[int, int]) -> float:
    """0 for a square tile, more for a longer one."""
    return abs(math.log(longest(columns, tiles[0]) / longest(rows, tiles[1])))
