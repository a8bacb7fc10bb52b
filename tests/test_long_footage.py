"""Half an hour of film with sixty shots, imported in constant memory: what one shot shows is found in that shot."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from ltx_mcp.compose import open_studio
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.index.choice import EMBEDDED
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.micro.training import films, world
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.parts import remake_embedder
from ltx_mcp.settings import Settings
from ltx_mcp.types import states
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.searches import SearchRequest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FPS, SHOTS, SHOT_S = 2.0, 60, 30
WIDTH, HEIGHT = 416, 240
KINDS: tuple[world.Kind, ...] = ("circle", "square", "triangle")
SHADES: tuple[world.Shade, ...] = ("navy", "gray")
COLOURS: tuple[world.Colour, ...] = ("green", "blue", "yellow")


def scenes() -> list[world.Scene]:
    """Each differs from the one before in all that it shows; a red star is in the forty-first alone."""
    made = []
    for number in range(SHOTS):
        kind, colour = KINDS[number % 3], COLOURS[number // 3 % 3]
        if number == 40:
            kind, colour = "star", "red"
        thing = world.Thing(kind, colour, "large", "still", 0.5 * (-1) ** number, 0.0, 0.0)
        made.append(world.Scene((thing,), SHADES[number % 2], grain=number))
    return made


def frames() -> Iterator[Frame]:
    for scene in scenes():
        (still,) = films.window(world.Film((scene,), (1.0,)), [0], 1, (HEIGHT, WIDTH), (0, 0, HEIGHT, WIDTH))
        for _ in range(round(SHOT_S * FPS)):
            yield still


async def ignore(job: Job) -> None:
    """Nobody watches."""


async def test_a_thing_in_the_forty_first_shot_is_found_within_its_cuts(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with VideoWriter(film, WIDTH, HEIGHT, FPS, round(SHOTS * SHOT_S * FPS)) as writer:
        for frame in frames():
            writer.write(frame)
    settings = Settings(data_dir=tmp_path / "data", roots=(tmp_path,))
    embedder = remake_embedder(settings, EMBEDDED)
    assert embedder is not None
    embedder.embed_frames([next(frames())])  # its libraries and weights are loaded before memory is measured
    with anyio.fail_after(280):
        async with open_studio(
            settings, engine=StandInEngine(), classifier=MagentaClassifier(), embedder=embedder
        ) as studio:
            tracemalloc.start()
            job = await studio.start(ImportRequest(video=str(film), title="half an hour"))
            state = (await studio.jobs.wait(job.job_id, 270, ignore)).state
            _, most_bytes = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert isinstance(state, states.Succeeded), state
            clip = await studio.archive.clip(state.clip_id)
            found = (await studio.search(SearchRequest(query="a red star"))).moments[0]
    assert clip.in_place
    assert clip.cuts_s == tuple(float(SHOT_S * number) for number in range(1, SHOTS))
    assert (found.start_s, found.end_s) == pytest.approx((40 * SHOT_S, 41 * SHOT_S), abs=1.0)
    held = len(list(pairwise(clip.cuts_s))) * 16 * WIDTH * HEIGHT * 3
    assert most_bytes < held / 4, f"its samples alone would take {held / 1e6:.0f} MB"
