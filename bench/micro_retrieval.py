"""How well the embedded CLIP finds clips and moments of the drawn world, through the index itself.

    python bench/micro_retrieval.py [--weights FOLDER] [--clips 200] [--films 16] [--returned] [--dry-run]

Clips differ in what one frame shows: kind, colour, size, ground. Their prompts say nothing, so the frames decide alone.
Queries are in forms that labelled_images.py keeps for tests, with synonyms. A film is three scenes with hard cuts.
`--returned` sends every sampled frame through the video VAE first. `--weights` names another checkpoint, to compare.
`--dry-run` has two clips and one film.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import anyio
import numpy as np
import torch
from moment_metrics import overlap

from ltx_mcp.index.embed import OpenClipEmbedder, embed_query
from ltx_mcp.index.sample import Samples, sampled_places
from ltx_mcp.index.store import ClipIndex, SearchQuery
from ltx_mcp.micro.training import draw, films, labelled_images, world
from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.training.sampling import one
from ltx_mcp.micro.training.train_clip import meaningless
from ltx_mcp.micro.vae import load_vae
from ltx_mcp.types.clips import Clip, Provenance, Verdict
from ltx_mcp.types.frames import Frame

FPS, HEIGHT, WIDTH = 24.0, 240, 416
BACKDROPS: tuple[world.Backdrop, ...] = ("plain", "stripes", "checks")
MOTIONS: tuple[world.Motion, ...] = ("still", "left", "right", "up", "down", "orbit")
Look = Callable[[Frame], Frame]


def scenes(count: int, rng: np.random.Generator) -> list[world.Scene]:
    """Scenes of one thing, no two alike in kind, colour, size and ground."""
    made: dict[tuple[str, ...], world.Scene] = {}
    while len(made) < count:
        kind, colour, size, shade, backdrop, motion = (
            one(rng, options)
            for options in (*map(get_args, (world.Kind, world.Colour, world.Size, world.Shade)), BACKDROPS, MOTIONS)
        )
        thing = world.Thing(
            kind, colour, size, motion, *(float(x) for x in rng.uniform(-1, 1, 2)), float(rng.uniform())
        )
        scene = world.Scene((thing,), shade, backdrop, grain=int(rng.integers(2**31)))
        made.setdefault((kind, colour, size, shade, backdrop), scene)
    return list(made.values())


def question(scene: world.Scene, rng: np.random.Generator) -> str:
    """All that tells the scene from others, in a form kept for tests."""
    form = one(rng, labelled_images.FITTING[True, True])
    return labelled_images.say(labelled_images.of_scene(scene, 0.5), *form, rng)[0]


def clip_of(number: int, frames: int) -> Clip:
    return Clip(
        clip_id=f"clip-{number}", path=Path(f"/archive/{number}.mp4"), resource_uri=f"clip://clip-{number}",
        sheet_path=Path(f"/archive/{number}.jpg"), kind="generated", prompt="untitled footage", title="footage",
        width=WIDTH, height=HEIGHT, fps=FPS, frames=frames, duration_s=frames / FPS, has_audio=False, codec="h264",
        bytes=1, sha256=str(number), seed=1, model="bench", recipe="draft", created_at=datetime.now(UTC),
        moderation=Verdict(verdict="passed", model="bench", max_score=0), provenance=Provenance(),
    )  # fmt: skip


def samples(film: world.Film, count: int, look: Look) -> Samples:
    """What the index keeps of a film of `count` frames."""
    places = sampled_places(FPS, count)
    kept = films.window(film, places, count, (HEIGHT, WIDTH), (0, 0, HEIGHT, WIDTH))
    return Samples(np.array(places, dtype=np.float64) / FPS, [look(frame) for frame in kept])


async def find_clips(index: ClipIndex, count: int, look: Look) -> tuple[float, float]:
    """(R@1, R@5) over `count` clips of two seconds, each asked for once."""
    rng = np.random.default_rng([20, 1])
    shown = scenes(count, rng)
    for number, scene in enumerate(shown):
        await index.add(clip_of(number, 49), samples(world.Film((scene,), (1,)), 49, look))
    ranks = []
    for number, scene in enumerate(shown):
        query = SearchQuery(query=question(scene, rng), moments_per_clip=1, limit=5)
        found = [moment.clip_id for moment in (await index.search(query)).moments]
        ranks.append(found.index(f"clip-{number}") if f"clip-{number}" in found else 5)
    return float(np.mean(np.array(ranks) == 0)), float(np.mean(np.array(ranks) < 5))


BASELINES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "best frame +- 1.5 s": lambda peak_s, end_s: (max(0.0, peak_s - 1.5), min(end_s, peak_s + 1.5)),
    "window of 2 s": lambda peak_s, end_s: (peak_s // 2 * 2, min(end_s, peak_s // 2 * 2 + 2)),
    "window of 5 s": lambda peak_s, end_s: (peak_s // 5 * 5, min(end_s, peak_s // 5 * 5 + 5)),
}
"""What a moment could be with nothing but the best frame's time, and the film's length."""


async def find_moments(index: ClipIndex, count: int, look: Look) -> dict[str, list[float]]:
    """How much of the scene that was asked for the first moment shares (intersection over union), and the baselines.

    0 where the first moment is of another film.
    """
    rng = np.random.default_rng([20, 2])
    shown = scenes(3 * count, rng)
    frames = [int(FPS * rng.choice((1.5, 2.0, 2.5, 3.0))) for _ in shown]
    cut = [
        (world.Film(tuple(shown[at : at + 3]), tuple(frames[at : at + 3])), sum(frames[at : at + 3]))
        for at in range(0, 3 * count, 3)
    ]
    for number, (film, length) in enumerate(cut):
        await index.add(clip_of(number, length), samples(film, length, look))
    shared: dict[str, list[float]] = {name: [] for name in ("search_clips", *BASELINES)}
    for number, (film, length) in enumerate(cut):
        for scene, stretch in film.stretches(length):
            found = (await index.search(SearchQuery(query=question(scene, rng)))).moments
            if not found or found[0].clip_id != f"clip-{number}":
                for each in shared.values():
                    each.append(0.0)
                continue
            spans = {name: span(found[0].peak_s, length / FPS) for name, span in BASELINES.items()}
            spans["search_clips"] = found[0].start_s, found[0].end_s
            for name, span in spans.items():
                shared[name].append(overlap(span, (stretch.start / FPS, stretch.stop / FPS)))
    return shared


def localized(shared: list[float]) -> str:
    """The field's metrics of one method."""
    at = np.array(shared)
    return "  ".join([*(f"R1@{line} {np.mean(at >= line):.2f}" for line in (0.3, 0.5, 0.7)), f"mIoU {at.mean():.2f}"])


def votes(embedder: OpenClipEmbedder, look: Look, count: int = 60) -> str:
    """How often frames count as a match: of the scene asked for, of another colour and kind, of nothing at all."""
    rng = np.random.default_rng([20, 3])
    shown = scenes(count, rng)
    frames = [look(draw.window(scene, [24], 49, (HEIGHT, WIDTH), (0, 0, HEIGHT, WIDTH))[0]) for scene in shown]
    seen = embedder.embed_frames(frames)
    nothing = embedder.embed_frames([meaningless(rng) for _ in range(3 * count)])
    background, line = embedder.background(), embedder.background().vote_z
    right, wrong, noise = [], [], []
    for at, scene in enumerate(shown):
        text = embed_query(embedder, question(scene, rng))
        scores = background.text_scores(seen, text)
        right.append(scores[at] >= line)
        one = scene.things[0]
        others = [other.things[0].kind != one.kind and other.things[0].colour != one.colour for other in shown]
        wrong += list(scores[others] >= line)
        noise += list(background.text_scores(nothing, text) >= line)
    shares = " ".join(
        f"{name} {np.mean(hits):.3f}" for name, hits in (("right", right), ("wrong", wrong), ("nothing", noise))
    )
    return f"votes at {line:g}: {shares}"


async def report(weights: str = "auto", clips: int = 200, films: int = 16, returned: bool = False) -> None:
    """Print the shares for one checkpoint."""
    vae = load_vae() if returned else None

    def look(frame: Frame) -> Frame:
        return frame if vae is None else round_trip(vae, torch.from_numpy(frame.copy())[None])[0].numpy()

    embedder = OpenClipEmbedder(weights)
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        index = ClipIndex(Path(folder) / "clips", embedder)
        first, five = await find_clips(index, clips, look)
        await index.close()
        index = ClipIndex(Path(folder) / "films", embedder)
        moments = await find_moments(index, films, look)
        await index.close()
    print(f"\nsearch_clips by sight, {embedder.model_id}{', frames through the VAE' if returned else ''}")
    print(f"clip R@1 {first:.2f}  R@5 {five:.2f}  among {clips} clips")
    print(f"moments of {3 * films} scenes in {films} films:")
    for name, shared in moments.items():
        print(f"  {name:<20} {localized(shared)}")
    print(votes(embedder, look, min(60, 3 * clips)))
    print(f"in {time.perf_counter() - begin:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--films", type=int, default=16)
    parser.add_argument("--returned", action="store_true")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    given = parser.parse_args()
    if given.dry_run:
        given.clips, given.films = 2, 1
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; no GPU is used")
    print("versions: python", platform.python_version(), *(f"{name} {version(name)}" for name in ("torch", "lancedb")))
    anyio.run(report, given.weights, given.clips, given.films, given.returned)


if __name__ == "__main__":
    main()
