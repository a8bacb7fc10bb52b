"""The id of a new clip: readable for a model, and not guessable."""

import re
import secrets

from ltx_mcp.archive.sidecar import BASE32
from ltx_mcp.types.texts import latin

_MAX_SLUG_WORDS, _MAX_SLUG_CHARS = 4, 40
_MAX_READ = 400  # characters of the prompt
_ARTICLES = (["a"], ["an"], ["the"])


def new_clip_id(prompt: str) -> str:
    """The prompt's first words in Latin letters and eight random characters.

    Readable for a model, safe in any file system, not guessable (40 bits), at most 49 bytes.
    """
    words = [re.findall("[a-z0-9]+", latin(word).lower()) for word in prompt[:_MAX_READ].split()]
    kept = [word for word in words if word and word not in _ARTICLES][:_MAX_SLUG_WORDS]
    slug = "-".join(part for word in kept for part in word)
    if len(slug) > _MAX_SLUG_CHARS:
        slug = slug[: _MAX_SLUG_CHARS + 1].rpartition("-")[0] or slug[:_MAX_SLUG_CHARS]
    slug = slug or "clip"
    return f"{slug}-{''.join(secrets.choice(BASE32) for _ in range(8))}"
