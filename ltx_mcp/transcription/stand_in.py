"""A transcriber without a model: each stretch of sound is a line that tells its pitch.

It keeps the whole contract of `Transcriber`, in milliseconds, so it stands in where no model may or need be loaded.
"""

from collections.abc import Sequence

import numpy as np

from ltx_mcp.media.silence import SILENT_DB
from ltx_mcp.transcription.base import SAMPLE_RATE, Samples
from ltx_mcp.types.film import TimedText

_STEP = SAMPLE_RATE // 10  # of sound or silence
_TUNED_HZ = 440.0


class ToneTranscriber:
    """Names the note of the tempered scale that is nearest to what is sung: "440 hertz"."""

    name = "stand-in"

    def load(self) -> None:
        """There is nothing to load."""

    def transcribe(self, window: Samples) -> Sequence[TimedText]:
        steps = -(-len(window) // _STEP)
        padded = np.zeros(steps * _STEP, dtype=np.float32)
        padded[: len(window)] = window
        loud = np.abs(padded.reshape(steps, _STEP)).max(axis=1) >= 10 ** (SILENT_DB / 20)
        edges = np.flatnonzero(np.diff(loud.astype(np.int8), prepend=0, append=0))
        spans = ((int(start) * _STEP, min(int(end) * _STEP, len(window))) for start, end in edges.reshape(-1, 2))
        return [
            TimedText(text=_note(window[start:end]), start_s=start / SAMPLE_RATE, end_s=end / SAMPLE_RATE)
            for start, end in spans
        ]


def _note(audio: Samples) -> str:
    """The note of the strongest frequency."""
    spectrum = np.abs(np.fft.rfft(audio))
    spectrum[0] = 0
    frequency = max(1.0, float(spectrum.argmax()) * SAMPLE_RATE / len(audio))
    steps = round(12 * np.log2(frequency / _TUNED_HZ))
    return f"{round(_TUNED_HZ * 2 ** (steps / 12))} hertz"
