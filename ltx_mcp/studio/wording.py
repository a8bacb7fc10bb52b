"""What a refusal says, and what to do after it."""

from ltx_mcp.types.clips import Verdict

AFTER_WORDS = "Describe something else; do not rephrase the same content."
AFTER_FRAMES = "If it shows nothing of the kind the classifier erred: another seed or strength may pass."


def judged(what: str, verdict: Verdict, then: str = "") -> str:
    """One sentence with the figures of a refusing verdict."""
    figures = (
        f"{verdict.category} {verdict.max_score:.2f}, limit {verdict.threshold:.2f}, at {verdict.worst_at_s:.1f} s"
    )
    return " ".join(part for part in (what, "was refused", then, f"({figures}).") if part)
