"""Writes a clip in one pass over its frames, which feeds encoder, frame gate, sampler and contact sheet.

Runs on the lane's thread while the frames are decoded, so a clip is never held whole. All of it goes into
the job's staging folder, which no client can name.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ltx_mcp import __version__
from ltx_mcp.engine.base import Latents, Rendering, Watch
from ltx_mcp.errors import MediaError
from ltx_mcp.index.sample import FrameSampler, Samples
from ltx_mcp.media.audio import SAMPLE_RATE, resample
from ltx_mcp.media.contact_sheet import ContactSheet
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.splice import UnchangedFrames, splice
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.types.clips import COMPOSITE, OriginalFile, Provenance, Verdict
from ltx_mcp.types.film import Loudness, TimedText
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.stages import Stage
from ltx_mcp.typeset.subtitles import soft_track
from ltx_mcp.watermark.base import ClipMarker, FoundMark, MarkReader

VIDEO_NAME = "video.mp4"


@dataclass(frozen=True)
class WrittenClip:
    """A finished clip, still in staging. `sheet` is a JPEG; `notes` are for the result; `latents` are a draft's.

    `video` is None for footage that stays in place. `original` is the file that it was imported from.
    `codec` is set where it is not the plan's. `said` is what is said in it. `watermarks` are those that were looked for
    and seen in its frames.
    """

    video: Path | None
    verdict: Verdict
    sheet: bytes
    samples: Samples
    has_audio: bool
    notes: tuple[str, ...] = ()
    latents: Latents | None = None
    loudness: Loudness | None = None
    cuts_s: tuple[float, ...] = ()
    original: OriginalFile | None = None
    codec: str | None = None
    said: Sequence[TimedText] = ()
    watermarks: tuple[FoundMark, ...] = ()


class Viewing:
    """What is seen of the frames that stream by: a verdict, a contact sheet, samples for the index, cuts, watermarks.

    The samples of long footage are kept on the disk of `folder`.
    """

    def __init__(self, plan: Plan, gate: FrameGate, folder: Path, marks: MarkReader | None = None) -> None:
        self._fps, self._marks = plan.fps, marks
        self._sheet = ContactSheet(plan.frames, plan.fps, plan.shot_frames)
        self._sampler = FrameSampler(plan.fps, plan.frames, plan.shot_frames, folder)
        self._moderated = gate.watch(plan.fps, plan.frames, shown=self._sheet.wanted)

    def see(self, index: int, frame: Frame) -> None:
        """Each frame once, in order. Raises ModerationUnavailable."""
        self._sheet.see(index, frame)
        self._moderated.see(index, frame, shown=self._sampler.see(index, frame))
        if self._marks is not None:
            self._marks.see(frame, (index + 1) / self._fps)

    def verdict(self) -> Verdict:
        """Raises ModerationUnavailable."""
        return self._moderated.verdict()

    def written(self, video: Path | None, verdict: Verdict, has_audio: bool) -> WrittenClip:
        marks = () if self._marks is None else self._marks.found()
        return WrittenClip(
            video,
            verdict,
            self._sheet.jpeg(),
            self._sampler.samples,
            has_audio,
            cuts_s=self._sampler.cuts_s,
            watermarks=marks,
        )


View = Callable[[], Viewing]
"""Begins to look at the frames of a clip."""


def write_clip(
    rendering: Rendering,
    watch: Watch,
    plan: Plan,
    folder: Path,
    view: View,
    replacement_audio: Callable[[], Audio | None],
    tags: Mapping[str, str],
    unchanged: UnchangedFrames | None = None,
    marker: ClipMarker | None = None,
) -> WrittenClip:
    """Pull every frame once.

    `replacement_audio` may give (2, samples) at SAMPLE_RATE, which replace the model's own audio. What is `unchanged`
    of a source is spliced back as it was, once the clip has passed moderation. `marker` puts the watermark into the
    frames and the model's audio. Raises MediaError, ModerationUnavailable, Cancelled.
    """
    video = folder / VIDEO_NAME
    viewing = view()
    writer = VideoWriter(
        video,
        plan.width,
        plan.height,
        plan.fps,
        plan.frames,
        codec=plan.codec,
        metadata=tags,
    )
    with closing_frames(rendering), writer:  # the writer joins its tracks while their files are still there
        for index, frame in enumerate(rendering.frames):
            frame = frame if marker is None else marker.frame(index, frame)
            writer.write(frame)
            viewing.see(index, frame)
            watch.step(index + 1, plan.frames)
        audio, sample_rate = replacement_audio(), SAMPLE_RATE
        if audio is None:
            audio, sample_rate = rendering.final_audio(), rendering.sample_rate
            if audio is not None and marker is not None:
                audio, sample_rate = marker.audio(resample(audio, sample_rate)), SAMPLE_RATE
        if rendering.audio_file is not None:
            writer.add_audio_file(rendering.audio_file)
        elif audio is not None:
            writer.add_audio(audio, sample_rate)
        if rendering.subtitle_file is not None:
            writer.add_track(partial(soft_track, rendering.subtitle_file))
    watch.stage(Stage.MODERATING)
    verdict = viewing.verdict()
    watch.check()
    notes = () if unchanged is None or verdict.verdict == "refused" else (_splice_source(video, unchanged, plan),)
    has_audio = audio is not None or rendering.audio_file is not None
    return replace(
        viewing.written(video, verdict, has_audio),
        notes=notes,
        latents=rendering.latents,
        loudness=rendering.loudness,
        said=rendering.said,
    )


@contextmanager
def closing_frames(rendering: Rendering) -> Iterator[None]:
    """Whatever happens, the generator of the frames is done when the block is: a source that it reads is closed."""
    try:
        yield
    finally:
        if isinstance(rendering.frames, Generator):
            rendering.frames.close()
        rendering.close()


def _splice_source(video: Path, unchanged: UnchangedFrames, plan: Plan) -> str:
    """A sentence on what the file now has of its source, bit for bit."""
    try:
        before, after = splice(video, unchanged)
    except MediaError as error:
        return f"The source's frames were encoded again, so they are not the same bit for bit: {error.message}."
    spans = [f"before {before / plan.fps:.3f} s"] if before else []
    spans += [f"from {after / plan.fps:.3f} s on"] if after is not None else []
    if not spans:
        return "The source's frames were encoded again: no key frame lies between them and the new ones."
    return f"The frames {' and '.join(spans)} are the source's own, bit for bit; its audio was encoded again."


def provenance_tags(model: str, provenance: Provenance) -> dict[str, str]:
    """Metadata of the file itself: whoever finds it learns that a model made it, and which."""
    if provenance.digital_source_type is None:
        return {}
    made = "Partly AI-generated video" if provenance.digital_source_type == COMPOSITE else "AI-generated video"
    return {
        "comment": f"{made}. Model: {model}. Made with ltx-mcp {__version__}.",
        "artist": f"{model} (AI model)",
    }
