"""What view_clip tells of clips beside their frames. Times in seconds of the clip."""

from ltx_mcp.types.value import Value


class ViewedClip(Value):
    """One stretch that was looked at. Loudness is None for a clip without audio; `rms_db` has a value a second.

    `cuts_s` is when shots change: of a film as its timeline says, by the beginning of each transition, and else what is
    seen in the frames, which dissolves are not.
    """

    ref: str
    clip_id: str
    title: str
    start_s: float
    end_s: float
    frames_at_s: tuple[float, ...]
    cuts_s: tuple[float, ...] = ()
    integrated_lufs: float | None = None
    rms_db: tuple[float, ...] | None = None


class View(Value):
    """Everything that one call looked at; `note` says what was left out."""

    clips: tuple[ViewedClip, ...]
    note: str = ""
