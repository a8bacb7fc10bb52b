"""What a job is doing. A module of its own, so that a host that waits for tools/list need not wait for NumPy."""

from enum import StrEnum


class Stage(StrEnum):
    """What a job is doing now. The order is the order of time."""

    QUEUED = "queued"
    LOADING = "loading"
    ENCODING_PROMPT = "encoding_prompt"
    DENOISING = "denoising"
    DECODING = "decoding"
    MODERATING = "moderating"
    PUBLISHING = "publishing"
    INDEXING = "indexing"
