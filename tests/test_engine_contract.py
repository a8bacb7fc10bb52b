"""What every engine promises, held against each of them: the stand-in, and LTX's pipelines on the micro model."""

from collections.abc import Callable

import numpy as np
import pytest

from ltx_mcp.engine.base import Engine, Materials
from ltx_mcp.engine.deferred import DeferredEngine
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.planning import plan
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import Cancelled
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.stages import Stage

ENGINES: dict[str, Callable[[], Engine]] = {
    "stand-in": StandInEngine,
    "micro": lambda: LtxEngine(MicroSource(), device="cpu"),
    "deferred": lambda: DeferredEngine(StandInEngine),
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]()


class Recorder:
    """A watch that remembers, and cancels at the n-th time it is asked."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.steps: dict[Stage, list[tuple[int, int]]] = {}
        self.checks = 0
        self._cancel_at = cancel_at
        self._stage = Stage.QUEUED

    def check(self) -> None:
        self.checks += 1
        if self._cancel_at is not None and self.checks >= self._cancel_at:
            raise Cancelled

    def stage(self, stage: Stage) -> None:
        self.check()
        self._stage = stage
        self.steps[stage] = []

    def step(self, done: int, total: int) -> None:
        self.check()
        self.steps[self._stage].append((done, total))


def a_plan(engine: Engine, seed: int = 1, **asked: object) -> Plan:
    request = GenerateRequest.model_validate({"prompt": "a red circle", "duration_s": 0.5, "quality": "draft", **asked})
    return plan(request, engine.card, seed)


def small(made: Plan, times: int = 1) -> Plan:
    """The same in few pixels, for what does not depend on the size."""
    sizes = {"width": 120, "height": 60, "made_width": 128, "made_height": 64}
    return made.model_copy(update={name: pixels * times for name, pixels in sizes.items()})


def frames(engine: Engine, made: Plan) -> list[Frame]:
    return list(engine.render(made, Recorder()).frames)


@pytest.mark.parametrize("aspect", ["16:9", "9:16"])
@pytest.mark.parametrize("quality", ["draft", "final"])
def test_exactly_the_planned_frames_arrive_in_the_planned_size(engine: Engine, aspect: str, quality: str) -> None:
    made = a_plan(engine, aspect=aspect, quality=quality)
    arrived = frames(engine, made)
    assert len(arrived) == made.frames == 12
    for frame in arrived:
        assert frame.shape == (made.height, made.width, 3)
        assert frame.dtype == np.uint8
        assert frame.flags.c_contiguous


def test_the_same_plan_gives_the_same_frames_and_another_seed_others(engine: Engine) -> None:
    first, again, other = (frames(engine, small(a_plan(engine, seed))) for seed in (1, 1, 2))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_sound_comes_when_asked_for_and_only_then(engine: Engine) -> None:
    with_sound = engine.render(small(a_plan(engine)), Recorder())
    assert with_sound.audio is not None
    assert with_sound.audio.dtype == np.float32
    channels, samples = with_sound.audio.shape
    assert channels in (1, 2)
    assert samples / with_sound.sample_rate == pytest.approx(0.5, abs=0.2)
    assert np.abs(with_sound.audio).max() <= 1
    assert engine.render(small(a_plan(engine, audio=False)), Recorder()).audio is None


def test_every_denoising_step_is_reported_once_in_order(engine: Engine) -> None:
    watch = Recorder()
    engine.load(watch)
    list(engine.render(small(a_plan(engine)), watch).frames)
    steps = watch.steps[Stage.DENOISING]
    assert steps == [(done, len(steps)) for done in range(1, len(steps) + 1)]
    assert len(steps) == 8
    assert list(watch.steps)[-1] is Stage.DECODING


def test_a_drafts_latents_become_the_final_that_was_asked_for_at_once(engine: Engine) -> None:
    final = small(a_plan(engine, quality="final", resolution="480p"), 2)
    draft = engine.render(small(a_plan(engine, resolution="240p")), Recorder())
    list(draft.frames)
    assert draft.latents is not None
    assert {part.dtype for part in (draft.latents.video, draft.latents.audio)} == {np.dtype(np.float32)}
    at_once = engine.render(final, Recorder())
    later = engine.render(final, Recorder(), Materials(draft_latents=draft.latents))
    assert at_once.latents is None
    assert all(np.array_equal(one, two) for one, two in zip(at_once.frames, later.frames, strict=True))


def test_a_cancel_gets_out_wherever_it_strikes_and_the_engine_works_on(engine: Engine) -> None:
    made = small(a_plan(engine))
    whole = Recorder()
    expected = list(engine.render(made, whole).frames)
    for share in (0.1, 0.5, 0.95):
        cancelling = Recorder(cancel_at=max(1, int(whole.checks * share)))
        with pytest.raises(Cancelled):
            list(engine.render(made, cancelling).frames)
        again = frames(engine, made)
        assert all(np.array_equal(one, two) for one, two in zip(expected, again, strict=True)), share
