"""The gates that a job passes: its texts and its input frames before the render, its own frames before it is published.

Each refusal is raised as `Refused` and written to the audit file.
"""

from collections.abc import Callable, Iterable, Sequence

from ltx_mcp.engine.lora.card import LoraCard
from ltx_mcp.engine.lora.triggers import with_triggers
from ltx_mcp.errors import Refused
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.frames import SAMPLES_PER_S, FrameGate
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.types.clips import Verdict
from ltx_mcp.types.frames import Frame

AFTER_TEXTS = "Describe something else; do not rephrase the same content."
AFTER_FRAMES = "If it shows nothing of the kind the classifier erred: another seed or strength may pass."


class Gates:
    """One policy for texts, one classifier for frames, one audit file. The checks block; any thread may call them."""

    def __init__(self, prompts: PromptGate, frames: FrameGate, audit: Audit) -> None:
        self.frames = frames
        self._prompts = prompts
        self._audit = audit

    def check_texts(self, job_id: str, texts: Iterable[tuple[str, str]], loras: Sequence[LoraCard]) -> None:
        """Raises Refused for the first (part, text) that the policy refuses, alone or together, naming the part.

        The model is given each prompt with the LoRAs' trigger words, which come from files: both are read as one.
        """
        asked = list(texts)
        shown = [(part, text if part == "negative_prompt" else with_triggers(text, loras)) for part, text in asked]
        if (found := self._prompts.check_together(shown)) is not None:
            part, finding = found
            self._audit.prompt_refused(job_id, dict(asked).get(part) or "\n".join(text for _, text in asked), finding)
            raise Refused(f"Moderation refused the request's {part} ({finding.category}).", AFTER_TEXTS)

    def check_inputs(
        self,
        job_id: str,
        prompt: str,
        frames: Sequence[Frame],
        name: Callable[[int], str] = lambda place: "The input",
    ) -> None:
        """Raises Refused, in which `name` says what the worst frame is of, by its place.

        Raises ModerationUnavailable where there is no classifier, even if there are no frames.
        """
        self.frames.load()  # now: a classifier that turns out to be missing after the render would cost the clip
        if frames:
            verdict = self.frames.judge(frames)
            worst = round((verdict.worst_at_s or 0.0) * SAMPLES_PER_S)
            self._check(job_id, prompt, verdict, f"{name(worst)} was refused")

    def check_clip(self, job_id: str, prompt: str, verdict: Verdict) -> None:
        """Raises Refused if the verdict on a finished clip refuses it."""
        self._check(job_id, prompt, verdict, "The finished clip was refused and deleted")

    def _check(self, job_id: str, prompt: str, verdict: Verdict, message: str) -> None:
        if verdict.verdict == "refused":
            self._audit.frames_refused(job_id, prompt, verdict)
            score, limit = f"{verdict.category} {verdict.max_score:.2f}", f"limit {verdict.threshold:.2f}"
            raise Refused(f"{message} ({score}, {limit}, at {verdict.worst_at_s:.1f} s).", AFTER_FRAMES)
