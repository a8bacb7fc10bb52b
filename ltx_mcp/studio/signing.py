"""Signing: the last thing that is done to a file before anybody can name it.

A clip that cannot be signed is kept, and says so: making it took minutes, and its container says already that a model
made it. There is no switch that leaves signing out.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ltx_mcp.archive.exports import Exports
from ltx_mcp.errors import SigningFailed
from ltx_mcp.provenance.base import Ingredient, Signer
from ltx_mcp.provenance.claims import clip_claim, export_claim, image_claim
from ltx_mcp.types.clips import Clip, ClipFacts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Signing:
    """`prompts`: the words of a clip are signed too, for whoever has the file to read."""

    signer: Signer
    exports: Exports
    prompts: bool = False

    def sign_clip(self, facts: ClipFacts, video: Path | None, parents: Sequence[Ingredient]) -> ClipFacts:
        """Sign a staged video or photo; its facts, which say so. Footage in place (None) is never changed."""
        if video is None:
            return facts
        try:
            label = self.signer.sign(video, clip_claim(facts, parents, self.prompts))
        except SigningFailed as error:
            log.warning("a clip is not signed: %s", error)
            return _noted(facts, f"It carries no signed provenance: {error}")
        signed = facts.provenance.model_copy(update={"signed": True, "manifest": label})
        return facts.model_copy(update={"provenance": signed})

    def sign_export(self, job_id: str, clip: Clip, file: Path) -> None:
        """Sign a file that was written from a clip; it stays as it is if that fails, and where its format has no place
        for a manifest. The archive will know it again either way.
        """
        try:
            self.signer.sign(file, export_claim(clip))
        except SigningFailed as error:
            log.warning("an export of %s is not signed: %s", clip.clip_id, error)
        try:
            self.exports.add(clip.clip_id, file, job_id)
        except OSError as error:
            log.warning("an export of %s will not be known again: %s", clip.clip_id, error)

    def signed_image(self, jpeg: bytes, origins: Collection[str | None]) -> bytes:
        """A JPEG that shows frames of clips, signed if that is possible; `origins` are those of the clips."""
        try:
            with TemporaryDirectory(prefix="ltx-mcp-sign-") as folder:
                file = Path(folder) / "frames.jpg"
                file.write_bytes(jpeg)
                self.signer.sign(file, image_claim(origins))
                return file.read_bytes()
        except (SigningFailed, OSError) as error:  # a full disk must not keep anybody from looking
            log.warning("an image is not signed: %s", error)
            return jpeg


def _noted(facts: ClipFacts, note: str) -> ClipFacts:
    notes = [*facts.effective.get("notes", ()), note]
    return facts.model_copy(update={"effective": {**facts.effective, "notes": notes}})
