"""Sources at random: any container, codec, rate, offset, rotation, range and channel layout that ffmpeg makes.

Each has a flash and a click at one time. What import_video would write of it must have both there, the right length,
and the four colours upright; or it is refused in one sentence. `python tests/source_fuzz.py --count 500 --seed 1`.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from source_kit import CORNERS, corner_colours
from source_times import Played, click_at, flash_at, played

from ltx_mcp.errors import StudioError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.footage import open_footage, read_audio, read_video
from ltx_mcp.types.frames import Frame

SYNC_S = 0.02  # between flash and click, and of each from the time at which a player has it
TAIL_S = 0.05  # sound that outlasts the frames by less is not kept: the padding of a codec's last packet
COLOUR = 14  # of 255: the coarsest codecs here
FLASH_S = 0.25

VIDEO = {
    "libx264": ["-preset", "ultrafast", "-crf", "12"],
    "libx265": ["-preset", "ultrafast", "-crf", "12", "-x265-params", "log-level=none"],
    "libvpx-vp9": ["-deadline", "realtime", "-cpu-used", "8", "-b:v", "8M"],
    "libvpx": ["-deadline", "realtime", "-cpu-used", "8", "-b:v", "8M"],
    "libsvtav1": ["-preset", "12", "-crf", "20"],
    **{codec: ["-q:v", "2"] for codec in ("mpeg4", "mpeg2video", "wmv1", "wmv2", "msmpeg4", "flv", "mjpeg")},
    **{codec: [] for codec in ("prores_ks", "ffv1", "qtrle")},
    "libtheora": ["-q:v", "10"],
}
CONTAINERS: dict[str, tuple[list[str], list[str]]] = {
    "mp4": (["libx264", "libx265", "mpeg4", "libvpx-vp9", "libsvtav1"],
            ["aac", "libmp3lame", "ac3", "libopus", "alac"]),
    "fragmented.mp4": (["libx264", "libx265"], ["aac", "libopus"]),
    "mov": (["libx264", "prores_ks", "mjpeg", "mpeg4", "qtrle"], ["aac", "pcm_s16le", "alac", "pcm_s24le"]),
    "mkv": (["libx264", "libx265", "ffv1", "mpeg2video", "mjpeg", "libvpx-vp9"],
            ["aac", "libopus", "libvorbis", "flac", "ac3", "eac3", "pcm_s16le", "libmp3lame"]),
    "webm": (["libvpx", "libvpx-vp9", "libsvtav1"], ["libopus", "libvorbis"]),
    "avi": (["mpeg4", "mjpeg", "libx264"], ["pcm_s16le", "ac3"]),
    "ts": (["libx264", "mpeg2video", "libx265"], ["aac", "ac3", "mp2", "libmp3lame"]),
    "MTS": (["libx264"], ["ac3"]),
    "vob": (["mpeg2video"], ["mp2", "ac3"]),
    "wmv": (["wmv1", "wmv2", "msmpeg4"], ["wmav2", "libmp3lame"]),
    "flv": (["flv", "libx264"], ["libmp3lame", "aac"]),
    "ogv": (["libtheora"], ["libvorbis", "flac", "libopus"]),
}  # fmt: skip
MUXER = {"fragmented.mp4": ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"],
         "MTS": ["-f", "mpegts", "-mpegts_m2ts_mode", "1"], "wmv": ["-f", "asf"]}  # fmt: skip
USUAL_RATES = [(24, 1001), (24, 1000), (25, 1000), (30, 1001), (30, 1000), (50, 1000), (60, 1001), (60, 1000)]
USUAL = [Fraction(rate * 1000, base) for rate, base in USUAL_RATES]
UNUSUAL = [Fraction(rate) for rate in (10, 12, 15, 48, 120)]
STEREO = {"libmp3lame", "mp2", "wmav2"}
SEVEN = {"aac", "flac", "libopus", "pcm_s16le"}
TAGGED = {"libx264", "libx265", "libvpx-vp9"}


@dataclass(frozen=True)
class Case:
    """One source. Offsets in seconds; `dropped` is the share of frames that are left out."""

    seed: int
    container: str
    video: str
    audio: str
    size: tuple[int, int]
    rate: Fraction
    frames: int
    dropped: float
    video_late_s: float
    audio_late_s: float
    rotation: int
    matrix: str
    tagged: bool
    range: str
    interlaced: bool
    b_frames: int
    sample_rate: int
    layout: str
    sounding: int
    flash: int

    @property
    def flash_s(self) -> float:
        return float(self.flash / self.rate)


def a_case(seed: int) -> Case:
    chance = random.Random(seed)
    container = chance.choice(list(CONTAINERS))
    video, audio = (chance.choice(codecs) for codecs in CONTAINERS[container])
    size = chance.choice([(320, 180), (320, 240), (640, 360), (480, 270), (180, 320), (1280, 720), (720, 576)])
    is_hd = max(size) >= 1280
    usual = video in ("mpeg2video", "libtheora") or container in ("vob", "wmv")
    rate = chance.choice(USUAL if usual or chance.random() < 0.7 else UNUSUAL)
    tags = video in TAGGED and container not in ("flv",) and chance.random() < 0.6
    matrix = chance.choice(["bt709", "smpte170m"]) if tags else ("bt709" if is_hd else "smpte170m")
    full = tags and chance.random() < 0.4
    if video == "mjpeg":
        matrix, full = "smpte170m", True
    if video == "libvpx":
        matrix = "smpte170m"  # VP8 knows no other
    if video == "prores_ks":
        tags = True
    channels = ["mono", "stereo"]
    if audio not in STEREO and container not in ("flv", "vob", "wmv"):
        channels += ["5.1"] if audio == "alac" else ["5.1", "7.1" if audio in SEVEN else "stereo", "quad"]
    layout = chance.choice(channels)
    rates = {"libopus": [48000], "libmp3lame": [44100, 22050] if container == "flv" else [44100, 48000, 32000],
             "ac3": [48000, 44100, 32000], "eac3": [48000, 44100], "mp2": [48000, 44100, 32000]}  # fmt: skip
    sample_rate = chance.choice(
        rates.get(audio, [44100, 48000, 32000, 22050] if audio != "pcm_s16le" else [8000, 96000])
    )
    late = chance.choice([(0, 0), (0, 0), (0.3, 0), (0, 0.3), (0.7, 0), (0, 1.1), (0.013, 0), (0, 0.033), (0.25, 0.5)])
    if container in ("avi", "ogv"):
        late = (0, 0)  # which store no time of beginning
    flash_s = chance.uniform(0.6, 1.2) + max(0, late[1] - late[0])
    frames = round((flash_s + chance.uniform(0.5, 1) + max(0, late[0] - late[1])) * float(rate))
    return Case(
        seed=seed,
        container=container,
        video=video,
        audio=audio,
        size=size,
        rate=rate,
        frames=frames,
        dropped=chance.choice([0, 0, 0, 0.1, 0.4]) if container in ("mp4", "mov", "mkv", "webm", "ts", "flv") else 0,
        video_late_s=round(late[0] * float(rate)) / float(rate),  # an encoder's clock ticks in frames
        audio_late_s=late[1],
        rotation=chance.choice([0, 90, 180, 270]) if container in ("mp4", "mov") and chance.random() < 0.5 else 0,
        matrix=matrix,
        tagged=tags,
        range="pc" if full else "tv",
        interlaced=video in ("libx264", "mpeg2video") and rate in (25, 30) and not full and chance.random() < 0.25,
        b_frames=chance.choice([0, 2]) if video in ("libx264", "mpeg4", "mpeg2video") and container != "avi" else 0,
        sample_rate=sample_rate,
        layout=layout,
        sounding=chance.randrange({"mono": 1, "stereo": 2, "quad": 4}.get(layout, 3)),
        flash=round(flash_s * float(rate)),
    )


def make(case: Case, folder: Path) -> Path:
    """Raises CalledProcessError where ffmpeg itself cannot write it."""
    path = folder / f"{case.seed}.{case.container}"
    width, height = case.size
    corners = ",".join(
        f"drawbox={x}:{y}:{width // 2}:{height // 2}:{colour}:t=fill"
        for x, y, colour in ((0, 0, "red"), (width // 2, 0, "lime"), (0, height // 2, "blue"),
                             (width // 2, height // 2, "yellow"))
    )  # fmt: skip
    end = case.flash + round(FLASH_S * float(case.rate))
    drawn = f"color=black:s={width}x{height}:r={case.rate},format=gbrp,{corners},"
    drawn += f"drawbox=color=white:t=fill:enable='between(n,{case.flash},{end})',trim=end_frame={case.frames}"
    if case.dropped:
        kept = [n for n in range(case.frames) if n in (0, case.flash, case.flash - 1, end, end + 1, case.frames - 1)
                or random.Random(f"{case.seed} {n}").random() >= case.dropped]  # fmt: skip
        dropped = [n for n in range(case.frames) if n not in kept][:90]  # longer expressions are too deep for ffmpeg
        drawn += ",select='not(" + ("+".join(f"eq(n,{n})" for n in dropped) or "0") + ")'"
    turned = {0: "", 90: ",transpose=1", 180: ",hflip,vflip", 270: ",transpose=2"}[case.rotation]
    pixels = {"prores_ks": "yuv422p10le", "mjpeg": "yuvj420p", "qtrle": "rgb24"}.get(case.video, "yuv420p")
    if pixels == "rgb24":
        coded = f"{turned},format=rgb24"
    else:
        said = f"colorspace={case.matrix if case.tagged or case.video == 'mjpeg' else 'unknown'}"
        kept_range = case.range if case.tagged or case.video == "mjpeg" else "unknown"
        coded = (
            f"{turned},scale=out_color_matrix={case.matrix}:out_range={case.range}:flags=accurate_rnd+full_chroma_inp,"
            f"format={pixels},setparams=range={kept_range}:{said}"
        )
    if case.interlaced:
        coded += ",setfield=tff"
    click_s = case.flash_s + case.video_late_s - case.audio_late_s
    burst = f"between(t,{click_s:.6f},{click_s + 0.1:.6f})*0.8*sin(2*PI*1000*(t-{click_s:.6f}))"
    count = {"mono": 1, "stereo": 2, "quad": 4, "5.1": 6, "7.1": 8}[case.layout]
    heard = "|".join(burst if channel == case.sounding else "0" for channel in range(count))
    sound = f"aevalsrc='{heard}':c={case.layout}:s={case.sample_rate}:d={float(case.frames / case.rate):.4f}"
    options = [*VIDEO[case.video], *(["-flags", "+ilme+ildct"] if case.interlaced else [])]
    options += ["-bf", str(case.b_frames)] if case.video in ("libx264", "mpeg4", "mpeg2video") else []
    options += ["-strict", "-2", "-g", "12"] + (["-b:a", "192k"] if case.audio == "aac" else [])
    options += ["-fps_mode", "vfr"] if case.container != "avi" else []
    made = folder / f"flat.{case.container}" if case.rotation else path
    _ffmpeg("-itsoffset", case.video_late_s, "-f", "lavfi", "-i", drawn + coded, "-itsoffset", case.audio_late_s,
            "-f", "lavfi", "-i", sound, "-map", 0, "-map", 1, "-c:v", case.video, *options, "-c:a", case.audio,
            *MUXER.get(case.container, []), made)  # fmt: skip
    if case.rotation:
        _ffmpeg("-display_rotation", case.rotation, "-i", made, "-map", 0, "-c", "copy", path)
        made.unlink()
    return path


def _ffmpeg(*args: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-threads", "1", *map(str, args)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def faults(case: Case, path: Path) -> list[str]:
    """What is wrong with the frames and the audio that import_video writes. Raises StudioError where it refuses."""
    footage, wanted = open_footage(path, path.name), played(path)
    fps = min(max(footage.fps, 1.0), 60.0)
    size = (96, max(2, round(96 * footage.height / footage.width)))
    frames = np.array(list(read_video(footage, *size, fps, round(footage.duration_s * fps))))
    audio = read_audio(footage)
    assert audio is not None
    found = Played(flash_at(frames) / fps, click_at(audio) / SAMPLE_RATE, len(frames) / fps)
    return [
        *_out_of_sync(found, wanted, fps),
        *_wrong_length(found.end_s, wanted.end_s, TAIL_S + 1.5 / fps),
        *_wrong_colours(frames[-2]),  # the first ones are coarse where a codec is quick
        *_wrong_shape(case, footage.width, footage.height),
    ]


def _out_of_sync(found: Played, wanted: Played, fps: float) -> list[str]:
    """Below 25 fps both may be late alike, by less than a tick.

    Frames can only be shown at ticks. Where the audio begins first and the nearest tick is more than 20 ms from a
    frame's time, the clip begins a part of a tick early, so that nothing is out of sync and no sound is lost.
    """
    late_s = max(SYNC_S, 1 / fps - SYNC_S)
    off_s = (found.flash_s - wanted.flash_s, found.click_s - wanted.click_s)
    wrong = abs(found.flash_s - found.click_s) > SYNC_S or min(off_s) < -SYNC_S or max(off_s) > late_s
    return [f"{found} in place of {wanted}"] if wrong else []


def _wrong_length(found_s: float, wanted_s: float, about_s: float) -> list[str]:
    return [f"{found_s:.3f} s in place of {wanted_s:.3f}"] if abs(found_s - wanted_s) > about_s else []


def _wrong_colours(frame: Frame) -> list[str]:
    found = corner_colours(frame)
    return [f"colours {found.round().astype(int).tolist()}"] if np.abs(found - CORNERS).max() > COLOUR else []


def _wrong_shape(case: Case, width: int, height: int) -> list[str]:
    wanted = case.size
    return [f"{width}x{height} in place of {wanted}"] if (width, height) != wanted else []


def run(seeds: range, folder: Path, log: bool = False) -> tuple[Counter[str], list[str]]:
    """(how many of each outcome, one line for each that is wrong)."""
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in seeds:
        case = a_case(seed)
        try:
            path = make(case, folder)
        except subprocess.CalledProcessError as error:
            counted["not made"] += 1
            if log:
                sys.stderr.write(f"{seed} {case.container} {case.video} {case.audio}: {error.stderr[-200:]!r}\n")
            continue
        try:
            found = faults(case, path)
            counted["wrong" if found else "right"] += 1
        except AssertionError as error:
            counted["wrong"] += 1
            found = [str(error)]
        except StudioError as error:
            counted["refused"] += 1
            found = [] if error.hint and len(str(error)) < 400 else [f"refused without a remedy: {error}"]
            if log:
                sys.stderr.write(f"{seed} refused: {error}\n")
        if found:
            wrong.append(f"seed {seed}: {'; '.join(found)}; {asdict(case)}")
            if log:
                sys.stderr.write(wrong[-1] + "\n")
        path.unlink(missing_ok=True)
    return counted, wrong


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=500)
    options.add_argument("--seed", type=int, default=1, help="the first; each source has the next")
    asked = options.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        outcomes, lines = run(range(asked.seed, asked.seed + asked.count), Path(name), log=True)
    sys.stdout.write("\n".join([*lines, f"{dict(outcomes)} in {time.monotonic() - began:.0f} s"]) + "\n")
    sys.exit(bool(lines))
