"""Sampled frames of long footage, on the disk rather than in memory until they are embedded."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import overload
from weakref import finalize

import numpy as np

from ltx_mcp.types.frames import Frame

_QUALITY = 95  # of JPEG; the mean error is about one of 255, below what video codecs leave


class SpooledFrames(Sequence[Frame]):
    """A list of frames in a file without a name on the disk of `folder`, gone with the list: each is read when it is
    asked for.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - open as long as the list is there
        finalize(self, self._file.close)
        self._ends = [0]

    def append(self, frame: Frame) -> None:
        """Add (height, width, 3) uint8."""
        from PIL import Image

        jpeg = BytesIO()
        Image.fromarray(frame).save(jpeg, "JPEG", quality=_QUALITY, subsampling=0)
        self._file.seek(self._ends[-1])
        self._file.write(jpeg.getbuffer())
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

        self._file.seek(self._ends[place])
        jpeg = self._file.read(self._ends[place + 1] - self._ends[place])
        return np.array(Image.open(BytesIO(jpeg)))
