"""The Signer by c2pa-python. Nothing of it is imported before the first file is signed or read."""

import json
import logging
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import cached_property
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltx_mcp import __version__
from ltx_mcp.errors import SigningFailed
from ltx_mcp.provenance.base import NO_MANIFEST, Action, Claim, Ingredient, Manifest
from ltx_mcp.provenance.credentials import Credentials
from ltx_mcp.provenance.found import found_manifest

if TYPE_CHECKING:
    from c2pa import Builder, Context

log = logging.getLogger(__name__)

# Of the formats that C2PA knows, those that are written here. WebM and Matroska are not among them.
_WRITTEN = {
    ".mp4": "video/mp4", ".mov": "video/quicktime", ".gif": "image/gif", ".png": "image/png", ".jpg": "image/jpeg",
    ".wav": "audio/wav",
}  # fmt: skip


class C2paSigner:
    """Signs with the credentials that are given when they are first needed, and asks no server for anything."""

    def __init__(self, credentials: Callable[[], Credentials]) -> None:
        self._given = credentials

    @cached_property
    def _credentials(self) -> Credentials:
        return self._given()

    @property
    def _own(self) -> Credentials | None:
        """None where they cannot be had: files can be read without a key."""
        try:
            return self._credentials
        except SigningFailed as error:
            log.warning("%s", error)
            return None

    def sign(self, path: Path, claim: Claim) -> str:
        """See `Signer`. Needs the disk for a second copy of the file meanwhile."""
        format_ = _WRITTEN.get(path.suffix.lower())
        if format_ is None:
            raise SigningFailed(f"A {path.suffix} file cannot hold a manifest.")
        signed = path.with_name(f".signed-{path.name}")
        try:
            label = self._write_signed(path, signed, format_, claim)
            signed.replace(path)
        except SigningFailed:
            raise
        except Exception as error:  # of a native library, whatever goes wrong: a file must not be lost for it
            raise SigningFailed(f"{type(error).__name__}: {error}") from error
        finally:
            signed.unlink(missing_ok=True)
        return label

    def _write_signed(self, source: Path, target: Path, format_: str, claim: Claim) -> str:
        from c2pa import C2paSignerInfo, Signer

        own = self._credentials
        with (
            self._context() as context,
            Signer.from_info(C2paSignerInfo(own.algorithm.encode(), own.chain, own.key, None)) as signer,
            _builder(context, claim, format_) as builder,
            source.open("rb") as file,
            target.open("w+b") as out,
        ):
            builder.sign(signer, format_, file, out)
        found = self.read(target)
        if found.state != "valid":
            raise SigningFailed(f"What was written is {found.state}: {'; '.join(found.problems)}")
        return found.labels[0]

    def read(self, path: Path) -> Manifest:
        """See `Signer`."""
        try:
            from c2pa import C2paError, Reader
        except (ImportError, OSError, RuntimeError) as error:
            return Manifest(
                state="unreadable", problems=(f"The library that reads manifests cannot be loaded: {error}",)
            )
        with path.open("rb") as file:
            try:
                with self._context() as context, Reader(None, file, None, context) as reader:
                    return found_manifest(
                        json.loads(reader.json()),
                        str(reader.get_validation_state()),
                        None if self._own is None else self._own.serial,
                    )
            except (C2paError.ManifestNotFound, C2paError.NotSupported):
                return NO_MANIFEST
            except Exception as error:  # hostile files reach a native library here
                log.info("the manifest of %s cannot be read: %s", path.name, error)
                return Manifest(state="unreadable", problems=(f"{error}"[:200],))

    def _context(self) -> "Context":
        """Offline, without thumbnails, and with our own authority as the only one that is trusted."""
        from c2pa import Context

        verify = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False}
        trust = {} if self._own is None else {"user_anchors": self._own.anchor}
        return Context.from_dict({"verify": verify, "builder": {"thumbnail": {"enabled": False}}, "trust": trust})


def _builder(context: "Context", claim: Claim, format_: str) -> "Builder":
    """With every ingredient: its file and what that carries, or its name where that cannot be had."""
    from c2pa import Builder

    alone = {number for number, each in enumerate(claim.ingredients) if each.path is None}
    while True:
        builder = Builder(_definition(claim, format_, alone), context)
        unread = {
            number
            for number, ingredient in enumerate(claim.ingredients)
            if number not in alone and not _added(builder, number, ingredient)
        }
        if not unread:
            return builder
        builder.close()
        alone |= unread


def _added(builder: "Builder", number: int, ingredient: Ingredient) -> bool:
    from c2pa import C2paError

    assert ingredient.path is not None
    try:
        with ingredient.path.open("rb") as file:
            builder.add_ingredient(_ingredient(number, ingredient), _format(ingredient.path), file)
    except (OSError, C2paError) as error:
        log.info("of an ingredient only the name is signed: %s", error)
        return False
    return True


def _definition(claim: Claim, format_: str, alone: Collection[int]) -> dict[str, Any]:
    return {
        "claim_generator_info": [{"name": "ltx-mcp", "version": __version__}],
        "title": claim.title,
        "format": format_,
        "ingredients": [_ingredient(number, claim.ingredients[number]) for number in sorted(alone)],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [_action(each, claim) for each in claim.actions]}},
            *([_soft_binding(claim.watermark)] if claim.watermark else []),
        ],
    }


def _soft_binding(watermark: str) -> dict[str, Any]:
    """C2PA 2.2, "Soft bindings". The algorithm is not in C2PA's list, so only this program can look for it."""
    block = {"scope": {}, "value": watermark}
    return {"label": "c2pa.soft-binding", "data": {"alg": "ltx-mcp.spread-spectrum.1", "blocks": [block]}}


def _ingredient(number: int, ingredient: Ingredient) -> dict[str, Any]:
    place = f"ingredient-{number}"
    return {"title": ingredient.title, "relationship": ingredient.role, "label": place, "instance_id": place}


def _action(action: Action, claim: Claim) -> dict[str, Any]:
    about = [f"ingredient-{number}" for number, each in enumerate(claim.ingredients) if each.role in action.roles]
    fields = {
        "action": action.action,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "digitalSourceType": action.digital_source_type,
        "softwareAgent": {"name": action.model} if action.model else None,
        "description": action.description,
        "parameters": {"ingredientIds": about} if about else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _format(path: Path) -> str:
    """By the suffix; what C2PA does not know is refused by the library."""
    return guess_type(path.name)[0] or "application/octet-stream"
