"""Sampled frames of long footage, on the disk rather than in memory until they are embedded."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import overload

import numpy as np

from ltx_mcp.types.frames import Frame

_QUALITY = 95  # of JPEG; the mean error is about one of 255, below what video codecs leave


class SpooledFrames(Sequence[Frame]):
    """A list of frames in one file, which it makes: each is read when it is asked for."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ends = [0]
        file.touch()

    def append(self, frame: Frame) -> None:
        """Add (height, width, 3) uint8."""
        from PIL import Image

        jpeg = BytesIO()
        Image.fromarray(frame).save(jpeg, "JPEG", quality=_QUALITY, subsampling=0)
        with self._file.open("ab") as file:
            file.write(jpeg.getbuffer())
        self._ends.append(self._ends[-1] + jpeg.tell())

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Frame: ...
    @overload
    def __getitem__(self, place: slice) -> list[Frame]: ...
    def __getitem__(self, place: int | slice) -> Frame | list[Frame]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self._read(place % len(self))

    def __iter__(self) -> Iterator[Frame]:
        return (self._read(place) for place in range(len(self)))

    def _read(self, place: int) -> Frame:
        from PIL import Image

        with self._file.open("rb") as file:
            file.seek(self._ends[place])
            jpeg = file.read(self._ends[place + 1] - self._ends[place])
        return np.array(Image.open(BytesIO(jpeg)))
