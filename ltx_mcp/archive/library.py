"""The archive on disk: one folder for each clip, staged where no client can name it and published whole.

    <data>/clips/<clip_id>/{video.mp4 or photo.jpg, clip.json, sheet.jpg}   published: complete and durable; what stays
                                                               in place has no video here
    <data>/staging/<process_id>/<job_id>/                        of a job in progress
    <data>/quarantine/clips/                                     clips that a person must see first (quarantine.py)
    <data>/trash/                                                deleted clips (trash.py)
    <data>/exports.jsonl                                         which files were written from clips (exports.py)

A clip appears by one rename, after its files are on the disk. Files are the truth: the search index is derived from
them. The library knows nothing of moderation: whoever calls `publish` has checked that the clip passed.
"""

import logging
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ltx_mcp.archive.exports import Exports
from ltx_mcp.archive.originals import is_there, sha256_of
from ltx_mcp.archive.quarantine import Quarantine
from ltx_mcp.archive.quota import Quota, size_of
from ltx_mcp.archive.sidecar import (
    CLIP_ID,
    SHEET,
    SIDECAR,
    clip_in,
    owner_in,
    read_clip,
    sidecar_of,
    storing,
    sync,
)
from ltx_mcp.archive.trash import Trash
from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.jobs.presence import Presence
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.types.clips import Clip, ClipChange, ClipFacts, OriginalFile
from ltx_mcp.types.owners import caller

log = logging.getLogger(__name__)

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Library:
    """All clips of one data directory, which other processes may share. Its methods block on the disk.

    `max_bytes` bounds the published clips; None means no bound. Raises ArchiveError where it cannot be opened.
    """

    def __init__(self, data_dir: Path, process_lock: ProcessLock | Presence, max_bytes: int | None = None) -> None:
        self._process_lock = process_lock
        self._owners: dict[str, str] = {}  # of clips that were asked about; it never changes
        self.clips_dir, self._staging = data_dir.absolute() / "clips", data_dir.absolute() / "staging"
        self.quarantine = Quarantine(data_dir, self.clips_dir)
        self.quota = Quota(self.clips_dir, self.quarantine.folder, max_bytes)
        self.trash, self.exports = Trash(data_dir, self.clips_dir), Exports(data_dir.absolute())
        try:
            for folder in (self.clips_dir, self._staging):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            data_dir.chmod(0o700)  # prompts and clips are nobody else's business
        except OSError as error:
            if not self.clips_dir.is_dir():
                hint = "Check its disk and permissions, or name another in LTX_MCP_DATA_DIR."
                raise ArchiveError(f"The data directory {data_dir} cannot be used: {error}.", hint) from error
            log.error("the archive can only be read: %s", error)

    # -- staging --------------------------------------------------------------------------------------

    def stage(self, job_id: str) -> Path:
        """The job's own empty folder. Raises ArchiveError."""
        folder = self._staged(job_id)
        with storing("The job's folder cannot be created"):
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700)
        return folder

    def discard(self, job_id: str) -> None:
        """Delete what the job staged, if anything."""
        _delete(self._staged(job_id))

    def clean_staging(self) -> None:
        """At start: delete what dead processes left behind, nothing of those that still run, and the trash of old."""
        for folder in list(self._staging.glob("*")):
            if not self._process_lock.is_alive(folder.name):
                _delete(folder)
        self.trash.purge()

    def _staged(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is not a job id")
        return self._staging / self._process_lock.process_id / job_id

    # -- publishing -----------------------------------------------------------------------------------

    def publish(
        self,
        job_id: str,
        clip_id: str,
        facts: ClipFacts,
        video: Path | None,
        sheet: bytes,
        texts: Mapping[str, str] = MappingProxyType({}),
        held: bool = False,
    ) -> Clip:
        """Make a moderated clip appear, whole or not at all; one that is `held` in the quarantine.

        `video` lies in the job's folder, None for footage that stays in place; `sheet` is a JPEG. `texts` are further
        files by their names, such as a film's timeline.
        Raises ArchiveError where the quota or the disk is full; what was published before stays.
        """
        place = self.quarantine.folder if held else self.clips_dir
        parcel, folder = self._staged(job_id) / "parcel", place / clip_id
        if not CLIP_ID.fullmatch(clip_id) or (video is not None and video.parent != parcel.parent):
            raise ValueError(f"{clip_id!r} is not a clip id, or {video} is not in the folder of job {job_id}")
        with storing("The clip could not be stored"):
            stored = 0 if video is None else video.stat().st_size
            self.quota.check(stored + len(sheet) + sum(map(len, texts.values())))
            clip = clip_in(folder, {**facts.model_dump(), **_content(facts.original, video)})
            parcel.mkdir(mode=0o700)
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if video is not None:
                video.rename(parcel / clip.path.name)
            (parcel / SHEET).write_bytes(sheet)
            for name, text in texts.items():
                (parcel / name).write_text(text, encoding="utf-8")
            (parcel / SIDECAR).write_text(sidecar_of(clip), encoding="utf-8")
            for path in (*parcel.iterdir(), parcel):
                sync(path)
            parcel.rename(folder)
        try:
            sync(place)
        except OSError as error:  # it is there: to call it failed would have it made twice
            log.warning("clip %s may be lost if the power fails now: %s", clip_id, error)
        return clip

    def update(self, clip_id: str, change: ClipChange) -> Clip:
        """Change what the user says of a clip; its files stay. Raises NotFound, ArchiveError."""
        changed = self.get(clip_id).model_copy(update=change.model_dump(exclude_none=True))
        with storing(f"Clip {clip_id} could not be changed"):
            return self._rewrite(changed)

    def _rewrite(self, clip: Clip) -> Clip:
        folder = self.clips_dir / clip.clip_id
        written = folder / f".{SIDECAR}.{self._process_lock.process_id}"
        written.write_text(sidecar_of(clip), encoding="utf-8")
        sync(written)
        written.replace(folder / SIDECAR)  # another process reads the one or the other
        sync(folder)
        return clip

    def delete(self, clip_id: str) -> None:
        """Move a clip to the trash, a damaged one too. Raises BadInput for a pinned one, NotFound, ArchiveError."""
        with suppress(ArchiveError):
            if self.get(clip_id).pinned:
                raise BadInput(f"Clip {clip_id} is pinned.", "Unpin it first: update_clip with pinned=false.")
        self.trash.put(clip_id)

    def check_room(self) -> None:
        """Raises ArchiveError if the quota is full already, so that no clip is rendered in vain."""
        with storing("The archive cannot be measured"):
            self.quota.check(1)

    def remove(self, clip_id: str) -> None:
        """Take a clip out of the archive or the quarantine, if it is there: by one rename, then it is deleted."""
        if not CLIP_ID.fullmatch(clip_id):
            return
        removed = self._staging / self._process_lock.process_id / f"removed-{clip_id}"
        with storing("The clip could not be removed"), suppress(FileNotFoundError):
            removed.parent.mkdir(mode=0o700, exist_ok=True)
            place = self.quarantine.folder if self.quarantine.has(clip_id) else self.clips_dir
            (place / clip_id).rename(removed)
            sync(place)
        _delete(removed)

    # -- finding what is the caller's (types/owners.py) ---------------------------------------------------

    def own_ids(self) -> list[str]:
        """The ids of the caller's clips, sorted."""
        return [clip_id for clip_id in self.clip_ids() if self.is_own(clip_id)]

    def own(self) -> list[Clip]:
        """The caller's clips, as `all`."""
        return [clip for clip in self.all() if clip.owner == caller()]

    def get(self, clip_id: str) -> Clip:
        """A clip of the caller. Raises NotFound with the nearest ids; ArchiveError if its sidecar is damaged."""
        if not self.has(clip_id) or not self.is_own(clip_id):
            raise NotFound(f"There is no clip {clip_id[:80]!r}.", self.suggestion(clip_id))
        return read_clip(self.clips_dir / clip_id)

    def is_own(self, clip_id: str) -> bool:
        """Whether a published clip is the caller's."""
        if clip_id not in self._owners:
            if (owner := owner_in(self.clips_dir / clip_id)) is None:  # gone since it was listed; it may come back
                return False
            self._owners[clip_id] = owner
        return self._owners[clip_id] == caller()

    # -- finding what there is, whoever's it is: for upkeep ------------------------------------------

    def clip_ids(self) -> list[str]:
        """Every published id, sorted; a damaged clip's too."""
        return sorted(path.name for path in self.clips_dir.iterdir() if CLIP_ID.fullmatch(path.name))

    def has(self, clip_id: str) -> bool:
        """Whether a clip of this id is published, though it may be damaged."""
        return CLIP_ID.fullmatch(clip_id) is not None and (self.clips_dir / clip_id).is_dir()

    def was_published(self, clip_id: str) -> bool:
        """Whether a clip of this id is published, or was and lies in the trash."""
        return self.has(clip_id) or self.trash.holds(clip_id)

    def all(self) -> list[Clip]:
        """The newest first. A clip that can't be read is named in the log and left out."""
        clips = []
        for clip_id in self.clip_ids():
            try:
                clips.append(read_clip(self.clips_dir / clip_id))
            except ArchiveError as error:
                log.warning("%s", error)
        return sorted(clips, key=lambda clip: clip.created_at.timestamp(), reverse=True)

    def with_content(self, path: Path) -> Clip | None:
        """The caller's clip whose video is this file, byte for byte, or was imported from it.

        Only a file of the same length as a clip's is read, and none that is known by its path and time.
        """
        clips, size, real = self.own(), size_of(path), path.resolve()
        for clip in clips:
            if clip.original is not None and clip.original.path == real and is_there(clip.original):
                return clip
        alike = [clip for clip in clips if size in (clip.bytes, clip.original and clip.original.bytes)]
        digest = sha256_of(path) if alike else ""
        return next((clip for clip in alike if digest in (clip.sha256, clip.original and clip.original.sha256)), None)

    def found_again(self, clip: Clip, path: Path) -> Clip:
        """Imported footage whose file is now at `path`, with the same content. Raises ArchiveError."""
        original = clip.original
        if original is None or is_there(original):
            return clip
        with storing(f"Clip {clip.clip_id} could not be changed"):
            now = original.model_copy(update={"path": path.resolve(), "modified_ns": path.stat().st_mtime_ns})
            return self._rewrite(
                clip.model_copy(update={"original": now, "path": now.path if clip.in_place else clip.path})
            )

    def suggestion(self, clip_id: str) -> str:
        """The sentence that helps after a wrong id."""
        if self.trash.holds(clip_id):
            return "It is in the trash: delete_clip with restore=true takes it out, or ltx-mcp trash --restore."
        ids = self.own_ids()
        if not ids:
            return "The archive is empty: make a clip first, for example with generate_video."
        if near := get_close_matches(clip_id[:80], ids, n=3, cutoff=0.5):
            return f"The nearest ids are {', '.join(near)}."
        return "search_clips finds clips by words, and without a query lists the newest."


def _delete(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        log.warning("%s could not be deleted", path)


def _content(original: OriginalFile | None, video: Path | None) -> dict[str, Any]:
    """How long the clip's video is, and its digest. Raises OSError."""
    if video is None:
        assert original is not None, "footage in place has its original"
        return {"bytes": original.bytes, "sha256": original.sha256}
    return {"bytes": video.stat().st_size, "sha256": sha256_of(video)}
