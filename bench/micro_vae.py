"""The micro model's video VAE on what it has never seen: PSNR at 240p against plain codes, and decode seconds.

    python bench/micro_vae.py [--weights FOLDER] [--sheet FILE.png] [--dry-run]

Held-out photos are still clips of 17 frames; the held-out video gives three clips, the drawn world three of held-out
combinations and three of core ones. The baselines, in the same run, on the same clips:
- bilinear: down by 32 in both directions and up again, every frame by itself.
- average: the mean of 8 frames, down and up by a factor that leaves 128 numbers for 32x32x8 pixels, as the VAE has.
- DCT: 128 coefficients of each 32x32x8 block (of luma and two chroma planes), those that are strongest in training
  clips; for each block the same ones.
`--dry-run` takes one clip at 96x64 only.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.micro.training import draw, world
from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.training.training_clips import HELD_OUT, TrainingClips, find, read_covering, read_video
from ltx_mcp.micro.vae import FOLDER, load_vae

WIDTH, HEIGHT, FRAMES = 416, 240, 17
LATENT = 128
# ITU-R BT.601, scaled to an orthonormal-like spread: luma and two differences.
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])

Clip = NDArray[np.uint8]


def held_out_clips(width: int = WIDTH, height: int = HEIGHT) -> Iterator[tuple[str, Clip]]:
    for path in find(HELD_OUT):
        if path.suffix == ".mp4":
            film = read_video(path, width, height)
            for start in (0, len(film) // 2, len(film) - FRAMES):
                yield f"{path.name} from {start}", film[start : start + FRAMES]
        else:
            yield path.name, np.repeat(read_covering(path, width, height)[None], FRAMES, 0)
    for make, name in ((world.core_scene, "core"), (world.wide_scene, "wide")):
        seeds = [seed for seed in range(200) if make(seed).held_out][:3]
        for seed in seeds:
            yield f"drawn {name} {seed}", draw.frames(make(seed), 49, height, width)[:FRAMES]


def psnr(made: Clip, wanted: Clip) -> float:
    error = np.mean((made.astype(np.float64) - wanted) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


def resized(clip: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    x = torch.from_numpy(clip).permute(0, 3, 1, 2)
    y = torch.nn.functional.interpolate(x, (height, width), mode="bilinear", antialias=True, align_corners=False)
    return y.permute(0, 2, 3, 1).numpy()


def as_bytes(clip: NDArray[np.floating]) -> Clip:
    return clip.clip(0, 255).round().astype(np.uint8)


def bilinear(clip: Clip) -> Clip:
    _, height, width, _ = clip.shape
    small = resized(clip.astype(np.float32), height // 32, width // 32)
    return as_bytes(resized(small, height, width))


def average(clip: Clip) -> Clip:
    """128 numbers for 32x32x8 pixels are 3 colours of 6.5x6.5."""
    factor = 32 / (LATENT / 3) ** 0.5
    _, height, width, _ = clip.shape
    groups = [clip[:1], *np.split(clip[1:], (len(clip) - 1) // 8)]
    small = [resized(g.mean(0, dtype=np.float32)[None], round(height / factor), round(width / factor)) for g in groups]
    back = [np.repeat(resized(s, height, width), len(g), 0) for s, g in zip(small, groups, strict=True)]
    return as_bytes(np.concatenate(back))


class Dct:
    """The transform code: fixed coefficients, chosen once by their energy over the training clips."""

    def __init__(self, clips: list[Clip]) -> None:
        self.across, self.times = _cosines(32), _cosines(8)
        energy = sum((self.coefficients(clip) ** 2).mean((0, 1, 2)) for clip in clips)
        assert isinstance(energy, np.ndarray)
        self.kept = energy >= np.sort(energy, axis=None)[-LATENT]

    def coefficients(self, clip: Clip) -> NDArray[np.float64]:
        """(groups, rows, columns, 3, 8, 32, 32); the first frame stands for 8, as in the VAE."""
        whole = np.concatenate([np.repeat(clip[:1], 7, 0), clip]) / 255
        pad = [(0, 0), (0, -clip.shape[1] % 32), (0, -clip.shape[2] % 32), (0, 0)]
        blocks = np.pad(whole, pad, "edge") @ TO_YCC.T
        t, h, w, _ = blocks.shape
        blocks = blocks.reshape(t // 8, 8, h // 32, 32, w // 32, 32, 3)
        return np.einsum("atbycxk,Tt,Yy,Xx->abckTYX", blocks, self.times, self.across, self.across, optimize=True)

    def __call__(self, clip: Clip) -> Clip:
        kept = self.coefficients(clip) * self.kept
        blocks = np.einsum("abckTYX,Tt,Yy,Xx->atbycxk", kept, self.times, self.across, self.across, optimize=True)
        a, t, b, y, c, x, _ = blocks.shape
        whole = blocks.reshape(a * t, b * y, c * x, 3) @ np.linalg.inv(TO_YCC).T
        return as_bytes(whole[7:, : clip.shape[1], : clip.shape[2]] * 255)


def training_clips() -> list[Clip]:
    """Sixty clips at 128x128, as the VAE was trained on."""
    batches = [TrainingClips(1).batch(step, 1, FRAMES, 128)[0] for step in range(60)]
    return [as_bytes((clip.transpose(1, 2, 3, 0) + 1) * 127.5) for clip in batches]


def _cosines(size: int) -> NDArray[np.float64]:
    at = np.arange(size)
    matrix = np.cos(np.pi / size * (at[None] + 0.5) * at[:, None]) * (2 / size) ** 0.5
    matrix[0] /= 2**0.5
    return matrix


def decode_seconds(vae: object, width: int = 448, height: int = 256, frames: int = 49) -> float:
    """The best of three."""
    latents = torch.randn(1, LATENT, (frames - 1) // 8 + 1, height // 32, width // 32)
    written = []
    for _ in range(3):
        begin = time.perf_counter()
        with torch.inference_mode():
            vae.decode(latents, return_dict=False)  # type: ignore[attr-defined]
        written.append(time.perf_counter() - begin)
    return min(written)


def contact_sheet(rows: list[tuple[Clip, Clip]], path: Path) -> None:
    """Originals over round trips, at half size, the middle frame of each clip."""
    columns = [np.concatenate([clip[FRAMES // 2][::2, ::2] for clip in pair]) for pair in rows]
    Image.fromarray(np.concatenate(columns, 1)).quantize(128).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, default=FOLDER)
    parser.add_argument("--sheet", type=Path, help="where to draw originals over round trips")
    parser.add_argument("--quick", action="store_true", help="two clips, and one that the cosine transform learns from")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    torch.set_num_threads(2)
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores, 2 threads; no GPU is used")
    print(f"versions: python {platform.python_version()}, torch {torch.__version__}, diffusers {diffusers.__version__}")
    vae = load_vae(given.weights)
    few = given.quick or given.dry_run
    width, height, only = (96, 64, 1) if given.dry_run else (WIDTH, HEIGHT, 2 if given.quick else None)
    dct = Dct([clip for _, clip in islice(held_out_clips(width, height), 1)] if few else training_clips())
    print(f"\nPSNR in dB of {FRAMES} frames at {width}x{height}, never trained on:")
    print(f"{'clip':24} {'VAE':>6} {'bilinear':>9} {'average':>8} {'DCT':>6}")
    shown = []
    for name, clip in islice(held_out_clips(width, height), only):
        made = round_trip(vae, torch.from_numpy(clip.copy())).numpy()
        others = [psnr(code(clip), clip) for code in (bilinear, average, dct)]
        print(f"{name:24} {psnr(made, clip):6.2f} {others[0]:9.2f} {others[1]:8.2f} {others[2]:6.2f}", flush=True)
        shown.append((clip, made))
    if given.sheet and not few:
        contact_sheet(shown[:4] + shown[5:6] + shown[7:8] + shown[10:12], given.sheet)
    if not given.dry_run:
        print(f"\ndecode of 448x256, 49 frames: {decode_seconds(vae):.2f} s")


if __name__ == "__main__":
    main()
