"""Titles as pixels: texts set over one grey by the ffmpeg that films are made with, and where the ink is."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.ffmpeg import executable
from ltx_mcp.types.film import TimedText
from ltx_mcp.typeset.fonts import font_folder
from ltx_mcp.typeset.script import subtitles_filter
from ltx_mcp.typeset.titles import write_titles

GREY = 128
Gray = NDArray[np.int64]


@dataclass(frozen=True)
class Ink:
    """The box around everything that is not the grey ground, in shares of the frame, 0..1."""

    left: float
    top: float
    right: float
    bottom: float


def set_over_grey(
    work: Path, texts: Sequence[TimedText], width: int = 640, height: int = 360, at_s: float = 1.0
) -> Gray:
    """(height, width) of the frame at `at_s`."""
    script = work / "titles.ass"
    write_titles(script, texts, width, height)
    return rendered(script, font_folder([text.text for text in texts], work), width, height, at_s)


def rendered(script: Path, fonts: Path, width: int, height: int, at_s: float = 1.0) -> Gray:
    ground = f"color=color=0x808080:size={width}x{height}:rate=10:duration=30,format=gray"
    command = [
        *(executable(), "-v", "error", "-f", "lavfi", "-i", ground),
        *("-vf", f"{subtitles_filter(script, fonts)},trim=start={at_s}", "-frames:v", "1"),
        *("-f", "rawvideo", "-pix_fmt", "gray", "-"),
    ]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return np.frombuffer(done.stdout, dtype=np.uint8).reshape(height, width).astype(np.int64)


def title(text: str, style: str = "title", position: str | None = None) -> TimedText:
    return TimedText.model_validate({"text": text, "start_s": 0.0, "end_s": 20.0, "style": style, "position": position})


def inked(frame: Gray) -> NDArray[np.bool_]:
    ground = int(np.bincount(frame.ravel()).argmax()) if abs(int(frame[0, 0]) - GREY) > 8 else int(frame[0, 0])
    return np.asarray(np.abs(frame - ground) > 24)


def ink(frame: Gray) -> Ink:
    rows, columns = np.nonzero(inked(frame))
    assert rows.size, "nothing is drawn"
    height, width = frame.shape
    return Ink(columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)


def bright_lines(frame: Gray) -> int:
    """How many lines of white letters: runs of rows with bright pixels."""
    rows = (frame > 220).max(axis=1).astype(np.int64)
    return int((np.diff(rows) == 1).sum() + rows[0])
