"""When a player shows the flash and plays the click of a source: by the times that ffmpeg gives what it decodes.

Read without any of our arguments, on the file's own clock (`-copyts`), so that nothing of ours is in it. What encoders
and containers add in writing (priming, the delay of B-frames, times in milliseconds) is in these times, not in ours.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

_FRAME = re.compile(r"_showinfo.* pts_time:(-?[\d.]+)")
_PIECE = re.compile(r"_ashowinfo.* pts_time:(-?[\d.]+) .* rate:(\d+) nb_samples:(\d+)")
_SIDE = 16  # pixels of a frame that is only to be told light from dark
_WHITE = 120  # of 255: between the four colours, whose least component is 0, and the flash
_LOUD = 0.35  # of the click's peak


@dataclass(frozen=True)
class Played:
    """Seconds from the first frame or sound of the file on; `end_s` without how long the last frame stays."""

    flash_s: float
    click_s: float
    end_s: float


def played(path: Path) -> Played:
    seen = ("-vf", f"scale={_SIDE}:{_SIDE},showinfo=checksum=0", "-fps_mode", "passthrough")
    said, frames = _decode(path, "-map", "0:v", *seen, "-f", "rawvideo", "-pix_fmt", "rgb24")
    shown_s = [float(each[1]) for each in map(_FRAME.search, said) if each]
    said, sound = _decode(path, "-map", "0:a", "-af", "ashowinfo", "-f", "f32le")
    pieces = [(float(each[1]), int(each[2]), int(each[3])) for each in map(_PIECE.search, said) if each]
    heard_s = np.concatenate([begun_s + np.arange(count) / rate for begun_s, rate, count in pieces])
    zero_s = min(shown_s[0], heard_s[0])
    return Played(
        flash_s=shown_s[flash_at(np.frombuffer(frames, np.uint8).reshape(len(shown_s), _SIDE, _SIDE, 3))] - zero_s,
        click_s=float(heard_s[click_at(np.frombuffer(sound, np.float32).reshape(len(heard_s), -1).T)]) - zero_s,
        end_s=max(shown_s[-1], float(heard_s[-1])) - zero_s,
    )


def flash_at(frames: NDArray[np.uint8]) -> int:
    """The place of the first white frame. Raises AssertionError where there is none."""
    white = frames.min(axis=3).mean(axis=(1, 2)) > _WHITE
    assert white.any(), "no flash"
    return int(np.argmax(white))


def click_at(audio: NDArray[np.float32]) -> int:
    """The place of the first loud sample of (channels, samples). Raises AssertionError where there is none."""
    loud = np.abs(audio).max(axis=0)
    assert loud.max() > 0.02, "no click"
    return int(np.argmax(loud > _LOUD * loud.max()))


def _decode(path: Path, *options: str) -> tuple[list[str], bytes]:
    """(what ffmpeg says, what it writes)."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostats", "-copyts", "-i", path, *options, "-"]
    made = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return made.stderr.decode(errors="replace").splitlines(), made.stdout
