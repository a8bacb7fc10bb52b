"""The archive on disk: one folder for each clip, staged where no client can name it and published whole.

    <data>/clips/<clip_id>/{video.mp4, clip.json, sheet.jpg}     published: complete and durable
    <data>/staging/<process_id>/<job_id>/                        of a job in progress

A clip appears by one rename, after its files are on the disk. Files are the truth: the search index is derived from
them. The library knows nothing of moderation: whoever calls `publish` has checked that the clip passed.
"""

import errno
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ltx_mcp.errors import ArchiveError, NotFound
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.types.clips import Clip, ClipFacts

log = logging.getLogger(__name__)

VIDEO, SIDECAR, SHEET, TIMELINE = "video.mp4", "clip.json", "sheet.jpg", "timeline.otio"
SCHEMA = 1  # of the sidecar; what is newer is left alone

# Crockford's base32 in small letters: no i, l, o, u, which are misread or spell words.
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
CLIP_ID = re.compile(rf"[a-z0-9]+(?:-[a-z0-9]+)*-[{_BASE32}]{{8}}")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_SLUG_WORDS, _MAX_SLUG_CHARS = 4, 40
_ARTICLES = {"a", "an", "the"}


class Library:
    """All clips of one data directory, which other processes may share. Its methods block on the disk.

    `max_bytes` bounds the published clips; None means no bound. Raises ArchiveError where it cannot be opened.
    """

    def __init__(self, data_dir: Path, process_lock: ProcessLock, max_bytes: int | None = None) -> None:
        self._process_lock, self._max_bytes = process_lock, max_bytes
        self.clips_dir, self._staging = data_dir.absolute() / "clips", data_dir.absolute() / "staging"
        with _storing("The archive cannot be opened"):
            for folder in (self.clips_dir, self._staging):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            data_dir.chmod(0o700)  # prompts and clips are nobody else's business

    # -- staging --------------------------------------------------------------------------------------

    def stage(self, job_id: str) -> Path:
        """The job's own empty folder. Raises ArchiveError."""
        folder = self._staged(job_id)
        with _storing("The job's folder cannot be created"):
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            folder.mkdir(mode=0o700)
        return folder

    def discard(self, job_id: str) -> None:
        """Delete what the job staged, if anything."""
        _delete(self._staged(job_id))

    def clean_staging(self) -> None:
        """At start: delete what dead processes left behind, and nothing of those that still run."""
        for folder in list(self._staging.iterdir()):
            if not self._process_lock.is_alive(folder.name):
                _delete(folder)

    def _staged(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is not a job id")
        return self._staging / self._process_lock.process_id / job_id

    # -- publishing -----------------------------------------------------------------------------------

    @staticmethod
    def new_clip_id(prompt: str) -> str:
        """The prompt's first words and eight random characters: readable for a model, not guessable (40 bits)."""
        plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
        words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in _ARTICLES]
        slug = "-".join(words[:_MAX_SLUG_WORDS])[:_MAX_SLUG_CHARS].strip("-") or "clip"
        return f"{slug}-{''.join(secrets.choice(_BASE32) for _ in range(8))}"

    def publish(
        self,
        job_id: str,
        clip_id: str,
        facts: ClipFacts,
        video: Path,
        sheet: bytes,
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> Clip:
        """Make a moderated clip appear, whole or not at all. `video` lies in the job's folder; `sheet` is a JPEG.

        `texts` are further files by their names, such as a film's timeline.
        Raises ArchiveError where the quota or the disk is full; what was published before stays.
        """
        parcel, folder = self._staged(job_id) / "parcel", self.clips_dir / clip_id
        if not CLIP_ID.fullmatch(clip_id) or video.parent != parcel.parent:
            raise ValueError(f"{clip_id!r} is not a clip id, or {video} is not in the folder of job {job_id}")
        with _storing("The clip could not be stored"):
            size = video.stat().st_size
            self._check_quota(size + len(sheet) + sum(map(len, texts.values())))
            clip = _clip(folder, {**dict(facts), "bytes": size, "sha256": _sha256(video)})
            parcel.mkdir(mode=0o700)
            video.rename(parcel / VIDEO)
            (parcel / SHEET).write_bytes(sheet)
            for name, text in texts.items():
                (parcel / name).write_text(text, encoding="utf-8")
            (parcel / SIDECAR).write_text(_sidecar(clip), encoding="utf-8")
            for path in (*parcel.iterdir(), parcel):
                _sync(path)
            parcel.rename(folder)
            _sync(self.clips_dir)
        return clip

    def check_room(self) -> None:
        """Raises ArchiveError if the quota is full already, so that no clip is rendered in vain."""
        with _storing("The archive cannot be measured"):
            self._check_quota(0 if self._max_bytes is None else 1)

    def used_bytes(self) -> int:
        """Bytes that all files of the published clips take on the disk."""
        return sum(_size(path) for path in self.clips_dir.glob("*/*"))

    def _check_quota(self, more_bytes: int) -> None:
        used = self.used_bytes() if self._max_bytes is not None else 0
        if self._max_bytes is not None and used + more_bytes > self._max_bytes:
            raise ArchiveError(
                f"The archive is full: its clips take {_mb(used)}, this one needs {_mb(more_bytes)}, "
                f"and the limit is {_mb(self._max_bytes)}.",
                f"Delete clips you no longer need from {self.clips_dir}, or raise LTX_MCP_MAX_BYTES.",
            )

    def remove(self, clip_id: str) -> None:
        """Take a clip out of the archive, if it is there: out of sight by one rename, then deleted."""
        if not CLIP_ID.fullmatch(clip_id):
            return
        removed = self._staging / self._process_lock.process_id / f"removed-{clip_id}"
        with _storing("The clip could not be removed"), suppress(FileNotFoundError):
            removed.parent.mkdir(mode=0o700, exist_ok=True)
            (self.clips_dir / clip_id).rename(removed)
            _sync(self.clips_dir)
        _delete(removed)

    # -- finding --------------------------------------------------------------------------------------

    def clip_ids(self) -> list[str]:
        """Every published id, sorted; a damaged clip's too."""
        return sorted(path.name for path in self.clips_dir.iterdir() if CLIP_ID.fullmatch(path.name))

    def get(self, clip_id: str) -> Clip:
        """Raises NotFound with the nearest ids; ArchiveError if the clip's sidecar is damaged."""
        if not CLIP_ID.fullmatch(clip_id) or not (self.clips_dir / clip_id).is_dir():
            raise NotFound(f"There is no clip {clip_id[:80]!r}.", self.suggestion(clip_id))
        return _read(self.clips_dir / clip_id)

    def all(self) -> list[Clip]:
        """The newest first. A clip that can't be read is named in the log and left out."""
        clips = []
        for clip_id in self.clip_ids():
            try:
                clips.append(_read(self.clips_dir / clip_id))
            except ArchiveError as error:
                log.warning("%s", error)
        return sorted(clips, key=lambda clip: clip.created_at.timestamp(), reverse=True)

    def suggestion(self, clip_id: str) -> str:
        """The sentence that helps after a wrong id."""
        ids = self.clip_ids()
        if not ids:
            return "The archive is empty: make a clip first, for example with generate_video."
        if near := get_close_matches(clip_id[:80], ids, n=3, cutoff=0.5):
            return f"The nearest ids are {', '.join(near)}."
        return "search_clips finds clips by words, and without a query lists the newest."


def _clip(folder: Path, fields: dict[str, Any]) -> Clip:
    """The clip in this folder. Its id and paths come from the folder alone, whatever the sidecar says."""
    place = {"clip_id": folder.name, "path": folder / VIDEO, "sheet_path": folder / SHEET}
    return Clip.model_validate({**fields, **place, "resource_uri": f"clip://{folder.name}"})


def _sidecar(clip: Clip) -> str:
    """The clip as JSON; its paths are relative, so that a data directory can be moved."""
    fields = clip.model_dump(mode="json", exclude={"searchable"})  # which the index knows
    return json.dumps({"schema": SCHEMA, **fields, "path": VIDEO, "sheet_path": SHEET}, indent=2, ensure_ascii=False)


def _read(folder: Path) -> Clip:
    try:
        fields = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
        schema = fields.pop("schema")
        if schema != SCHEMA:
            raise ValueError(f"its sidecar has schema {schema}, this ltx-mcp reads {SCHEMA}")
        (folder / VIDEO).stat()
        return _clip(folder, fields)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArchiveError(
            f"Clip {folder.name} cannot be read: {error}.", "Restore its folder or delete it."
        ) from error


@contextmanager
def _storing(failure: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some disk space and try again." if full else "Check the data directory's disk and permissions."
        raise ArchiveError(f"{failure}: {error}.", hint) from error


def _delete(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        log.warning("%s could not be deleted", path)


def _sync(path: Path) -> None:
    """Flush to the disk, not only to its cache. Windows cannot sync a folder; its renames are journalled."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):  # removed meanwhile
        return path.stat().st_size
    return 0


def _mb(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
