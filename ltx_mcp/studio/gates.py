"""The gates that a job passes: its texts and its input frames before the render, its own frames before it is published.

Each refusal is raised as `Refused`, what moderation is not sure of as `HeldForReview`; both are written to the audit
file. What is held of a request is kept for the person at the machine, who may allow exactly that once.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.triggers import with_triggers
from ltx_mcp.errors import HeldForReview, Refused
from ltx_mcp.media.contact_sheet import ContactSheet
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import SAMPLES_PER_S, FrameGate
from ltx_mcp.moderation.held_requests import HeldRequests
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.moderation.second_reader import SecondReader
from ltx_mcp.preparation.moderated_frames import InputFrames
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.owners import caller

AFTER_TEXTS = "Describe something else; do not rephrase the same content."
AFTER_FRAMES = "If it shows nothing of the kind the classifier erred: another seed or strength may pass."
_ID_CHARS = 24  # of a SHA-256: 96 bits, so that nobody makes another request with the id of one that was allowed


class Gates:
    """One policy for texts and perhaps a second reader, one classifier for frames, one audit file.

    The checks block; any thread may call them.
    """

    def __init__(
        self,
        prompts: PromptGate,
        frames: FrameGate,
        audit: Audit,
        held: HeldRequests,
        reader: SecondReader | None = None,
    ) -> None:
        self.frames = frames
        self._prompts = prompts
        self._audit = audit
        self._held = held
        self._reader = reader

    def check_texts(self, job_id: str, texts: Iterable[tuple[str, str]], loras: Sequence[LoraCard]) -> None:
        """Raises Refused or HeldForReview for the (part, text) that the policy stops, alone or together, naming it.

        The model is given each prompt with the LoRAs' trigger words, which come from files: both are read as one.
        """
        asked = list(texts)
        shown = [(part, text if part == "negative_prompt" else with_triggers(text, loras)) for part, text in asked]
        found = self._prompts.check_together(shown)
        if self._reader is not None and shown and (found is None or found[1].action == "review"):
            meant = self._reader.check(shown)
            found = ("words together", meant) if meant and (found is None or meant.action == "block") else found
        if found is None:
            return
        part, finding = found
        held_id = f"text-{hashlib.sha256(_own(json.dumps(shown))).hexdigest()[:_ID_CHARS]}"
        if finding.action == "review" and self._held.use(held_id, job_id):
            return
        self._audit.prompt_refused(job_id, dict(asked).get(part) or "\n".join(text for _, text in asked), finding)
        if finding.action != "review":
            raise Refused(f"Moderation refused the request's {part} ({finding.category}).", AFTER_TEXTS)
        self._hold(held_id, finding.category, "\n".join(f"{part}: {text}" for part, text in shown))
        raise _held(f"The request's {part} is held for review ({finding.category}).", held_id, "the same words")

    def check_images(
        self,
        job_id: str,
        prompt: str,
        frames: Sequence[Frame],
        name: Callable[[int], str] = lambda place: "The input",
    ) -> None:
        """Raises Refused or HeldForReview, in which `name` says what the worst frame is of, by its place.

        Raises ModerationUnavailable where there is no classifier, even if there are no frames.
        """
        self.frames.load()  # now: a classifier that turns out to be missing after the render would cost the clip
        if frames:
            self.check_inputs(job_id, prompt, InputFrames(SAMPLES_PER_S, len(frames), frames), name)

    def check_inputs(
        self,
        job_id: str,
        prompt: str,
        seen: InputFrames,
        name: Callable[[int], str] = lambda place: "The input",
    ) -> None:
        """The same for the frames of a video, all of which are looked at as they come."""
        sheet, digest = ContactSheet(seen.count, seen.fps), hashlib.sha256(_own())
        watch = self.frames.watch(seen.fps, seen.count, shown=sheet.wanted)
        for index, frame in enumerate(seen.frames):
            sheet.see(index, frame)
            watch.see(index, frame)
            digest.update(repr(frame.shape).encode() + frame.tobytes())
        verdict = watch.verdict()
        what = name(round((verdict.worst_at_s or 0.0) * seen.fps))
        held_id = f"input-{digest.hexdigest()[:_ID_CHARS]}"
        if verdict.verdict == "passed" or (
            verdict.verdict == "review" and (seen.released or self._held.use(held_id, job_id))
        ):
            return
        self._audit.frames_refused(job_id, prompt, verdict)
        if verdict.verdict == "refused":
            raise Refused(f"{what} was refused ({_scored(verdict)}).", AFTER_FRAMES)
        self._hold(held_id, _scored(verdict), f"{what} of: {prompt}", sheet.jpeg())
        raise _held(f"{what} is held for review ({_scored(verdict)}).", held_id, "the same inputs")

    def check_clip(self, job_id: str, prompt: str, verdict: Verdict) -> None:
        """Raises Refused if the verdict on a finished clip refuses it; one that is to be held is noted."""
        if verdict.verdict != "passed":
            self._audit.frames_refused(job_id, prompt, verdict)
        if verdict.verdict == "refused":
            raise Refused(f"The finished clip was refused and deleted ({_scored(verdict)}).", AFTER_FRAMES)

    def give_back(self, job_id: str) -> None:
        """The job did not begin: what a person allowed may be asked again."""
        self._held.give_back(job_id)

    def _hold(self, held_id: str, category: str, about: str, frames: bytes | None = None) -> None:
        """Raises Refused where it cannot be kept."""
        try:
            self._held.hold(held_id, category, about, frames)
        except OSError as error:
            raise Refused(f"Moderation is not sure of it, and cannot keep it for a person: {error}.") from error


def _own(text: str = "") -> bytes:
    """What is allowed to one owner is not to another."""
    return (caller() + text).encode()


def _held(message: str, held_id: str, again: str) -> HeldForReview:
    return HeldForReview(
        message,
        "Tell the user, and do not rephrase it. Only the person at this machine can look (`ltx-mcp review`) and allow "
        f"exactly this once (`ltx-mcp review release {held_id}`); then ask again with {again}.",
    )


def _scored(verdict: Verdict) -> str:
    score, limit = f"{verdict.category} {verdict.max_score:.2f}", f"limit {verdict.threshold:.2f}"
    return f"{score}, {limit}, at {verdict.worst_at_s:.1f} s"
