"""Pieces of audio laid on tracks: decoded, at their level, length and fades, at their sample.

A piece is decoded once. Shots go straight to their track; speech and music by way of a file, because speech is measured
first, and music may be repeated.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.errors import BadInput
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.loudness import measure
from ltx_mcp.media.raw_audio import RawAudio, decode, decode_source, raw_args, run
from ltx_mcp.media.read_source import read_source
from ltx_mcp.media.tempo import tempo
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.film import AudioPlacement

SPEECH_LUFS = -16.0  # every passage, whatever its file's level: well over music that is ducked, and the same throughout
MAX_SPEECH_GAIN_DB = 20.0
DECLICK_S = 0.002  # a fade where audio is cut: no click, and a clap on the first frame is still heard
MIN_LOOP_S = 0.1
_SPARE_S = 0.25  # read beyond what is needed, so that a changed speed still fills its time


@dataclass(frozen=True)
class Tracks:
    """Tracks of a mix of `samples` samples at 48 kHz, as files in `folder` whose names begin with `prefix`."""

    samples: int
    folder: Path
    prefix: str
    check: Check

    def lay(self, placements: Sequence[AudioPlacement]) -> list[Path]:
        """One track, or more where pieces overlap, as on A and B rolls. Raises BadInput, MediaError."""
        tracks: list[tuple[RawAudio, int]] = []  # with the sample from which on it is free
        for placement in sorted(placements, key=lambda each: each.at_s):
            start, end = sample(placement.at_s), sample(placement.at_s + placement.duration_s)
            place = next((place for place, (_, free) in enumerate(tracks) if free <= start), len(tracks))
            if place == len(tracks):
                tracks.append((self.file(f"{placement.role}-{place}"), 0))
            if (length := min(end, self.samples) - start) > 0:
                tracks[place][0].write(start, self._piece(placement, length))
            tracks[place] = tracks[place][0], end
        return [track.path for track, _ in tracks]

    def file(self, name: str) -> RawAudio:
        return RawAudio(self.folder / f"{self.prefix}{name}.raw", self.samples)

    def _piece(self, placement: AudioPlacement, length: int) -> Generator[bytes]:
        """Exactly `length` samples of it, or fewer where it ends earlier."""
        if placement.is_video:
            return self._decode(placement, length, (*tempo(placement.speed), *_shaped(placement, length)))
        return self._by_file(placement, length)

    def _by_file(self, placement: AudioPlacement, length: int) -> Generator[bytes]:
        piece = RawAudio(self.folder / f"{self.prefix}piece.raw", length)
        found = piece.write(0, self._decode(placement, length, tempo(placement.speed)))
        piece.cut(found)
        repeat = placement.loop and found < length
        if repeat and found < MIN_LOOP_S * SAMPLE_RATE:
            raise BadInput(f"{placement.path.name} is too short to be repeated.", f"Use at least {MIN_LOOP_S} s.")
        gain_db = self._speech_gain(piece.path) if placement.role == "speech" else 0.0
        filters = ",".join(_shaped(placement, length if repeat else found, gain_db))
        yield from run([*(("-stream_loop", "-1") if repeat else ()), *raw_args(piece.path), "-af", filters], self.check)
        piece.path.unlink()

    def _decode(self, placement: AudioPlacement, length: int, filters: Sequence[str]) -> Generator[bytes]:
        length_s = length / SAMPLE_RATE * placement.speed + _SPARE_S
        start_s = placement.source_start_s
        if placement.is_video:
            source = read_source(placement.path)
            return decode_source(source, start_s, length_s, self.check, filters) if source.audio else _nothing()
        return decode(placement.path, start_s, length_s, filters, self.check)

    def _speech_gain(self, path: Path) -> float:
        found = measure(path, self.check)
        return 0.0 if found.silent else min(MAX_SPEECH_GAIN_DB, SPEECH_LUFS - found.integrated_lufs)


def _nothing() -> Generator[bytes]:
    yield from ()


def sample(at_s: float) -> int:
    """The sample nearest to a time."""
    return round(at_s * SAMPLE_RATE)


def _shaped(placement: AudioPlacement, length: int, gain_db: float = 0.0) -> list[str]:
    """Gain, exact length and fades. Equal power: what fades out and what fades in are uncorrelated, so powers add."""
    fades_s = [max(DECLICK_S, placement.fade_in_s), max(DECLICK_S, placement.fade_out_s)]
    fitting = min(1.0, length / SAMPLE_RATE / sum(fades_s))
    fade_in, fade_out = (int(fade_s * fitting * SAMPLE_RATE) for fade_s in fades_s)
    return [
        f"volume={placement.gain_db + gain_db:.2f}dB",
        f"apad=whole_len={length}",
        f"atrim=end_sample={length}",
        f"afade=t=in:ns={max(1, fade_in)}:curve=qsin",
        f"afade=t=out:ss={length - fade_out}:ns={max(1, fade_out)}:curve=qsin",
    ]
