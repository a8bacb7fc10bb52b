"""Loudness by EBU R128: measured, then brought to a target by one gain over the whole, then measured again.

What loudnorm does in two passes in its linear mode, by its parts: ebur128 measures and volume gives the gain, in a
tenth of the time. Where peaks stand in the way loudnorm would leave that mode and ride the gain, which lifts quiet
passages and undoes the ducking of music; here they are limited instead.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.raw_audio import RawAudio, raw_args, run
from ltx_mcp.types.callbacks import Check

TARGET_LUFS = -14.0  # where streaming services play
CEILING_DBTP = -1.5  # half a decibel under what is promised: AAC gives peaks back a little higher
SILENT_LUFS = -70.0  # the absolute gate of EBU R128: nothing quieter counts
MAX_GAIN_DB = 30.0  # a film that is quieter than -44 LUFS is mostly noise
_LIMITER_DBFS = -2.0  # back at 48 kHz, true peaks lie up to 0.8 dB over what was limited
_MAX_MADE_UP_DB = 10.0  # of what the limiter takes: beyond, there is more distortion than loudness
_CLOSE_LU = 0.1
_ROUNDS = 6  # of limiting: speech and film sound need one to three, drums more
_STEP = 1.3  # times what is missing, as the limiter takes a part of that too
_LIMIT_S = 600.0  # for measuring one film

# ebur128 gives its values for each 100 ms; the last ones are those of the whole. Padded, or a rest of less is left out.
_METER = "apad=pad_len=4800,ebur128=metadata=1:peak=true"
_KEYS = ("lavfi.r128.I", "lavfi.r128.LRA", "lavfi.r128.true_peaks_ch0", "lavfi.r128.true_peaks_ch1")


@dataclass(frozen=True)
class Loudness:
    """Of a whole mix. A silent one is at -70 LUFS, and its peak at -100 dBTP."""

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float

    @property
    def silent(self) -> bool:
        return self.integrated_lufs <= SILENT_LUFS


def measure(path: Path, check: Check) -> Loudness:
    """The loudness of a raw audio file. Raises MediaError."""
    printed = ",".join(f"ametadata=mode=print:key={key}:file='pipe\\:1':direct=1" for key in _KEYS)
    values = dict.fromkeys(_KEYS, 0.0)
    args = [*raw_args(path), "-af", f"{_METER},{printed}", "-f", "null", "-"]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        with ffmpeg.within(_LIMIT_S):
            for place, line in enumerate(ffmpeg.stdout):
                key, _, value = line.decode(errors="replace").strip().partition("=")
                if key in values:
                    values[key] = float(value)
                if place % 1000 == 0:
                    check()
        ffmpeg.finish(_LIMIT_S)
    integrated, range_lu, *peaks = (values[key] for key in _KEYS)
    peak = 20 * math.log10(max(1e-5, *peaks))
    return Loudness(max(SILENT_LUFS, integrated), peak, range_lu)


def normalize(source: Path, target: Path, samples: int, check: Check) -> Loudness:
    """Write the raw audio at `TARGET_LUFS`, its true peaks under `CEILING_DBTP`; the loudness as it is then.

    Silence stays as it is. Gain is at most `MAX_GAIN_DB`, and what would need more than a limiter can do stays quieter.
    Raises MediaError.
    """
    found = measure(source, check)
    if found.silent:
        source.replace(target)
        return found
    gain_db = min(MAX_GAIN_DB, TARGET_LUFS - found.integrated_lufs)
    if found.true_peak_dbtp + gain_db <= CEILING_DBTP:
        _filter(source, target, samples, f"volume={gain_db:.3f}dB", check)
        return measure(target, check)
    return _limit(source, target, samples, gain_db, found, check)


def _limit(source: Path, target: Path, samples: int, gain_db: float, found: Loudness, check: Check) -> Loudness:
    """Gain with a limiter after it. What that takes of the loudness is added to the gain, until it is there."""
    wanted, most_db = found.integrated_lufs + gain_db, gain_db + _MAX_MADE_UP_DB
    for _ in range(_ROUNDS):
        _filter(source, target, samples, _limiter(gain_db), check)
        limited = measure(target, check)
        missing = wanted - limited.integrated_lufs
        if abs(missing) <= _CLOSE_LU or gain_db >= most_db:
            break
        gain_db = min(most_db, gain_db + _STEP * missing)
    return limited


def _limiter(gain_db: float) -> str:
    """At four times the rate, where samples are as high as the true peaks between them."""
    limit = 10 ** (_LIMITER_DBFS / 20)
    limited = f"alimiter=limit={limit:.4f}:attack=2:release=20:level=false:latency=true"
    return f"volume={gain_db:.2f}dB,aresample={4 * SAMPLE_RATE},{limited},aresample={SAMPLE_RATE}"


def _filter(source: Path, target: Path, samples: int, filters: str, check: Check) -> None:
    exact = f"apad=whole_len={samples},atrim=end_sample={samples}"
    RawAudio(target, samples).write(0, run([*raw_args(source), "-af", f"{filters},{exact}"], check))
