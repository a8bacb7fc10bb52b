"""What is done with clips that are finished: they are looked at, named, tagged, pinned, deleted and restored.

None of it needs an engine or a lane.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from anyio import to_thread

from ltx_mcp.archive.archive import Archive
from ltx_mcp.archive.clip_frames import frame_at
from ltx_mcp.archive.originals import playable
from ltx_mcp.errors import BadInput
from ltx_mcp.media.view import (
    MAX_SCAN_S,
    Stretch,
    find_cuts,
    measure_loudness,
    spread,
    view_frames,
)
from ltx_mcp.preparation.clip_parts import check_time, clip_part
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.reference_grammar import ClipRef
from ltx_mcp.studio.gates import Gates
from ltx_mcp.studio.signing import Signing
from ltx_mcp.types.clip_requests import MAX_VIEWED, UpdateRequest, ViewRequest
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.views import View, ViewedClip

_SAME_CUT_S = 0.06  # a frame at 24 fps and some: a cut that is seen this near to one that is known is that one


class FinishedClips:
    """References are those of tools; only clips of the archive are looked at, for those have been moderated."""

    def __init__(self, inputs: Inputs, archive: Archive, gates: Gates, signing: Signing) -> None:
        self._inputs = inputs
        self._archive = archive
        self._gates = gates
        self._signing = signing

    def with_roots(self, roots: Sequence[Path] | None) -> "FinishedClips":
        """The same for a client whose files may come from these folders."""
        return FinishedClips(self._inputs.with_roots(roots), self._archive, self._gates, self._signing)

    async def update(self, asked: UpdateRequest) -> Clip:
        """Change what the user says of a clip; the words are moderated. Raises Refused, BadInput, NotFound."""
        clip_id = await to_thread.run_sync(self._inputs.clip_id, asked.clip)
        words = [("title", asked.title or ""), *(("tags", tag) for tag in asked.tags or ())]
        await to_thread.run_sync(self._gates.check_texts, clip_id, [part for part in words if part[1]], ())
        return await self._archive.update(clip_id, asked.change)

    async def delete(self, reference: str) -> str:
        """Move a clip to the trash; its id. Raises BadInput, NotFound, ArchiveError."""
        clip_id = await self._whole(reference)
        await self._archive.delete(clip_id)
        return clip_id

    async def restore(self, reference: str) -> Clip:
        """Take a clip back out of the trash. Raises BadInput, NotFound with what is in it, ArchiveError."""
        return await self._archive.restore(await self._whole(reference))

    async def _whole(self, reference: str) -> str:
        """The id of a clip that need not be in the archive. Raises BadInput."""
        match await to_thread.run_sync(self._inputs.parse, reference):
            case ClipRef(clip_id, at_s=None, span_s=None):
                return clip_id
            case _:
                raise BadInput(f"{reference!r} is not a whole clip of the archive.", "Name it by its clip_id.")

    async def view(self, asked: ViewRequest) -> tuple[View, bytes]:
        """The numbers, and a JPEG of frames: `frames` in all, or those at `at_s` of each clip. Raises BadInput."""
        return await to_thread.run_sync(self._view, asked)

    def _view(self, asked: ViewRequest) -> tuple[View, bytes]:
        found = [clip_part(reference, self._inputs) for reference in asked.clips]
        wanted = [
            (_stretch(ref, clip, len(found) > 1), _times(ref, clip, asked.frames // len(found), asked.at_s))
            for ref, clip in found
        ]
        if (count := sum(len(times_s) for _, times_s in wanted)) > MAX_VIEWED:
            raise BadInput(f"{count} frames cannot be shown at once.", f"Ask for at most {MAX_VIEWED} in all.")
        origins = {clip.provenance.digital_source_type for _, clip in found}
        jpeg = self._signing.signed_image(view_frames(wanted, asked.size), origins)
        clips = tuple(
            _viewed(ref, clip, stretch, times_s) for (ref, clip), (stretch, times_s) in zip(found, wanted, strict=True)
        )
        long = any(clip.end_s - clip.start_s > MAX_SCAN_S for clip in clips)
        return View(clips=clips, note=f"Loudness and cuts are of the first {MAX_SCAN_S:g} s." if long else ""), jpeg


def _stretch(ref: ClipRef, clip: Clip, labelled: bool) -> Stretch:
    start_s, end_s = ref.span_s or (0.0, clip.duration_s)
    photo = frame_at(clip, 0.0) if clip.kind == "photo" else None
    return Stretch(playable(clip), start_s, end_s, clip.has_audio, f"{clip.clip_id} @" if labelled else "", photo)


def _times(ref: ClipRef, clip: Clip, count: int, at_s: Sequence[float]) -> list[float]:
    """When the frames are that are to be shown, in order."""
    for time_s in at_s:
        check_time(clip, time_s)
    if clip.kind == "photo":
        return [0.0]
    if at_s:
        return sorted(set(at_s))
    if ref.at_s is not None:
        return [ref.at_s]
    start_s, end_s = ref.span_s or (0.0, clip.duration_s)
    return spread(start_s, end_s, max(1, min(count, round((end_s - start_s) * clip.fps))))


def _cuts(clip: Clip, stretch: Stretch) -> tuple[float, ...]:
    """When shots change: what is seen in the frames, and of a film also what its timeline knows, dissolves too."""
    shots = clip.effective.get("shots", ())
    joins = [(after["start_s"], before["end_s"]) for before, after in pairwise(shots)]
    seen = (
        at_s
        for at_s in _seen_cuts(clip, stretch)
        if not any(start_s - _SAME_CUT_S < at_s < end_s + _SAME_CUT_S for start_s, end_s in joins)
    )
    known = (start_s for start_s, _ in joins if stretch.start_s < start_s < stretch.end_s)
    return tuple(sorted((*seen, *known)))


def _seen_cuts(clip: Clip, stretch: Stretch) -> tuple[float, ...]:
    """What was seen when the clip was written; of one that is older than that, what is seen now."""
    if clip.cuts_s is None:
        return find_cuts(stretch)
    return tuple(at_s for at_s in clip.cuts_s if stretch.start_s < at_s < stretch.end_s)


def _viewed(ref: ClipRef, clip: Clip, stretch: Stretch, times_s: Sequence[float]) -> ViewedClip:
    loudness = measure_loudness(stretch)
    span = f"@{stretch.start_s:g}-{stretch.end_s:g}" if ref.span_s else ""
    return ViewedClip(
        ref=f"{clip.clip_id}{span}",
        clip_id=clip.clip_id,
        title=clip.title,
        start_s=stretch.start_s,
        end_s=stretch.end_s,
        frames_at_s=tuple(round(time_s, 3) for time_s in times_s),
        cuts_s=_cuts(clip, stretch),
        integrated_lufs=loudness.integrated_lufs if loudness else None,
        rms_db=loudness.per_second_db if loudness else None,
    )
