"""Verifying: did this machine make this file, from what, and when? By its manifest, its bytes, and how it looks.

The manifest is proof of what its signer claimed. That two films look alike is none, but survives what drops
manifests.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from ltx_mcp.archive.clip_frames import frames_at
from ltx_mcp.archive.fingerprints import read_fingerprint
from ltx_mcp.archive.library import Library
from ltx_mcp.errors import MediaError, StudioError
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.provenance.base import Manifest
from ltx_mcp.provenance.likeness import likeness
from ltx_mcp.provenance.looks import Looks, looks_at_image, looks_at_video
from ltx_mcp.provenance.matching import Match, match, spread
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip, Kind
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.value import Value

log = logging.getLogger(__name__)

_COMPARED = 5  # frames of a match whose pixels are compared
_ALIKE = 0.95  # their median correlation in a copy; docs/trust.md says what was measured
_SIDE = 192  # pixels of the longer side of an original's frame
_LIKELY = 8  # clips whose frames are read, those with the most hashes alike
_MOST = 5  # clips in an answer

How = Literal["the same file", "an export of it", "made from it, by its manifest", "looks the same"]


class KnownClip(Value):
    """A clip of this archive that the file is, or is a copy of. `likeness` is that of their frames, of those that look
    the same; `made_from` are the references of its own sources.
    """

    clip_id: str
    how: How
    title: str
    kind: Kind
    model: str
    created_at: datetime
    digital_source_type: str | None
    made_from: tuple[str, ...] = ()
    likeness: float | None = None


class Verification(Value):
    """What is known of a file: `manifest` is what it carries, `clips` are those of this archive, the surest first."""

    answer: str
    manifest: Manifest
    clips: tuple[KnownClip, ...]


@dataclass(frozen=True)
class Verifying:
    """Reads files that `inputs` allow. Its method blocks; it is to be called on a worker thread of anyio."""

    inputs: Inputs
    library: Library

    def with_roots(self, roots: Sequence[Path] | None) -> "Verifying":
        """The same for a client whose files may come from these folders."""
        return Verifying(self.inputs.with_roots(roots), self.library)

    def verify(self, reference: str) -> Verification:
        """Raises BadInput, NotFound; MediaError for what is neither a video nor an image and carries no manifest."""
        manifest = self.inputs.manifest(reference)
        known = tuple(self._known(reference, manifest))
        try:
            known = known or tuple(self._alike(reference))
        except MediaError:
            if not manifest.labels:
                raise
        return Verification(answer=_answer(manifest, known), manifest=manifest, clips=known[:_MOST])

    def _known(self, reference: str, manifest: Manifest) -> Iterator[KnownClip]:
        """For certain: by the bytes of the file, or by the labels in a manifest that holds."""
        if (clip := self.inputs.original(reference)) is not None:
            yield _of(clip, "the same file")
        elif (clip := self.inputs.exported(reference)) is not None:
            yield _of(clip, "an export of it")
        elif manifest.state == "valid":
            places = {label: place for place, label in enumerate(manifest.labels)}
            found = [clip for clip in self.library.own() if clip.provenance.manifest in places]
            for clip in sorted(found, key=lambda clip: places[clip.provenance.manifest or ""]):
                yield _of(clip, "made from it, by its manifest")

    def _alike(self, reference: str) -> list[KnownClip]:
        clips = self.library.own()
        looks = self._looks(reference, {round(clip.width / clip.height, 2) for clip in clips})
        likely = sorted(_likely(clips, looks), key=lambda found: found.rank, reverse=True)[:_LIKELY]
        compared = [(each.common_s, _compared(each), each.clip) for each in likely]
        # Of a clip and a film that holds a part of it, the one that explains more of the file comes first.
        compared.sort(key=lambda each: each[:2], reverse=True)
        return [_of(clip, "looks the same", alike) for _, alike, clip in compared if alike >= _ALIKE]

    def _looks(self, reference: str, shapes: Collection[float]) -> list[Looks]:
        if (photo := self.inputs.photo(reference)) is not None:
            return looks_at_image(photo[1].frame, shapes)
        return looks_at_video(self.inputs.footage(reference), shapes)


@dataclass(frozen=True)
class _Likely:
    """A clip of which the file may be a copy, by what was looked at with bars and without."""

    clip: Clip
    found: tuple[tuple[Looks, Match], ...]

    @property
    def common_s(self) -> int:
        """Whole seconds of the file that the clip explains."""
        return max(round(by.common_s) for _, by in self.found)

    @property
    def rank(self) -> tuple[int, float]:
        return self.common_s, max(by.share for _, by in self.found)


def _likely(clips: Sequence[Clip], looks: Sequence[Looks]) -> Iterator[_Likely]:
    for clip in clips:
        try:
            fingerprint = read_fingerprint(clip)
        except StudioError as error:
            log.warning("%s cannot be compared: %s", clip.clip_id, error)
            continue
        found = ((each, match(fingerprint, each.times_s, each.hashes)) for each in looks)
        if matches := tuple((each, by) for each, by in found if by is not None):
            yield _Likely(clip, matches)


def _compared(likely: _Likely) -> float:
    """How alike frames of the clip and of the file are, which show the same if it is a copy; 0 if it cannot be read."""
    pairs = [(looks, by, spread(by.pairs, _COMPARED)) for looks, by in likely.found]
    times_s = sorted({time_s for _, _, chosen in pairs for time_s, _ in chosen})
    try:
        originals = dict(zip(times_s, frames_at(likely.clip, times_s, _SIDE), strict=True))
    except StudioError as error:
        log.warning("%s cannot be compared: %s", likely.clip.clip_id, error)
        return 0.0
    return max(
        _alike_at(looks, by, [(originals[time_s], place) for time_s, place in chosen]) for looks, by, chosen in pairs
    )


def _alike_at(looks: Looks, by: Match, pairs: Sequence[tuple[Frame, int]]) -> float:
    """Each original is compared with the looks around its own: at another rate, none is at exactly its time."""
    alike = [
        max(likeness(look, original, by.box) for look in looks.frames[max(0, place - 1) : place + 2])
        for original, place in pairs
    ]
    return round(float(np.median(alike)), 3)


def _of(clip: Clip, how: How, alike: float | None = None) -> KnownClip:
    return KnownClip(
        clip_id=clip.clip_id,
        how=how,
        title=clip.title,
        kind=clip.kind,
        model=clip.model,
        created_at=clip.created_at,
        digital_source_type=clip.provenance.digital_source_type,
        made_from=tuple(dict.fromkeys([*filter(None, [clip.source]), *(use.reference for use in clip.sources)])),
        likeness=alike,
    )


_MADE = {MODEL_MADE: "made by a model", COMPOSITE: "made in part by a model"}


def _answer(manifest: Manifest, known: tuple[KnownClip, ...]) -> str:
    """In words, the registry first: whose manifest it is matters only with what it says."""
    signed = {
        "valid": f"Its manifest holds, signed by {manifest.signed_by}"
        + (" (this installation)." if manifest.ours else "."),
        "invalid": f"Its manifest does not hold: {'; '.join(manifest.problems)}.",
        "none": "It carries no manifest.",
        "unreadable": "Whether it carries a manifest cannot be read.",
    }[manifest.state]
    if manifest.state == "valid" and (made := _MADE.get(manifest.digital_source_type or "")):
        signed += f" It says that the file was {made}."
    if not known:
        return f"{signed} No clip of this archive is like it."
    first = known[0]
    made = _MADE.get(first.digital_source_type or "", "footage or an edit of it")
    about = f"{first.how}: {first.clip_id} of {first.created_at:%Y-%m-%d %H:%M}, {made}"
    return f"This archive knows it. {about[0].upper()}{about[1:]}. {signed}"
