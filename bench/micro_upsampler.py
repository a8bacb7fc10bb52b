"""The micro model's x2 latent upsampler on what it has never seen: PSNR at 448x256 against enlarging pixels.

    python bench/micro_upsampler.py [--weights FOLDER] [--quick] [--dry-run]

A clip is halved, encoded, and its latents are enlarged and decoded; the clip itself is the truth. In the same run:
- pixels: the halved clip through the VAE, then enlarged bilinearly, which is what an upsampler must beat;
- true pixels: the halved clip itself, enlarged bilinearly, without any VAE;
- ceiling: the full-size clip through the VAE; no upsampler can be expected to reach it.
`--dry-run` takes one clip at 128x64.
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
import torch
from micro_vae import Clip, as_bytes, held_out_clips, psnr, resized

from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.upsampler import FOLDER, load_upsampler
from ltx_mcp.micro.vae import load_vae

WIDTH, HEIGHT = 448, 256


def enlarged(vae: object, upsampler: object, half: Clip) -> Clip:
    """(frames, 2h, 2w, 3) by way of the latents, as the two-stage recipe does it."""
    x = torch.from_numpy(half).permute(3, 0, 1, 2)[None].float() / 127.5 - 1
    with torch.inference_mode():
        latents = upsampler(vae.encode(x).latent_dist.mode())  # type: ignore[operator, attr-defined]
        made = vae.decode(latents, return_dict=False)[0][0]  # type: ignore[attr-defined]
    return as_bytes(((made + 1) * 127.5).permute(1, 2, 3, 0).numpy())


def table(vae: object, upsampler: object, clips: Iterator[tuple[str, Clip]]) -> None:
    print(f"{'clip':24} {'upsampler':>10} {'pixels':>7} {'true pixels':>12} {'ceiling':>8}")
    for name, clip in clips:
        _, height, width, _ = clip.shape
        half = as_bytes(resized(clip.astype("float32"), height // 2, width // 2))
        seen = round_trip(vae, torch.from_numpy(half)).numpy()
        wholes = [as_bytes(resized(each.astype("float32"), height, width)) for each in (seen, half)]
        ceiling = round_trip(vae, torch.from_numpy(clip.copy())).numpy()
        found = [psnr(made, clip) for made in (enlarged(vae, upsampler, half), *wholes, ceiling)]
        print(f"{name:24} {found[0]:10.2f} {found[1]:7.2f} {found[2]:12.2f} {found[3]:8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path, default=FOLDER)
    parser.add_argument("--quick", action="store_true", help="one clip only")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    width, height = (128, 64) if given.dry_run else (WIDTH, HEIGHT)
    torch.set_num_threads(2)
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; no GPU is used")
    print(f"versions: python {platform.python_version()}, torch {torch.__version__}, diffusers {diffusers.__version__}")
    vae, upsampler = load_vae(), load_upsampler(given.weights)
    print(f"\nPSNR in dB of 17 frames at {width}x{height}, never trained on:")
    table(vae, upsampler, islice(held_out_clips(width, height), 1 if given.quick or given.dry_run else None))
    latents = torch.randn(1, 128, 7, height // 64, width // 64)
    begin = time.perf_counter()
    with torch.inference_mode():
        upsampler(latents)
    print(f"\nupsampling the latents of 49 frames: {time.perf_counter() - begin:.3f} s")


if __name__ == "__main__":
    main()
