"""A clip's fingerprint: the hashes of some of its frames with their times, small enough to lie beside it as text."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.provenance.frame_hash import BOXES, Hashes, hash_frame
from ltx_mcp.types.frames import Frame

FINGERPRINT = "fingerprint.json"
_METHOD = "dct64-9"  # what is written by another is made again


@dataclass(frozen=True)
class Fingerprint:
    """`times_s` is float64 (n,) in seconds, ascending, `hashes` uint64 (n, boxes)."""

    times_s: NDArray[np.float64]
    hashes: Hashes


def fingerprint_of(times_s: NDArray[np.float64], frames: Iterable[Frame]) -> Fingerprint:
    """Of frames of (height, width, 3) and when they are shown."""
    return Fingerprint(times_s, np.array([hash_frame(frame) for frame in frames], dtype=np.uint64))


def text_of(fingerprint: Fingerprint) -> str:
    rows = [[f"{value:016x}" for value in row] for row in fingerprint.hashes.tolist()]
    times_s = [round(time_s, 3) for time_s in fingerprint.times_s.tolist()]
    return json.dumps({"method": _METHOD, "times_s": times_s, "hashes": ["".join(row) for row in rows]})


def read(text: str) -> Fingerprint:
    """Raises ValueError for what is damaged or was made by another method."""
    fields = json.loads(text)
    if not isinstance(fields, dict) or fields.get("method") != _METHOD:
        raise ValueError("it was made by another method")
    raw = b"".join(bytes.fromhex(row) for row in fields["hashes"])
    hashes = np.frombuffer(raw, dtype=">u8").astype(np.uint64).reshape(-1, len(BOXES))
    times_s = np.array(fields["times_s"], dtype=np.float64)
    if times_s.shape != hashes.shape[:1]:
        raise ValueError("it has more frames than times")
    return Fingerprint(times_s, hashes)
