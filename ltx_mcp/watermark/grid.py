"""The carriers of a frame: the cells of a grid, each of which is made a little lighter or darker.

A grid has as many cells whatever the frame's size, so that a scaled copy needs no search.
"""

from ltx_mcp.watermark.carriers import Carriers

CELLS = 2304
"""Of any grid. At 960x540 a cell is 15 pixels wide. With 2.25 times as many, less of the mark was left in moving
textures at half the size and CRF 28, and the files grew more.
"""

CARRIERS = Carriers(b"ltx-mcp watermark, version 1", CELLS, 346)  # 15 % of them are known


def grid_of(width: int, height: int) -> tuple[int, int]:
    """(rows, columns) of nearly square cells: for a wide frame, a tall one, or one between."""
    if width >= 4 / 3 * height:
        return 36, 64
    return (64, 36) if height >= 4 / 3 * width else (48, 48)
