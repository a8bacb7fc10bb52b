"""Peak memory of decode and encode, ours against decoding whole, for a clip and one four times as long.

    python bench/decode_memory.py [--seconds 5] [--width 416] [--height 256] [--device cpu] [--dry-run]

Every measurement is a fresh process. "stream" decodes in tiles and writes each frame to ffmpeg's pipe; "whole"
decodes to one float array of all frames, as `output_type="np"` does, and writes that. Both use the micro model's
VAE with random latents and encode with x264. The figure is the process's resident high-water mark on a CPU and
torch's peak allocation on a GPU, less what stood before the decode; ffmpeg runs in its own process and is not counted.
`--dry-run` decodes one second at 64x64 both ways in this process, so its figures mean nothing.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

FPS = 24
FACTOR = 4


def main() -> None:
    options = arguments()
    if options.child:
        print(json.dumps(measure(options.child, options)))
        return
    print(f"command: {' '.join(sys.argv)}")
    print(f"hardware: {platform.machine()}, {os.cpu_count()} cores, device {options.device}")
    print(", ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "numpy", "imageio-ffmpeg")))
    for way in ("stream", "whole"):
        short, long = measure_pair(way, options)
        total = long["total"] / short["total"]
        growth = long["grown"] / max(short["grown"], 2**20)  # a small clip may fit into what the process had
        print(
            f"{way:6}  {options.seconds} s: {mib(short)}   {options.seconds * FACTOR} s: {mib(long)}"
            f"   ratio {growth:.2f} of the growth, {total:.2f} of the whole process"
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--width", type=int, default=416, help="a multiple of 32")
    parser.add_argument("--height", type=int, default=256, help="a multiple of 32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    parser.add_argument("--child", choices=("stream", "whole"), help=argparse.SUPPRESS)
    return parser.parse_args()


def measure_pair(way: str, options: argparse.Namespace) -> tuple[dict[str, int], dict[str, int]]:
    """The clip, and the one that is `FACTOR` times as long; in a dry run the same small one twice."""
    if options.dry_run:
        small = measure(way, argparse.Namespace(seconds=1, width=64, height=64, device=options.device))
        return small, small
    return run_child(way, options, options.seconds), run_child(way, options, options.seconds * FACTOR)


def mib(measured: dict[str, int]) -> str:
    return f"{measured['grown'] / 2**20:6.0f} MiB above {measured['before'] / 2**20:.0f}"


def run_child(way: str, options: argparse.Namespace, seconds: int) -> dict[str, int]:
    size = ["--width", str(options.width), "--height", str(options.height), "--device", options.device]
    command = [sys.executable, __file__, "--child", way, "--seconds", str(seconds), *size]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**16)}  # glibc then gives back what is freed
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    measured: dict[str, int] = json.loads(done.stdout)
    return measured


def measure(way: str, options: argparse.Namespace) -> dict[str, int]:
    import torch

    from ltx_mcp.micro.vae import load_vae

    vae = load_vae().to(options.device)
    frames = options.seconds * FPS // 8 + 1
    shape = (1, vae.config.latent_channels, frames, options.height // 32, options.width // 32)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(options.device)
    with torch.inference_mode():
        vae.decode(latents[:, :, :1])  # libraries allocate their own at the first call
    before = peak_bytes(options.device)
    ways = {"stream": streamed, "whole": whole}
    with tempfile.TemporaryDirectory() as folder:
        encode(ways[way](vae, latents), options, Path(folder) / "clip.mp4")
    total = peak_bytes(options.device)
    return {"before": before, "total": total, "grown": total - before}


def streamed(vae: Any, latents: Any) -> Iterable[np.ndarray]:
    from ltx_mcp.engine.diffusers_ltx.decode import CPU_WINDOWS, stream_decode

    return stream_decode(vae, latents, CPU_WINDOWS, check=lambda: None)


def whole(vae: Any, latents: Any) -> Iterable[np.ndarray]:
    """As LTX2Pipeline does for output_type="np": decode all, then one float32 array (frames, height, width, 3)."""
    import torch
    from diffusers.video_processor import VideoProcessor

    with torch.inference_mode():
        video = vae.decode(latents, return_dict=False)[0]
        frames = VideoProcessor(vae_scale_factor=32).postprocess_video(video, output_type="np")[0]
    return ((frame * 255).round().astype(np.uint8) for frame in frames)


def encode(frames: Iterable[np.ndarray], options: argparse.Namespace, path: Path) -> None:
    import imageio_ffmpeg

    size = f"{options.width}x{options.height}"
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", "pipe:0"]
    target = ["-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p", str(path)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, *target]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for frame in frames:
            encoder.stdin.write(frame.tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise RuntimeError("ffmpeg failed")


def peak_bytes(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
