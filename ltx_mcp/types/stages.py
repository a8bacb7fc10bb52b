"""The stages of a job. A module of its own, so that importing it does not import NumPy."""

from enum import StrEnum


class Stage(StrEnum):
    """What a job is doing, in chronological order."""

    QUEUED = "queued"
    LOADING = "loading"
    ENCODING_PROMPT = "encoding_prompt"
    DENOISING = "denoising"
    DECODING = "decoding"
    RENDERING = "rendering"  # of a film or an import: no model makes its frames
    EXPORTING = "exporting"
    MODERATING = "moderating"
    PUBLISHING = "publishing"
    INDEXING = "indexing"
