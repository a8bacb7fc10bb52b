"""Video files as cameras, phones, screen recorders and browsers make them: a few kB each, all synthesized."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from media_kit import ffmpeg
from numpy.typing import NDArray

from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.footage import open_footage, read_audio, read_video
from ltx_mcp.preparation.source_notes import source_notes
from ltx_mcp.types.frames import Audio, Frame

Made = Callable[[Path], Path]
LAVFI = ("-f", "lavfi", "-i")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
TEST = "testsrc2=s=320x180:r=30:d=2"
TONE = "sine=f=440:d=2:r=48000"


def corners(size: str = "640x360", rate: str = "30", seconds: float = 2) -> str:
    """Red, lime above blue, yellow, as ffmpeg's source."""
    width, height = (int(side) // 2 for side in size.split("x"))
    places = [(0, 0, "red"), (width, 0, "lime"), (0, height, "blue"), (width, height, "yellow")]
    boxes = ",".join(f"drawbox={x}:{y}:{width}:{height}:{colour}:t=fill" for x, y, colour in places)
    return f"color=black:s={size}:r={rate}:d={seconds},{boxes}"


CORNERS = ((254, 0, 0), (0, 255, 1), (0, 0, 254), (255, 255, 0))


def corner_colours(frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(4, 3): the mean colour in the middle of each quarter, row by row."""
    height, width, _ = frame.shape
    quarters = [frame[y : y + height // 4, x : x + width // 4] for y in (height // 8, height * 5 // 8)
                for x in (width // 8, width * 5 // 8)]  # fmt: skip
    return np.array([quarter.reshape(-1, 3).mean(axis=0) for quarter in quarters])


def made(name: str, *args: str | Path | float) -> Made:
    def make(folder: Path) -> Path:
        ffmpeg(*args, folder / name)
        return folder / name

    return make


TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # from BT.709
FIELDS = (
    "color=black:s=720x576:r=50:d=2[b];color=white:s=120x576:r=50:d=2[w];"
    "[b][w]overlay=x=t*300:y=0,interlace=scan=tff:lowpass=off"
)
INTERLACED = (*X264[:6], "-flags", "+ilme+ildct", "-x264-params", "tff=1")
FRAGMENTED = ("-movflags", "frag_keyframe+empty_moov+default_base_moof")
SPARSE = "testsrc2=s=320x180:r=30:d={0},select='lt(t,1)+{1}'"


def hdr(transfer: str, colours: Sequence[Sequence[float]] = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))) -> Made:
    """A second of four colours given as gamma-2.4 values, white at 203 nits, in BT.2020 with `transfer`."""

    def make(folder: Path) -> Path:
        path = folder / f"{transfer}.mov"
        pixels = _bt2020_frame(transfer, colours) * 15
        given = ("-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "640x360", "-r", "30")
        tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv")
        coded = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *given, *tags, "-i", "-", *LAVFI,
                   "sine=d=0.5", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", coded,
                   "-tag:v", "hvc1", "-c:a", "aac", path]  # fmt: skip
        subprocess.run(command, input=pixels, check=True, capture_output=True, timeout=60)
        return path

    return make


def _bt2020_frame(transfer: str, colours: Sequence[Sequence[float]]) -> bytes:
    """One frame of 640x360, yuv420p10le. Curves of ITU-R BT.2100."""
    frame = np.zeros((360, 640, 3))
    frame[:180, :320], frame[:180, 320:], frame[180:, :320], frame[180:, 320:] = (np.array(each) for each in colours)
    linear, weights = frame**2.4 @ TO_2020.T, np.array([0.2627, 0.678, 0.0593])
    if transfer == "smpte2084":
        power = (linear * 0.0203) ** 0.1593017578125
        coded = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        light = linear * 0.203
        luma = np.maximum(light @ weights, 1e-9)[..., None]
        scene = light * luma ** (-1 / 6)
        upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        coded = np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)
    luma = coded @ weights
    blue, red = (coded[..., 2] - luma) / 1.8814, (coded[..., 0] - luma) / 1.4746
    planes = [(luma * 219 + 16) * 4, *((plane[::2, ::2] * 224 + 128) * 4 for plane in (blue, red))]
    return b"".join(np.round(plane).astype("<u2").tobytes() for plane in planes)


def untagged(folder: Path) -> Path:
    tagged = made("hd.mp4", *LAVFI, corners("1280x720"), "-vf",
                  "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", *X264[:4])(folder)  # fmt: skip
    tags = "h264_metadata=matrix_coefficients=2:colour_primaries=2:transfer_characteristics=2"
    return made("untagged.mp4", "-i", tagged, "-c", "copy", "-bsf:v", tags)(folder)


RECIPES: dict[str, Made] = {
    "hlg": hdr("arib-std-b67"),
    "late video": made("late.mp4", "-itsoffset", 0.7, *LAVFI, TEST, *LAVFI, TONE, "-map", 0, "-map", 1, *X264),
    "late audio": made("late-audio.mp4", *LAVFI, TEST, "-itsoffset", 0.7, *LAVFI, TONE, *X264),
    "varying": made("vfr.mp4", *LAVFI, SPARSE.format(3, "not(mod(n,3))"), *LAVFI, "sine=d=3", "-fps_mode", "vfr",
                    *X264),
    "resting": made("vfr6.mp4", *LAVFI, SPARSE.format(6, "eq(n,179)"), *LAVFI, "sine=d=6", "-fps_mode", "vfr", *X264),
    "fragmented": made("fragmented.mp4", *LAVFI, corners(), *LAVFI, TONE, *X264, *FRAGMENTED),
    "interlaced": made("interlaced.mp4", *LAVFI, FIELDS, *INTERLACED, "-pix_fmt", "yuv420p"),
    "untagged": untagged,
    "camcorder": made("00122.MTS", *LAVFI, FIELDS, *LAVFI, TONE, *INTERLACED, "-pix_fmt", "yuv420p", "-c:a", "ac3",
                      "-f", "mpegts", "-mpegts_m2ts_mode", 1),
    "dvd": made("dvd.vob", *LAVFI, FIELDS, *LAVFI, TONE, "-c:v", "mpeg2video", "-c:a", "mp2"),
    "windows media": made("old.wmv", *LAVFI, FIELDS, *LAVFI, TONE, "-c:v", "wmv2", "-c:a", "wmav2"),
    "flash": made("old.flv", *LAVFI, corners(), *LAVFI, TONE, "-c:v", "flv", "-c:a", "mp3"),
    "ogg": made("old.ogv", *LAVFI, corners(), *LAVFI, TONE, "-c:v", "libtheora", "-q:v", 9, "-c:a", "libvorbis"),
    "alpha": made("alpha.webm", *LAVFI, "color=red@0.0:s=320x180:r=25:d=2,format=rgba,"
                  "drawbox=80:45:160:90:lime@1.0:t=fill:replace=1", "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
    "two tracks": made("two.mp4", *LAVFI, corners(), *LAVFI, "anullsrc=d=2", *LAVFI, "sine=f=1200:d=2",
                       "-map", 0, "-map", 1, "-map", 2, *X264),
    "mono": made("mono.mp4", *LAVFI, corners(), *LAVFI, TONE, *X264),
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What a clip is made of: frames 320 pixels wide, audio (2, samples) at 48 kHz, and what is said of the source."""

    frames: list[Frame]
    audio: Audio
    fps: float
    notes: str

    def middle(self) -> Frame:
        return self.frames[len(self.frames) // 2]

    def sounds_from_to(self) -> tuple[float, float]:
        loud = np.flatnonzero(np.abs(self.audio[0]) > 0.01) / SAMPLE_RATE
        return float(loud[0]), float(loud[-1])


def shown(path: Path) -> Shown:
    footage = open_footage(path, path.stem)
    size, count = (320, round(320 / footage.width * footage.height)), round(footage.duration_s * footage.fps)
    audio, notes = read_audio(footage), source_notes(footage, (footage.width, footage.height), footage.fps)
    silence = np.zeros((2, 1), np.float32)
    frames = list(read_video(footage, *size, footage.fps, count))
    return Shown(frames, silence if audio is None else audio, footage.fps, " ".join(notes))
