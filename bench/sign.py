"""What signing costs: milliseconds, bytes, and whether the file still begins with its index.

    python bench/sign.py [--times 20] [--dry-run]

Signs clips of three sizes (ffmpeg's test image with a tone, faststart as clips are), as made by a model, as an edit of
one signed clip, and as a film of five and of a hundred signed ones; each is read back and checked, as every published
clip is. Printed: the median time, the bytes that the manifest adds, and the place of moov. The key is timed alone.
`--dry-run` signs each once, and no film of a hundred.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path

from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.provenance.base import Action, Claim, Ingredient, Role
from ltx_mcp.provenance.c2pa_signer import C2paSigner
from ltx_mcp.provenance.credentials import own_credentials
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE

SIZES = {"2 s of 416x240": ("416x240", 2), "10 s of 1280x720": ("1280x720", 10), "20 s of 3840x2160": ("3840x2160", 20)}
MADE = Claim(title="clip", actions=(Action(action="c2pa.created", digital_source_type=MODEL_MADE, model="LTX-2.3"),))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    if asked.dry_run:
        asked.times = 1
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; c2pa-python {version('c2pa-python')}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        began = time.perf_counter()
        own_credentials(work)
        print(f"  key and certificate                      {(time.perf_counter() - began) * 1e3:6.1f} ms")
        signer = C2paSigner(partial(own_credentials, work))
        for name, (size, seconds) in list(SIZES.items())[: 1 if asked.dry_run else None]:
            clip = _clip(work / f"{size}.mp4", size, seconds)
            _tell(f"{name}, {clip.stat().st_size / 1e6:.1f} MB", signer, clip, MADE, asked.times, work)
        parts = [
            _signed(signer, work / "416x240.mp4", work / f"part-{number}.mp4")
            for number in range(5 if asked.dry_run else 100)
        ]
        films = {"an edit of one": parts[:1], "a film of 5": parts[:5], "a film of 100": parts}
        for name, of in list(films.items())[: 2 if asked.dry_run else None]:
            _tell(name, signer, work / "416x240.mp4", _of(of), asked.times, work)


def _of(parts: list[Path]) -> Claim:
    role: Role = "parentOf" if len(parts) == 1 else "componentOf"
    began = (
        (Action(action="c2pa.opened", roles=(role,)), Action(action="c2pa.edited", digital_source_type=COMPOSITE))
        if len(parts) == 1
        else (
            Action(action="c2pa.created", digital_source_type=COMPOSITE),
            Action(action="c2pa.placed", roles=(role,)),
        )
    )
    return Claim(
        title="film", actions=began, ingredients=tuple(Ingredient(title="clip", role=role, path=path) for path in parts)
    )


def _tell(name: str, signer: C2paSigner, clip: Path, claim: Claim, times: int, work: Path) -> None:
    taken, copy = [], work / "copy.mp4"
    for _ in range(times):
        shutil.copy(clip, copy)
        began = time.perf_counter()
        signer.sign(copy, claim)
        taken.append((time.perf_counter() - began) * 1e3)
    added, content = copy.stat().st_size - clip.stat().st_size, copy.read_bytes()
    start = "moov before mdat" if content.index(b"moov") < content.index(b"mdat") else "mdat before moov"
    print(f"  {name:40} {statistics.median(taken):6.1f} ms {added:9,} bytes more, {start}", flush=True)


def _signed(signer: C2paSigner, clip: Path, target: Path) -> Path:
    shutil.copy(clip, target)
    signer.sign(target, MADE)
    return target


def _clip(path: Path, size: str, seconds: int) -> Path:
    made = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=24:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}"]
    encoding = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        "-movflags",
        "+faststart",
    ]
    with FFmpeg([*made, *encoding, "-y", str(path)]) as ffmpeg:
        ffmpeg.finish(600.0)
    return path


if __name__ == "__main__":
    main()
