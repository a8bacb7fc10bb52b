"""Draft latents: the latents of drafts, kept for some days, so that a draft can be finalized instead of made again.

    <data>/draft_latents/<clip_id>.safetensors    float32, exact; the header names the model and the input images

No client can name them. They are deleted with their clip, or when they are too old. A draft of 540p and 5 s takes
4 MB, one of 1080p and 20 s 64 MB.
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

from ltx_mcp.archive.sidecar import CLIP_ID
from ltx_mcp.engine.base import Latents
from ltx_mcp.errors import NotFound
from ltx_mcp.types.frames import Frame

log = logging.getLogger(__name__)

DAY_S = 86_400.0
_SUFFIX, _STAGED = ".safetensors", ".staged"


@dataclass(frozen=True)
class KeptDraft:
    """A draft's latents, the model that made them, and `inputs`: the digest of each image it was made from."""

    latents: Latents
    model: str
    inputs: tuple[str, ...] = ()


def digests(images: Sequence[Frame]) -> tuple[str, ...]:
    """SHA-256 of each image's shape and pixels, in hexadecimal."""
    return tuple(sha256(repr(image.shape).encode() + image.tobytes()).hexdigest() for image in images)


class DraftLatents:
    """The draft latents of one data directory, kept for `days`; 0 keeps none. Its methods block on the disk."""

    def __init__(
        self,
        data_dir: Path,
        days: float,
        clip_ids: Callable[[], Collection[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clip_ids` lists the archive's clips: latents that are too old, or of none of them, are deleted."""
        self._folder = data_dir.absolute() / "draft_latents"
        self._days, self._clip_ids, self._clock = days, clip_ids, clock
        self._prune()

    def keep(self, clip_id: str, kept: KeptDraft) -> None:
        """Store the latents of this clip. If the disk is full that is logged: the clip is published all the same."""
        self._prune()
        if self._days == 0:
            return
        from safetensors.numpy import save

        header = {"model": kept.model, "inputs": json.dumps(kept.inputs)}
        tensors = {"video": kept.latents.video, "audio": kept.latents.audio}
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
        """Raises NotFound if they are gone or cannot be read."""
        from safetensors import SafetensorError, safe_open

        path = self._path(clip_id)
        try:
            if self._is_old(path):
                raise FileNotFoundError(path)
            with safe_open(path, "np") as file:
                header = file.metadata() or {}
                latents = Latents(file.get_tensor("video"), file.get_tensor("audio"))
            return KeptDraft(latents, header["model"], tuple(json.loads(header["inputs"])))
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            log.info("no latents of draft %s: %s", clip_id, error)
            raise NotFound(f"The latents of draft {clip_id} are not kept, so it cannot be finalized.") from None

    def has(self, clip_id: str) -> bool:
        with suppress(OSError):
            return not self._is_old(self._path(clip_id))
        return False

    def remove(self, clip_id: str) -> None:
        with suppress(OSError):
            self._path(clip_id).unlink()

    def _prune(self) -> None:
        """Delete latents that are too old, those without a clip, and files that a dead process left half written."""
        with suppress(OSError):
            clip_ids = set(self._clip_ids())
            for path in list(self._folder.iterdir()):
                whole = path.suffix == _SUFFIX and path.name.removesuffix(_SUFFIX) in clip_ids
                with suppress(OSError):
                    if self._is_old(path) or (not whole and self._is_stale(path)):
                        path.unlink()

    def _path(self, clip_id: str) -> Path:
        if not CLIP_ID.fullmatch(clip_id):
            raise ValueError(f"{clip_id!r} is not a clip id")
        return self._folder / f"{clip_id}{_SUFFIX}"

    def _is_old(self, path: Path) -> bool:
        return self._clock() - path.stat().st_mtime > self._days * DAY_S

    def _is_stale(self, path: Path) -> bool:
        """Publishing takes seconds: what is still staged, or has no clip, after an hour will never be completed."""
        return self._clock() - path.stat().st_mtime > 3600
