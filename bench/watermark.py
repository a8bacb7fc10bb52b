"""What the watermark survives, what it costs, and how often it is seen where it is not.

    python bench/watermark.py [--size 960x540] [--seconds 2] [--only photograph] [--clips 20] [--rivals] [--keys 1000]
    python bench/watermark.py --many [--way "half size, H.264 CRF 28"] [--size 960x540] [--seconds 2]

Every clip of watermark_clips.py is marked and written as our clips are (H.264 CRF 20; H.265 CRF 22 at the end), then
encoded again in every way below, and read from each. Printed for each way: in how many clips the mark was read, and in
which it was not. Of each clip: its PSNR against the unmarked frames, the CPU time that marking takes beside that of
writing, and the bytes that it adds. Then unmarked clips are read: how well the known cells fit, with the right pattern
and with random ones (`--keys` for each clip), and whether a checksum is right where one is decoded all the same.
`--rivals` adds DWT-DCT and the mark without masking.
"""

import argparse
import math
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np
from watermark_clips import FPS, Clip, Size, clips, many_clips
from watermark_rivals import DwtDct, Unmasked

from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.ffmpeg import FFmpeg
from ltx_mcp.media.footage import ANY_LENGTH_S, Footage, open_footage
from ltx_mcp.media.passes import frames_with_times
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import FrameMarker, Mark
from ltx_mcp.watermark.convolution import decode
from ltx_mcp.watermark.decoding import Folded
from ltx_mcp.watermark.frame_lock_in import DECODER
from ltx_mcp.watermark.payload import from_bits
from ltx_mcp.watermark.reading import marks_in, show
from ltx_mcp.watermark.spread_spectrum import SpreadReader, SpreadSpectrum

MARK = Mark(0x5EED1234, 0xC0FFEE)
_H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf")
_H265 = ("-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p", "-crf")
_HALF = ("-vf", "scale=trunc(iw/4)*2:trunc(ih/4)*2")
WAYS: dict[str, tuple[str, ...]] = {
    "as it is written": (),
    "H.264 CRF 28": (*_H264, "28"),
    "half size, H.264 CRF 28": (*_HALF, *_H264, "28"),
    "half size, H.265 CRF 28": (*_HALF, *_H265, "28"),
    "15 frames a second, H.264 CRF 28": ("-vf", "fps=15", *_H264, "28"),
    "without its first 0.5 s, H.264 CRF 28": ("-ss", "0.5", *_H264, "28"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default="", help="clips whose names begin so")
    parser.add_argument("--clips", type=int, default=100, help="at most so many, of all kinds")
    parser.add_argument("--many", action="store_true", help="about 300 clips, by --way alone, and no more")
    parser.add_argument("--way", default="half size, H.264 CRF 28", choices=WAYS)
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--dry-run", action="store_true")
    asked = parser.parse_args()
    if asked.dry_run:
        asked.size, asked.seconds, asked.only, asked.keys = "320x180", 0.5, "flat", 10
        asked.rivals = True
    print(f"command: {' '.join([Path(sys.executable).name, *sys.argv])}")
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; numpy {version('numpy')}")
    width, height = map(int, asked.size.split("x"))
    known = {name: clip for name, clip in clips().items() if name.startswith(asked.only)}
    chosen = {name: known[name] for name in list(known)[:: -(-len(known) // asked.clips)]}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), (width, height), round(asked.seconds * FPS))
        if asked.many:
            bench.tell_one_way(many_clips(), asked.way)
            return
        bench.tell_survival(chosen, dict(islice(WAYS.items(), 2)) if asked.dry_run else WAYS)
        bench.tell_false(chosen, asked.keys)
        if asked.rivals:
            bench.tell_rivals(chosen)


class Bench:
    def __init__(self, work: Path, size: Size, count: int) -> None:
        self._work, self._size, self._count = work, size, count
        self._watermarker = SpreadSpectrum()

    def tell_survival(self, chosen: dict[str, Clip], ways: dict[str, tuple[str, ...]]) -> None:
        missed: dict[str, list[str]] = {way: [] for way in ways} | {"H.265 CRF 22, as we write it": []}
        figures = []
        for name, clip in chosen.items():
            frames = list(clip(self._size, self._count))
            marker = self._watermarker.marker(MARK, *self._size, FPS)
            began = _cpu_s()
            marked = [marker(number, frame) for number, frame in enumerate(frames)]
            marking_s = _cpu_s() - began
            plain_s, plain = self._written(frames, "plain.mp4")
            _, made = self._written(marked, "marked.mp4")
            figures.append((psnr(frames, marked), marking_s / plain_s, made.stat().st_size / plain.stat().st_size))
            print("  {}: {:.1f} dB, {:.3f} of encode time, {:.2f} of the bytes".format(name, *figures[-1]), flush=True)
            copies = {way: partial(self._copied, made, options) for way, options in ways.items()}
            copies["H.265 CRF 22, as we write it"] = lambda frames=marked: self._written(frames, "hevc.mp4", "hevc")[1]
            for way, copy in copies.items():
                if not self._reads(copy()):
                    missed[way].append(name)
                    print(f"    not read: {way}", flush=True)
        least, share, more = np.array(figures).T
        print(f"{len(chosen)} clips of {self._count / FPS:g} s, {self._size[0]}x{self._size[1]}")
        print(f"PSNR {least.min():.1f} to {least.max():.1f} dB")
        print(f"marking takes {np.median(share):.3f} of the CPU time of writing (median), {share.max():.3f} at most")
        print(f"bytes x{np.median(more):.2f} (median), x{more.max():.2f} at most")
        for way, names in missed.items():
            told = f": not {'; '.join(names)}" if names else ""
            print(f"  {way:40} {len(chosen) - len(names)} of {len(chosen)}{told}", flush=True)

    def tell_one_way(self, chosen: Mapping[str, Clip], way: str) -> None:
        missed = []
        for name, clip in chosen.items():
            marker = self._watermarker.marker(MARK, *self._size, FPS)
            if not self._reads(self._copied(self._marked(list(clip(self._size, self._count)), marker), WAYS[way])):
                missed.append(name)
                print(f"    not read: {name}", flush=True)
        print(f"  {way:40} {len(chosen) - len(missed)} of {len(chosen)} clips of {self._count / FPS:g} s")

    def tell_false(self, chosen: dict[str, Clip], keys: int) -> None:
        fits, random_fits, accepted, asked = [], [], 0, 0
        rng = np.random.default_rng(1)
        for clip in chosen.values():
            _, plain = self._written(list(clip(self._size, self._count)), "plain.mp4")
            folded = self._folded(self._copied(plain, WAYS["H.264 CRF 28"]))
            fits.append(DECODER.best_fit(folded))
            read = np.stack(list(DECODER.beginnings(folded)))
            for _ in range(keys):
                signs = rng.choice(np.array([-1, 1], dtype=np.float32), read.shape[1])
                known = rng.permutation(read.shape[1])[: DECODER.carriers.pilots]
                random_fits.append(np.abs((read * signs)[:, known].sum(axis=1)).max() / np.sqrt(len(known)))
            for _ in range(min(keys, 50)):
                signs = rng.choice(np.array([-1, 1], dtype=np.float32), read.shape[1])
                accepted += from_bits(decode(DECODER.carriers.gather(read[0] * signs))) is not None
                asked += 1
        over = sum(fit >= DECODER.least_fit for fit in random_fits)
        print(f"unmarked: the known cells fit at up to {max(fits):.2f} standard deviations in {len(fits)} clips,")
        print(f"with random patterns at up to {max(random_fits):.2f} in {len(random_fits)}, {over} of them enough;")
        print(f"of {asked} messages that were decoded all the same {accepted} had a right checksum", flush=True)

    def tell_rivals(self, chosen: dict[str, Clip]) -> None:
        way = WAYS["half size, H.264 CRF 28"]
        ours, plain, right, whole, quality = 0, 0, [], 0, []
        rival = DwtDct(MARK)
        for clip in chosen.values():
            frames = list(clip(self._size, self._count))
            for marker in (self._watermarker.marker(MARK, *self._size, FPS), Unmasked(MARK, *self._size, FPS)):
                read = self._reads(self._copied(self._marked(frames, marker), way))
                ours, plain = (
                    ours + (read and not isinstance(marker, Unmasked)),
                    plain + (read and isinstance(marker, Unmasked)),
                )
            marked = [rival.mark(frame) for frame in frames]
            quality.append(psnr(frames, marked))
            copy = open_clip(self._copied(self._written(marked, "rival.mp4")[1], WAYS["H.264 CRF 28"]))
            votes = sum(rival.votes(frame) for frame, _ in frames_with_times(copy.source, self._size))
            same = np.mean((np.asarray(votes) > 0) == rival.bits)
            right.append(float(same))
            whole += same == 1
        print(f"half size, H.264 CRF 28: read in {ours} of {len(chosen)} clips, without masking in {plain}")
        print(f"DWT-DCT at full size, H.264 CRF 28: {np.mean(right):.2f} of the bits, all in {whole} clips, at "
              f"{np.median(quality):.1f} dB (median)")  # fmt: skip

    def _marked(self, frames: Sequence[Frame], marker: FrameMarker) -> Path:
        return self._written([marker(number, frame) for number, frame in enumerate(frames)], "marked.mp4")[1]

    def _written(self, frames: Sequence[Frame], name: str, codec: Codec = "h264") -> tuple[float, Path]:
        path, began = self._work / name, _cpu_s()
        with VideoWriter(path, *self._size, FPS, len(frames), codec=codec) as writer:
            for frame in frames:
                writer.write(frame)
        return _cpu_s() - began, path

    def _copied(self, path: Path, options: tuple[str, ...]) -> Path:
        if not options:
            return path
        copy = self._work / "copy.mp4"
        with FFmpeg(["-i", f"file:{path}", *options, "-y", f"file:{copy}"]) as ffmpeg:
            ffmpeg.finish(600)
        return copy

    def _reads(self, path: Path) -> bool:
        return [found.text for found in marks_in(open_clip(path), self._watermarker)] == [MARK.text]

    def _folded(self, path: Path) -> Folded:
        footage = open_clip(path)
        reader = SpreadReader(footage.width, footage.height)
        show(footage, reader)
        folded: Folded = np.sum(reader.folding.ended(), axis=0)
        return folded


def _cpu_s() -> float:
    """Of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def open_clip(path: Path) -> Footage:
    return open_footage(path, path.name, longest_s=ANY_LENGTH_S)


def psnr(frames: Iterable[Frame], marked: Iterable[Frame]) -> float:
    """In dB, over all frames and colours."""
    squares = [np.mean((a.astype(np.float32) - b) ** 2) for a, b in zip(frames, marked, strict=True)]
    return 10 * math.log10(255**2 / max(1e-9, float(np.mean(squares))))


if __name__ == "__main__":
    main()
