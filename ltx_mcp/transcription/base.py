"""The transcriber's seam: a window of audio in, the lines that are said in it out. Its twin is `stand_in`."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.types.film import TimedText

SAMPLE_RATE = 16_000  # Hz: of Whisper's input
WINDOW_S = 30.0  # of Whisper's input

Samples = NDArray[np.float32]
"""Mono audio (n,) at SAMPLE_RATE, about -1 to 1."""


class Transcriber(Protocol):
    """One window at a time, on any thread. The same audio gives the same lines."""

    @property
    def name(self) -> str:
        """By which users know it."""

    def load(self) -> None:
        """Get ready; a second call is free. Raises ModelUnavailable."""

    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        """The lines of at most WINDOW_S of audio, in order of time, which counts in seconds from the window's start.

        Loads first. What nobody says may be among them: `lines.spoken` takes it out. Raises ModelUnavailable.
        """
