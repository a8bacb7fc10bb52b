"""How fast films are made, and in how much memory: edit_video's pipeline against one plain ffmpeg command.

    python bench/edit.py [--shots 10 40] [--seconds 2] [--size 1920x1080] [--dry-run]

Every film is of two sources by turns, a video of moving test patterns and a still with push_in, each shot dissolving
into the next for half a second. Ours is `film_frames` into `VideoWriter`, as a job does it without moderation and
index. The plain command is one ffmpeg with the same filters for every shot, joined by xfade, into the same encoder: as
one would write it by hand. It opens a decoder for each shot.

Printed for each number of shots: seconds of film per second of work, peak memory of all processes together (the sum of
their resident sets, sampled every 50 ms), and ours in relation to the plain command's. At the end, how memory grew from
the fewest shots to the most. `--dry-run` makes films of two and three shots at 160x90.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measured import measured

from ltx_mcp.edit.film import Film, lay_out
from ltx_mcp.edit.graph import shot_input
from ltx_mcp.edit.segments import film_frames
from ltx_mcp.edit.sources import StillSource, VideoSource
from ltx_mcp.edit.stills import StillFiles
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.ffmpeg import executable
from ltx_mcp.media.footage import open_footage
from ltx_mcp.types.timeline import Shot

FPS, OVERLAP_S = 24.0, 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=int, nargs="+", default=[10, 40])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each shot")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    shots, size = ([2, 3], "160x90") if asked.dry_run else (asked.shots, asked.size)
    width, height = map(int, size.split("x"))
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = _sources(work, width, height, asked.seconds)
        peaks = {count: _compare(sources, count, asked.seconds, width, height, work) for count in sorted(shots)}
    fewest, most = min(peaks), max(peaks)
    print(f"memory at {most} shots in relation to {fewest}: ours {peaks[most][0] / peaks[fewest][0]:.2f}, "
          f"plain {peaks[most][1] / peaks[fewest][1]:.2f}")  # fmt: skip


def _sources(work: Path, width: int, height: int, seconds: float) -> tuple[VideoSource, StillSource]:
    path = work / "source.mp4"
    made = f"testsrc2=s={width}x{height}:r={FPS:g}:d={seconds + 1:g}"
    subprocess.run([executable(), "-v", "error", "-f", "lavfi", "-i", made, "-pix_fmt", "yuv420p", path], check=True)
    image = np.random.default_rng(1).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    image = image.repeat(8, axis=0).repeat(8, axis=1)
    video = VideoSource(open_footage(path, "source"))
    return video, StillSource((image.shape[1], image.shape[0]), lambda: image)


def _compare(
    sources: tuple[VideoSource, StillSource], count: int, seconds: float, width: int, height: int, work: Path
) -> tuple[float, float]:
    """Print one line a way of making, and give both peaks in MB."""
    joined = {"transition": "dissolve", "transition_s": OVERLAP_S}
    shots = [
        Shot.model_validate(
            {
                "source": "-",
                "duration_s": seconds,
                "motion": "push_in" if number % 2 else "none",
                **(joined if number else {}),
            }
        )
        for number in range(count)
    ]
    film = Film(width, height, FPS, "crop", lay_out(shots, [sources[number % 2] for number in range(count)], FPS))
    film_s = film.frames / FPS
    ours = measured(lambda: _ours(film, work))
    plain = measured(lambda: _plain(film, work))
    for name, run in (("ours", ours), ("plain", plain)):
        print(f"{count:3} shots, {film_s:5.1f} s, {name:5}: {film_s / run.seconds:6.3f} s of film a second, "
              f"peak {run.peak_mb:6.0f} MB")  # fmt: skip
    print(f"{count:3} shots: time in relation to the plain command {ours.seconds / plain.seconds:.2f}")
    return ours.peak_mb, plain.peak_mb


def _ours(film: Film, work: Path) -> None:
    with VideoWriter(work / "ours.mp4", film.width, film.height, film.fps, film.frames) as writer:
        for frame in film_frames(film, work):
            writer.write(frame)


def _plain(film: Film, work: Path) -> None:
    """The encoder's arguments are taken from the writer, so that both encode the same."""
    stills = StillFiles(film, work)
    inputs = [shot_input(film, shot, 0, str(place), stills.of(shot)) for place, shot in enumerate(film.shots)]
    chains = [
        f"[{place}:V:0]{each.filters},trim=end_frame={film.shots[place].frames}[s{place}]"
        for place, each in enumerate(inputs)
    ]
    before = "s0"
    for place, shot in list(enumerate(film.shots))[1:]:
        seconds, offset = shot.lead_in / film.fps, shot.start / film.fps
        chains.append(f"[{before}][s{place}]xfade=transition=fade:duration={seconds:.6f}:offset={offset:.6f}[j{place}]")
        before = f"j{place}"
    writer = VideoWriter(work / "plain.mp4", film.width, film.height, film.fps, film.frames)._args()
    encoding = writer[writer.index("pipe:0") + 1 :]
    filters = encoding.pop(encoding.index("-vf") + 1)
    encoding.remove("-vf")
    chains.append(f"[{before}]format=rgb24,{filters}[out]")
    opened = [arg for each in inputs for arg in each.args]
    graph = ["-filter_complex", ";".join(chains), "-map", "[out]", "-frames:v", str(film.frames)]
    subprocess.run([executable(), "-v", "error", "-nostdin", *opened, *graph, *encoding], check=True)
    stills.forget()


if __name__ == "__main__":
    main()
