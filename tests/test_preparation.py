"""What a job tells the planner of its materials, and what it holds while it waits."""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from media_kit import archive, encoded, film

from ltx_mcp.archive.draft_latents import digests
from ltx_mcp.archive.library import Library
from ltx_mcp.engine.base import Materials
from ltx_mcp.engine.plan.layout import WORDS, Uses
from ltx_mcp.engine.plan.planning import plan as make_plan
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.preparation.animate import prepare_animate
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.moderated_frames import InputFrames
from ltx_mcp.preparation.prepared_job import Planned, PreparedJob
from ltx_mcp.preparation.restyle import prepare_restyle
from ltx_mcp.preparation.restyle_methods import RestyleMethod
from ltx_mcp.provenance.base import Ingredient
from ltx_mcp.types.clips import Provenance
from ltx_mcp.types.film import SourceUse
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import AnimateRequest, GenerateRequest, RestyleRequest

CARD = StandInEngine().card


@pytest.fixture
def inputs(tmp_path: Path) -> Iterator[Inputs]:
    with archive(tmp_path / "data") as library:
        yield made_of(library, tmp_path)


def made_of(library: Library, root: Path) -> Inputs:
    return Inputs(library, [root, film("bikes.mp4").parent])


class Planner:
    """Plans with the stand-in's card, and remembers what it was told."""

    def __init__(self) -> None:
        self.uses: Uses | None = None

    def __call__(
        self, shot: GenerateRequest, part: int = 0, size: tuple[int, int] | None = None, uses: Uses = WORDS
    ) -> Plan:
        self.uses = uses
        return make_plan(shot, CARD, 1, size=size, uses=uses)


def image(folder: Path, name: str, size: tuple[int, int] = (900, 700)) -> str:
    (folder / name).write_bytes(encoded(size))
    return str(folder / name)


def shot(folder: Path) -> AnimateRequest:
    return AnimateRequest(
        prompt="-", image=image(folder, "a.png"), end_image=image(folder, "b.png"), resolution="240p", duration_s=1
    )


def test_an_animation_tells_that_frames_are_given(inputs: Inputs, tmp_path: Path) -> None:
    planner = Planner()
    prepare_animate(shot(tmp_path), inputs).plan(planner)
    assert planner.uses == Uses(conditions=True)


@pytest.mark.parametrize("keep_audio", [True, False])
def test_a_repaint_tells_that_a_source_is_held(inputs: Inputs, tmp_path: Path, keep_audio: bool) -> None:
    planner = Planner()
    request = RestyleRequest(video=str(film("bikes.mp4")), prompt="-", resolution="240p", keep_audio=keep_audio)
    prepare_restyle(request, inputs, RestyleMethod(()), {}).plan(planner)
    assert planner.uses == Uses(conditions=not keep_audio, source=True)


def test_a_waiting_job_holds_its_images_at_the_size_of_the_clip(inputs: Inputs, tmp_path: Path) -> None:
    job = prepare_animate(shot(tmp_path), inputs)
    own = digests(job.input_frames())
    images = [weakref.ref(each) for each in job.input_frames()]
    planned: Planned = job.plan(Planner())
    job = job.release_inputs()
    gc.collect()
    assert [image() for image in images] == [None, None]
    assert job.digests() == own, "a draft is still known by what it was made from"
    assert (job.kind, job.source) == ("animated", str(tmp_path / "a.png"))
    assert (planned.plan.width, planned.plan.height) == (320, 240)


def test_a_waiting_job_keeps_every_field_but_those_that_may_hold_images() -> None:
    image = np.zeros((2, 2, 3), np.uint8)
    job = PreparedJob(
        kind="animated",
        shot=GenerateRequest(prompt="-"),
        source="a.png",
        recipe="final",
        uses=Uses(conditions=True),
        gather=lambda plan, watch: Materials(),
        fit_inputs=lambda plan: Materials(),
        input_frames=lambda: [image],
        input_video=lambda: InputFrames(24.0, 1, [image]),
        input_digests=("00ff",),
        replacement_audio=lambda: None,
        notes=lambda plan: ("cropped",),
        check=lambda plan: None,
        provenance=Provenance(digital_source_type=None),
        lane="imports",
        sources=(SourceUse(reference="a.png"),),
        texts={"timeline.otio": "{}"},
        input_name=lambda place: "Shot 1",
        parents=(Ingredient(title="a.png", role="inputTo"),),
        original=Path("a.mp4"),
        original_codec="hevc",
        in_place=True,
    )
    defaults = PreparedJob("generated", job.shot)
    given = [field.name for field in fields(job) if getattr(job, field.name) != getattr(defaults, field.name)]
    assert given == [field.name for field in fields(job) if field.name != "shot"], "a new field: set it here too"
    waiting = job.release_inputs()
    kept = {field.name for field in fields(job) if getattr(waiting, field.name) == getattr(job, field.name)}
    assert {field.name for field in fields(job)} - kept == {"fit_inputs", "input_frames", "notes", "check"}
    assert replace(job, input_digests=None).release_inputs().input_digests == digests([image])
