"""Reads still images: from the bytes of a file to an upright RGB frame. The bytes may be hostile.

Formats whose decoders are large (AVIF, HEIC, TIFF) are decoded in a process of their own, with limits, so that a file
can crash it and not the server.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltx_mcp.errors import BadInput
from ltx_mcp.media.file_kinds import HEAD_BYTES, kind_of
from ltx_mcp.media.still_formats import HINT, MAX_PIXELS, STILL_FORMATS, StillFormat
from ltx_mcp.types.frames import Frame

_LIMIT_S = 120.0  # 64 megapixels of noise take 20 s as AVIF on one busy core


@dataclass(frozen=True)
class Still:
    """An image, upright and in sRGB; `notes` say what was changed for that."""

    frame: Frame
    notes: tuple[str, ...] = ()


def read_image(content: bytes, name: str) -> Frame:
    """The frame of `read_still`."""
    return read_still(content, name).frame


def read_still(content: bytes, name: str) -> Still:
    """Decode by content, never by name: the first frame, upright, sRGB, on white where it is transparent.

    Raises BadInput that calls the file `name`.
    """
    kind = kind_of(content[:HEAD_BYTES])
    known = next(
        (each for each in STILL_FORMATS if kind is not None and kind.name.endswith(f" {each.name} image")), None
    )
    if kind is not None and known is None:
        raise BadInput(f"{name} cannot be read as an image: it is {kind.name}.", HINT)
    try:
        still = _read_here(content) if known is None or known.inside else _read_apart(content, known)
    except _Problem as problem:
        raise problem.named(name) from None
    except Exception as error:  # a hostile file raises anything, from struct.error to MemoryError
        raise BadInput(f"{name} cannot be read as an image.", HINT) from error
    return Still(still.frame, tuple(f"{name}: {note}" for note in still.notes))


class _Problem(Exception):
    def __init__(self, text: str, too_many: bool) -> None:
        self._text, self._too_many = text, too_many

    def named(self, name: str) -> BadInput:
        largest = f"The largest is {MAX_PIXELS // 10**6} megapixels: save a smaller copy."
        return BadInput(f"{name} {self._text}.", largest if self._too_many else HINT)


def _read_here(content: bytes) -> Still:
    from ltx_mcp.media.still_decoding import NotDecoded, TooManyPixels, decode

    try:
        decoded = decode(content, [each.pillow for each in STILL_FORMATS if each.inside], MAX_PIXELS)
    except NotDecoded as error:
        raise _Problem(str(error), isinstance(error, TooManyPixels)) from None
    return Still(decoded.frame, decoded.notes)


def _read_apart(content: bytes, known: StillFormat) -> Still:
    """Raises OSError, ValueError, TimeoutExpired for whatever does not decode."""
    # Isolated from the folder and the variables of whoever started the server; packages are found where ours were.
    code = "import sys; sys.path += sys.argv[3:]; from ltx_mcp.media.still_decoding import main; "
    code += "main(int(sys.argv[1]), [sys.argv[2]])"
    folders = [str(Path(__file__).parents[2]), *(folder for folder in sys.path if Path(folder).is_absolute())]
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows starts nothing without
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(MAX_PIXELS), known.pillow, *folders],
        input=content,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_LIMIT_S,
        env={**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,
        check=True,
    )
    line, _, pixels = done.stdout.partition(b"\n")
    answer = json.loads(line)
    if "problem" in answer:
        raise _Problem(answer["problem"], answer["too_many"])
    shape = (answer["height"], answer["width"], 3)
    return Still(np.frombuffer(bytearray(pixels), dtype=np.uint8).reshape(shape), tuple(answer["notes"]))
