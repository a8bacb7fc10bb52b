"""Negatives: the latents of drafts, kept for a while, so that a draft can be finished instead of made again.

    <data>/negatives/<clip_id>.safetensors        exact float32; what they belong to stands in the file's header

Nobody is shown them, and they are no clips: they go with their clip, or when they are too old. A draft of 540p for
5 s takes 4 MB, one of 1080p for 20 s 64 MB.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ltx_mcp.archive.library import CLIP_ID
from ltx_mcp.engine.base import Latents
from ltx_mcp.errors import NotFound
from ltx_mcp.types.frames import Frame

log = logging.getLogger(__name__)

DAY_S = 86_400.0
_SUFFIX, _STAGED = ".safetensors", ".staged"


@dataclass(frozen=True)
class KeptDraft:
    """A draft's latents, the model that made them, and `pictures`: a digest of each picture it was made from."""

    latents: Latents
    model: str
    pictures: tuple[str, ...] = ()


def digests(pictures: Sequence[Frame]) -> tuple[str, ...]:
    """SHA-256 of each picture's pixels and shape, as hexadecimal text."""
    return tuple(sha256(repr(each.shape).encode() + each.tobytes()).hexdigest() for each in pictures)


class DraftLatents:
    """The latents of one data directory's drafts, for `days` each; 0 keeps none. Its methods block on the disk."""

    def __init__(
        self,
        data_dir: Path,
        days: float,
        clip_ids: Callable[[], Collection[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clip_ids` gives the clips that there are. What is too old, or belongs to none of them, is deleted."""
        self._folder, self._days, self._clip_ids, self._clock = data_dir.absolute() / "negatives", days, clip_ids, clock
        self._prune()

    def keep(self, clip_id: str, kept: KeptDraft) -> None:
        """Store them for this clip. A disk that is full costs the negative, never the clip: it is logged."""
        self._prune()
        if self._days == 0:
            return
        from safetensors.numpy import save

        header = {"model": kept.model, "pictures": json.dumps(kept.pictures)}
        tensors = {"picture": kept.latents.picture, "sound": kept.latents.sound}
        path = self._path(clip_id)
        staged = path.with_suffix(f".{os.getpid()}{_STAGED}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(staged, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(save(tensors, header))
            staged.replace(path)
        except OSError as error:
            log.warning("the latents of draft %s could not be kept: %s", clip_id, error)
            with suppress(OSError):
                staged.unlink()

    def get(self, clip_id: str) -> KeptDraft:
        """Raises NotFound where they are gone, or cannot be read."""
        from safetensors import SafetensorError, safe_open

        path = self._path(clip_id)
        try:
            if self._is_old(path):
                raise FileNotFoundError(path)
            with safe_open(path, "np") as file:
                header = file.metadata() or {}
                latents = Latents(file.get_tensor("picture"), file.get_tensor("sound"))
            return KeptDraft(latents, header["model"], tuple(json.loads(header["pictures"])))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            log.info("no latents of draft %s: %s", clip_id, error)
            raise NotFound(f"The latents of draft {clip_id} are not kept, so it cannot be finished.") from None

    def has(self, clip_id: str) -> bool:
        with suppress(OSError):
            return not self._is_old(self._path(clip_id))
        return False

    def remove(self, clip_id: str) -> None:
        with suppress(OSError):
            self._path(clip_id).unlink()

    def _prune(self) -> None:
        """Delete what is too old, what has no clip any more, and what a dead process left half written."""
        with suppress(OSError):
            there = set(self._clip_ids())
            for path in list(self._folder.iterdir()):
                orphan = path.suffix == _SUFFIX and path.name.removesuffix(_SUFFIX) not in there
                with suppress(OSError):
                    if orphan or self._is_old(path) or self._is_stale(path):
                        path.unlink()

    def _path(self, clip_id: str) -> Path:
        if not CLIP_ID.fullmatch(clip_id):
            raise ValueError(f"{clip_id!r} is no clip id")
        return self._folder / f"{clip_id}{_SUFFIX}"

    def _is_old(self, path: Path) -> bool:
        return self._clock() - path.stat().st_mtime > self._days * DAY_S

    def _is_stale(self, path: Path) -> bool:
        """Writing takes seconds: what is still staged after an hour, nobody finishes."""
        return path.suffix == _STAGED and self._clock() - path.stat().st_mtime > 3600
