"""The twin of the Watermarker: black and white blocks that anybody can see, and tones in place of the audio."""

from collections.abc import Iterable

import numpy as np

from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.watermark.base import FoundMark, FrameMarker, Mark, MarkReader
from ltx_mcp.watermark.payload import MESSAGE_BITS, from_bits, to_bits

_RATE, _TONE_HZ, _LOUD = 48_000, 1000, 0.5
_BIT_SAMPLES = 960
_MESSAGE_SAMPLES = _BIT_SAMPLES * MESSAGE_BITS
_MESSAGE_S = _MESSAGE_SAMPLES / _RATE
_ROWS = 10  # blocks that a frame is high; the mark is the first row of them


class VisibleMark:
    """See `Watermarker`."""

    def marker(self, mark: Mark, width: int, height: int, fps: float) -> FrameMarker:
        row = np.repeat(to_bits(mark) * np.uint8(255), -(-width // MESSAGE_BITS))
        places = np.arange(width) * len(row) // width

        def marked(index: int, frame: Frame) -> Frame:
            changed = frame.copy()
            changed[: height // _ROWS] = row[places][None, :, None]
            return changed

        return marked

    def reader(self, width: int, height: int) -> MarkReader:
        return BlockReader()

    def mark_audio(self, mark: Mark, audio: Audio, made: range) -> Audio:
        marked, samples = audio.copy(), np.arange(made.start, min(made.stop, audio.shape[1]))
        tone = _LOUD * np.sin(2 * np.pi * _TONE_HZ / _RATE * samples)
        marked[:, samples] = tone * to_bits(mark)[samples // _BIT_SAMPLES % MESSAGE_BITS]
        return marked

    def read_audio(self, pieces: Iterable[Audio]) -> tuple[FoundMark, ...]:
        samples = np.concatenate([piece.mean(axis=0) for piece in pieces] or [np.zeros(0, np.float32)])
        whole = samples[: len(samples) // _MESSAGE_SAMPLES * _MESSAGE_SAMPLES].reshape(-1, MESSAGE_BITS, _BIT_SAMPLES)
        seen: dict[str, tuple[int, int]] = {}
        for place, levels in enumerate(np.abs(whole).mean(axis=2)):
            if (mark := from_bits((levels > levels.max() / 2).astype(np.uint8))) is not None:
                seen[mark.text] = (seen.get(mark.text, (place, 0))[0], place + 1)
        return tuple(
            FoundMark(text=text, start_s=a * _MESSAGE_S, end_s=b * _MESSAGE_S, agreement=1.0, medium="audio")
            for text, (a, b) in seen.items()
        )


class BlockReader:
    """See `MarkReader`."""

    size = (MESSAGE_BITS, _ROWS)

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, float]] = {}
        self._now_s = 0.0

    def see(self, frame: Frame, until_s: float) -> None:
        columns = (np.arange(MESSAGE_BITS) * 2 + 1) * frame.shape[1] // (2 * MESSAGE_BITS)
        bits = frame[frame.shape[0] // (2 * _ROWS), columns, 1] > 127
        if (mark := from_bits(bits.astype(np.uint8))) is not None:
            self._seen[mark.text] = (self._seen.get(mark.text, (self._now_s, 0.0))[0], until_s)
        self._now_s = until_s

    def found(self) -> tuple[FoundMark, ...]:
        return tuple(FoundMark(text=text, start_s=a, end_s=b, agreement=1.0) for text, (a, b) in self._seen.items())
