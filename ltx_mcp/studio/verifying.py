"""Verifying: did this machine make this file, from what, and when? By its manifest, its bytes, and how it looks.

The manifest is proof of what its signer claimed. That two films look alike is none, but survives what drops
manifests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ltx_mcp.archive.library import Library
from ltx_mcp.errors import MediaError
from ltx_mcp.preparation.inputs import ANY_SIZE, Inputs
from ltx_mcp.preparation.lookalikes import lookalikes
from ltx_mcp.provenance.base import Manifest
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE, Clip, Kind
from ltx_mcp.types.value import Value
from ltx_mcp.watermark.base import FoundMark, Watermarker
from ltx_mcp.watermark.reading import marks_in, marks_in_audio

_MOST = 5  # clips in an answer

How = Literal[
    "the same file",
    "an export of it",
    "made from it, by its manifest",
    "made from it, by its watermark",
    "looks the same",
]


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


class SeenMark(FoundMark):
    """`clip_id` is the clip of this archive that was marked so, if it is there."""

    clip_id: str | None = None


class Verification(Value):
    """What is known of a file: `manifest` is what it carries, `watermarks` those in its frames and audio, `clips` those
    of this archive, the surest first.
    """

    answer: str
    manifest: Manifest
    clips: tuple[KnownClip, ...]
    watermarks: tuple[SeenMark, ...] = ()


@dataclass(frozen=True)
class Verifying:
    """Reads files that `inputs` allow. Its method blocks; it is to be called on a worker thread of anyio."""

    inputs: Inputs
    library: Library
    watermarker: Watermarker

    def with_roots(self, roots: Sequence[Path] | None) -> "Verifying":
        """The same for a client whose files may come from these folders."""
        return Verifying(self.inputs.with_roots(roots), self.library, self.watermarker)

    def verify(self, reference: str) -> Verification:
        """Raises BadInput, NotFound; MediaError for what has no frames, and is not known by anything else."""
        manifest = self.inputs.manifest(reference)
        known, marks = tuple(self._known(reference, manifest)), tuple[SeenMark, ...]()
        try:
            marked = {clip.provenance.watermark or "": clip for clip in self.library.own()}
            marks = self._marks(reference, marked)
            known = known or tuple(_marked(marks, marked))
            known = known or tuple(self._alike(reference))
        except MediaError:
            if not manifest.labels and not known and not marks:
                raise
        return Verification(
            answer=_answer(manifest, known, marks), manifest=manifest, clips=known[:_MOST], watermarks=marks
        )

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

    def _marks(self, reference: str, marked: Mapping[str, Clip]) -> tuple[SeenMark, ...]:
        if self.inputs.photo(reference) is not None:
            return ()
        try:
            found = marks_in(self.inputs.footage(reference), self.watermarker)
        except MediaError as error:
            try:
                found = marks_in_audio(self.inputs.media_path(reference, ANY_SIZE), self.watermarker)
            except MediaError:
                raise error from None  # it says what the file is
        clip_ids = {text: clip.clip_id for text, clip in marked.items()}
        return tuple(SeenMark(**mark.model_dump(), clip_id=clip_ids.get(mark.text)) for mark in found)

    def _alike(self, reference: str) -> Iterator[KnownClip]:
        for found in lookalikes(reference, self.inputs, self.library.own()):
            yield _of(found.clip, "looks the same", found.likeness)


def _marked(marks: Sequence[SeenMark], marked: Mapping[str, Clip]) -> Iterator[KnownClip]:
    """By the marks in the frames and the audio, the one that lasts longest first."""
    for text in dict.fromkeys(mark.text for mark in sorted(marks, key=lambda mark: mark.start_s - mark.end_s)):
        if (clip := marked.get(text)) is not None:
            yield _of(clip, "made from it, by its watermark")


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


def _answer(manifest: Manifest, known: Sequence[KnownClip], marks: Sequence[SeenMark]) -> str:
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
    for medium, carry in (("frames", "frames carry"), ("audio", "audio carries")):
        if count := sum(mark.medium == medium for mark in marks):
            several = f"{count} watermarks of ltx-mcp" if count > 1 else "a watermark of ltx-mcp"
            signed += f" Its {carry} {several}: a model made {'them' if medium == 'frames' else 'it'}."
    if not known:
        return f"{signed} No clip of this archive is like it."
    first = known[0]
    made = _MADE.get(first.digital_source_type or "", "footage or an edit of it")
    about = f"{first.how}: {first.clip_id} of {first.created_at:%Y-%m-%d %H:%M}, {made}"
    return f"This archive knows it. {about[0].upper()}{about[1:]}. {signed}"
