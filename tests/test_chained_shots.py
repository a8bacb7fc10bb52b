"""Films of several shots: joined where nobody sees or hears it, streamed, and stopped at once."""

import weakref
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.errors import Cancelled
from ltx_mcp.jobs.lane_job import Step
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage
from ltx_mcp.preparation.chained_shots import ChainedShot, blended_frames, chained_render, context_frames
from ltx_mcp.preparation.regenerated_span import regenerated_render
from ltx_mcp.preparation.source_video import SourceVideo
from ltx_mcp.studio.progress import progress_of
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage

WIDTH, HEIGHT, FPS, FRAMES = 64, 48, 12.0, 40


class Parts:
    """A watch that writes down the job's progress, and cancels in one part if told to."""

    def __init__(self, cancel_in: int | None = None) -> None:
        self.progress: list[float] = []
        self._cancel_in = cancel_in
        self._part, self._parts, self._stage = 0, 1, Stage.LOADING

    def part(self, part: int, parts: int) -> None:
        self._part, self._parts = part, parts

    def check(self) -> None:
        if self._part == self._cancel_in:
            raise Cancelled

    def stage(self, stage: Stage) -> None:
        self._stage = stage
        self.step(0, 1)

    def step(self, done: int, total: int) -> None:
        self.progress.append(progress_of(Step(self._stage, done, total, self._part, self._parts)))
        self.check()


class Continuing(StandInEngine):
    """A model that does what conditions are for: it moves on as what it was shown moved, by 2 pixels a frame.

    It makes what it is shown a little darker, as a VAE may, and sees what it was given and what still lives of it.
    """

    def __init__(self, darker: int = 0) -> None:
        super().__init__()
        self._darker = darker
        self.given: list[Materials] = []
        self.living: list[weakref.ref[Frame]] = []
        self.most = 0

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        self.given = [materials]
        made = super().render(plan, watch, materials)
        return Rendering(self._moving(made.frames, materials), made.audio, made.sample_rate)

    def _moving(self, frames: Iterator[Frame], materials: Materials) -> Iterator[Frame]:
        lead = materials.conditions[0].frames if materials.conditions else []
        last = lead[-1] if lead else None
        for index, drawn in enumerate(frames):
            if index >= len(lead):
                last = moving_pattern(0) if last is None else np.roll(last, 2, axis=1)
            frame = (drawn if index < len(lead) else np.asarray(last)) - np.uint8(self._darker)
            self.living = [each for each in self.living if each() is not None] + [weakref.ref(frame)]
            self.most = max(self.most, len(self.living))
            yield frame


def moving_pattern(index: int) -> Frame:
    """A soft pattern that moves by 2 pixels a frame."""
    x = np.arange(WIDTH)[None, :, None] - 2 * index
    return np.broadcast_to(128 + 60 * np.sin(2 * np.pi * x / WIDTH), (HEIGHT, WIDTH, 3)).astype(np.uint8)


def tone(hertz: float, seconds: float) -> NDArray[np.float32]:
    wave = 0.2 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE + 1)
    return np.stack([wave, wave]).astype(np.float32)


def a_source(folder: Path, with_audio: bool = True) -> SourceVideo:
    path = folder / "source.mp4"
    audio = tone(330, FRAMES / FPS) if with_audio else None
    with VideoWriter(path, WIDTH, HEIGHT, FPS, FRAMES, audio=audio) as writer:
        for index in range(FRAMES):
            writer.write(moving_pattern(index))
    return SourceVideo(open_footage(path, ""), WIDTH, HEIGHT, FPS, FRAMES)


def a_plan(frames: int, audio: bool = True, seed: int = 5) -> Plan:
    return Plan(
        prompt="a red screen", width=WIDTH, height=HEIGHT, frames=frames, fps=FPS, duration_s=frames / FPS, seed=seed,
        resolution="240p", quality="draft", audio=audio, model="stand-in", made_width=WIDTH, made_height=64,
        made_frames=frames,
    )  # fmt: skip


def steps(frames: list[Frame]) -> NDArray[np.float64]:
    """Mean change from each frame to the next."""
    return np.array([np.abs(later - earlier.astype(float)).mean() for earlier, later in pairwise(frames)])


@pytest.mark.parametrize(("fps", "frames"), [(8, 9), (24, 17), (25, 17), (30, 25), (50, 41), (60, 49)])
def test_about_three_quarters_of_a_second_are_shown_in_whole_latent_frames(fps: float, frames: int) -> None:
    assert context_frames(fps, 1000) == frames
    assert [context_frames(fps, few) for few in (0, 1, 8, 9)] == [0, 1, 1, 9]


@pytest.mark.parametrize("darker", [0, 20])
def test_a_clip_goes_on_without_a_seam_to_be_seen_or_heard(tmp_path: Path, darker: int) -> None:
    source, engine = a_source(tmp_path), Continuing(darker)
    film = chained_render([ChainedShot(a_plan(9 + 20), 9)], source)(engine, Parts())
    frames = list(film.frames)
    assert len(frames) == FRAMES + 20
    shown = list(source.stream())
    assert all(map(np.array_equal, engine.given[0].conditions[0].frames, shown[-9:])), "the very last frames"
    assert all(map(np.array_equal, frames, shown[: FRAMES - blended_frames(9)]))
    typical = np.median(steps(shown))
    assert steps(frames).max() < typical * 1.2 + darker / 8, "the change at the join is like any other"
    audio = film.final_audio()
    assert audio is not None
    assert audio.shape == (2, round(60 / FPS * SAMPLE_RATE))
    jumps, join = np.abs(np.diff(audio[0])), round(FRAMES / FPS * SAMPLE_RATE)
    assert jumps[join - SAMPLE_RATE // 2 : join + SAMPLE_RATE // 2].max() < 1.2 * jumps[: SAMPLE_RATE * 2].max(), (
        "no click"
    )
    assert np.abs(audio[:, join:]).max() > 0.1, "the new shot has its own"


def test_a_film_of_shots_holds_the_same_few_frames_however_long_it_is() -> None:
    most = []
    for length in (20, 120):
        engine = Continuing()
        shots = [ChainedShot(a_plan(length)), *(ChainedShot(a_plan(9 + length, seed=seed), 9) for seed in (6, 7))]
        assert sum(1 for _ in chained_render(shots)(engine, Parts()).frames) == 3 * length
        most.append(engine.most)
    assert most[0] == most[1] <= 2 * 9 + blended_frames(9) + 3, "what was shown, the last ones, and those held back"


def test_each_shot_continues_the_last_frames_of_the_one_before_and_audio_has_no_gap() -> None:
    engine = Continuing()
    shots = [ChainedShot(a_plan(20)), *(ChainedShot(a_plan(9 + 20, seed=seed), 9) for seed in (200, 400))]
    watch = Parts()
    film = chained_render(shots)(engine, watch)
    frames = list(film.frames)
    assert len(frames) == 60
    assert steps(frames).max() < 1.2 * np.median(steps(frames))
    assert watch.progress == sorted(watch.progress), "progress never falls back"
    assert 0.3 < watch.progress[len(watch.progress) // 2] < 0.7
    audio = film.final_audio()
    assert audio is not None
    assert audio.shape == (2, 5 * SAMPLE_RATE)
    loud = [float(np.abs(audio[:, at : at + 2400]).max()) for at in range(0, audio.shape[1], 2400)]
    assert min(loud) > 0.1, "nowhere silent"
    assert np.abs(np.diff(audio[0])).max() < 0.04


def test_where_there_was_no_audio_the_new_one_fades_in_and_where_none_is_asked_for_the_old_one_stays(
    tmp_path: Path,
) -> None:
    join = round(FRAMES / FPS * SAMPLE_RATE)
    silent = chained_render([ChainedShot(a_plan(29), 9)], a_source(tmp_path, with_audio=False))(
        StandInEngine(), Parts()
    )
    assert len(list(silent.frames)) == 60
    faded = silent.final_audio()
    assert faded is not None
    assert not faded[:, :join].any()
    assert np.abs(faded[:, join : join + 480]).max() < 0.05 < np.abs(faded[:, join + SAMPLE_RATE // 4 :]).max()
    kept = chained_render([ChainedShot(a_plan(29, audio=False), 9)], a_source(tmp_path))(StandInEngine(), Parts())
    assert len(list(kept.frames)) == 60
    audio = kept.final_audio()
    assert audio is not None
    assert np.abs(audio[:, :join]).max() > 0.1
    assert not audio[:, join:].any()
    assert np.abs(np.diff(audio[0, join - SAMPLE_RATE : join + SAMPLE_RATE])).max() < 0.02, "it ends without a click"


@pytest.mark.parametrize("span", [(15, 22), (0, 10), (30, 40)])
def test_a_retake_changes_the_span_alone_in_frames_and_audio(tmp_path: Path, span: tuple[int, int]) -> None:
    source, (first, end) = a_source(tmp_path), span
    before, after = context_frames(FPS, first), context_frames(FPS, FRAMES - end)
    render = regenerated_render(source, a_plan(before + end - first + after), first, end)
    made = render(StandInEngine(), Parts())
    frames, shown = list(made.frames), list(source.stream())
    assert len(frames) == FRAMES
    for index, (frame, own) in enumerate(zip(frames, shown, strict=True)):
        assert np.array_equal(frame, own) == (not first <= index < end)
    audio, own_audio = made.final_audio(), source.audio()
    assert audio is not None
    assert own_audio is not None
    inside = slice(round(first / FPS * SAMPLE_RATE), round(end / FPS * SAMPLE_RATE))
    outside = np.ones(audio.shape[1], dtype=bool)
    outside[inside] = False
    assert np.array_equal(audio[:, outside], own_audio[:, : audio.shape[1]][:, outside]), "to the sample"
    assert not np.allclose(audio[:, inside], own_audio[:, inside], atol=0.05)
    for at in (inside.start, inside.stop):  # the file's own ends jump more, as AAC leaves them
        if 0 < at < audio.shape[1]:
            assert np.abs(np.diff(audio[0, at - 4800 : at + 4800])).max() < 0.02


def test_a_retake_is_shown_what_is_before_and_after_the_span_at_its_place(tmp_path: Path) -> None:
    source, engine = a_source(tmp_path), Continuing()
    list(regenerated_render(source, a_plan(9 + 7 + 9), 15, 22)(engine, Parts()).frames)
    shown, (lead, tail) = list(source.stream()), engine.given[0].conditions
    assert (lead.at_frame, tail.at_frame) == (0, 16)
    assert all(map(np.array_equal, lead.frames, shown[6:15]))
    assert all(map(np.array_equal, tail.frames, shown[22:31]))


def test_a_retake_without_new_audio_keeps_the_sources(tmp_path: Path) -> None:
    source = a_source(tmp_path)
    made = regenerated_render(source, a_plan(25, audio=False), 15, 22)(StandInEngine(), Parts())
    audio, own = made.final_audio(), source.audio()
    assert audio is not None
    assert own is not None
    assert np.array_equal(audio, own[:, : audio.shape[1]])


def test_a_cancel_in_a_later_shot_gets_out() -> None:
    shots = [ChainedShot(a_plan(10)), ChainedShot(a_plan(9 + 10), 9)]
    film = chained_render(shots)(StandInEngine(), Parts(cancel_in=1))
    assert len([next(film.frames) for _ in range(10 - blended_frames(9))]) == 2
    with pytest.raises(Cancelled):
        next(film.frames)


@pytest.mark.parametrize("quality", ["draft", "final"])
def test_the_micro_model_goes_on_nearer_to_the_source_than_without_it(tmp_path: Path, quality: str) -> None:
    source, engine = a_source(tmp_path, with_audio=False), LtxEngine(MicroSource(), device="cpu")
    plan = a_plan(25, audio=False).model_copy(update={"quality": quality, "model": "micro"})
    last = list(source.stream())[-1].astype(float)
    film = list(chained_render([ChainedShot(plan, 17)], source)(engine, Parts()).frames)
    alone = list(engine.render(plan, Parts()).frames)
    assert len(film) == FRAMES + 8
    joined, cut = (np.abs(frame - last).mean() for frame in (film[FRAMES], alone[17]))
    assert joined < 0.8 * cut
    assert steps(film)[FRAMES - 1] < 0.6 * cut, "and the blend takes the rest of the way in steps"
