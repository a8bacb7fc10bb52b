"""The archive: clips on disk and the index over them, kept in step. Files are the truth; the index is derived.

Knows nothing of jobs or moderation: what is stored here has passed both.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np
from anyio.abc import TaskGroup

from ltx_mcp.archive.clip_frames import frame_at, read_samples
from ltx_mcp.archive.hearing import Hearing
from ltx_mcp.archive.library import Library
from ltx_mcp.archive.sidecar import TIMELINE
from ltx_mcp.archive.trash import DeletedClip
from ltx_mcp.archive.upkeep import Upkeep
from ltx_mcp.errors import IndexUnavailable, NotFound, StudioError
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.notes import EMPTY
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.rebuild import OnEmbedded, ReconcileReport, match_words, reconcile
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.media.contact_sheet import board
from ltx_mcp.types.clips import Clip, ClipChange, Moment, SearchResult
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.searches import SearchModel

log = logging.getLogger(__name__)

BOARD_SIDE = 480  # pixels: larger than any cell of the board
FRAMES_WAIT_S = 10.0  # that a search waits for frames which no embedder has seen; hosts cut calls at about 60 s


class Archive:
    """All published clips, and how a moment of one is found. `tasks` is where frames are embedded in the background.

    `need_models` is called when those for searches are needed.
    """

    def __init__(
        self,
        library: Library,
        index: ClipIndex,
        tasks: TaskGroup,
        need_models: Callable[[], None] = lambda: None,
        frames_wait_s: float = FRAMES_WAIT_S,
        hearing: Hearing | None = None,
    ) -> None:
        self._need_models = need_models
        self._library = library
        self._index = index
        self._frames_wait_s = frames_wait_s
        self.upkeep = Upkeep(index, self._every_clip, read_samples, tasks)
        self.hearing = hearing or Hearing(library, index.put, tasks)
        self._reconciling = anyio.Lock()
        self._indexed: set[str] | None = None  # the clips when the index last matched the disk; None: not checked yet
        self._searchable: set[str] = set()  # clips that the index was seen to have: asking it costs milliseconds
        self._rows = 0  # of the index then: of a clip that cannot be read there is none

    async def is_published(self, clip_id: str) -> bool:
        """Whether there is a clip of this id, whoever's it is."""
        return await anyio.to_thread.run_sync(self._library.has, clip_id)

    async def is_held(self, clip_id: str) -> bool:
        """Whether a clip of this id is in the quarantine."""
        return await anyio.to_thread.run_sync(self._library.quarantine.has, clip_id)

    async def held(self, clip_id: str) -> Clip:
        """A clip of the quarantine, for the record of its job. Raises NotFound, ArchiveError."""
        return await anyio.to_thread.run_sync(self._library.quarantine.get, clip_id)

    async def was_published(self, clip_id: str) -> bool:
        """Whether there is a clip of this id, or was one that its user has deleted."""
        return await anyio.to_thread.run_sync(self._library.was_published, clip_id)

    async def timeline(self, clip_id: str) -> str:
        """A film's timeline as OpenTimelineIO. Raises NotFound for a clip that is not there, or is not a film."""
        clip = await anyio.to_thread.run_sync(self._library.get, clip_id)
        try:
            return await anyio.Path(clip.sheet_path.with_name(TIMELINE)).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFound(f"{clip_id} has no timeline: it is {clip.kind}.", "Only edited films have one.") from None

    async def add_to_index(self, clip: Clip, samples: Samples) -> None:
        """Make a clip searchable. If that fails the clip stays published, and the next reconcile adds it."""
        self._need_models()
        added = await self._survives(self._index.add(clip, samples), f"clip {clip.clip_id} is not searchable yet")
        if added and self._indexed is not None:
            self._indexed.add(clip.clip_id)
            self._rows += 1
        if added:
            self._searchable.add(clip.clip_id)
            self.upkeep.written()
            self.hearing.start()

    async def remove(self, clip_id: str) -> None:
        """Delete a clip: the files first, for they are the truth."""
        await anyio.to_thread.run_sync(self._library.remove, clip_id)
        self._searchable.discard(clip_id)
        await self._survives(self._index.remove(clip_id), f"clip {clip_id} is still in the index")

    async def update(self, clip_id: str, change: ClipChange) -> Clip:
        """Change a clip's title, pin or tags. Raises NotFound, ArchiveError."""
        clip = await anyio.to_thread.run_sync(self._library.update, clip_id, change)
        if change.title is not None:
            self._indexed = None  # the title is searched too: the next search indexes the clip again
        return clip

    async def delete(self, clip_id: str) -> None:
        """Move a clip to the trash, out of every search. Raises BadInput for a pinned one, NotFound, ArchiveError."""
        await anyio.to_thread.run_sync(self._library.delete, clip_id)
        self._searchable.discard(clip_id)
        await self._survives(self._index.remove(clip_id), f"clip {clip_id} is still in the index")

    async def restore(self, clip_id: str) -> Clip:
        """Put a deleted clip back; the next search finds it. Raises NotFound, BadInput, ArchiveError."""
        return await anyio.to_thread.run_sync(self._library.trash.restore, clip_id)

    async def deleted(self) -> list[DeletedClip]:
        """The clips in the trash, the newest first."""
        return await anyio.to_thread.run_sync(self._library.trash.deleted)

    async def empty_trash(self) -> int:
        """Delete the trash for good; how many clips that were."""
        return await anyio.to_thread.run_sync(self._library.trash.empty)

    @staticmethod
    async def _survives(work: Awaitable[None], failure: str) -> bool:
        """Whether the index succeeded. No failure there, not even a panic in its Rust, may cost a clip."""
        try:
            await work
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException:
            log.exception("%s", failure)
            return False
        return True

    async def clip(self, clip_id: str) -> Clip:
        """Raises NotFound with the nearest ids."""
        clip = await anyio.to_thread.run_sync(self._library.get, clip_id)
        if clip_id not in self._searchable:
            with suppress(StudioError):
                self._searchable |= await self._index.has([clip_id])
        return clip.model_copy(update={"searchable": clip_id in self._searchable})

    async def clips(self) -> list[Clip]:
        """The caller's, the newest first."""
        return await anyio.to_thread.run_sync(self._library.own)

    async def clip_ids(self) -> list[str]:
        """The caller's."""
        return await anyio.to_thread.run_sync(self._library.own_ids)

    async def size(self) -> tuple[int, int]:
        """How many clips of all owners there are, and the bytes of their files."""
        return await anyio.to_thread.run_sync(lambda: (len(self._library.clip_ids()), self._library.quota.used_bytes()))

    async def files_in_place(self) -> list[Path]:
        """The files of all footage that stayed where it was."""
        return [clip.path for clip in await self._every_clip() if clip.in_place]

    async def _every_clip(self) -> list[Clip]:
        return await anyio.to_thread.run_sync(self._library.all)

    async def search(self, query: SearchQuery, tags: Sequence[str] = ()) -> SearchResult:
        """Moments that answer the query, of the caller's clips that have all the tags.

        If the index does not match the clips on the disk, their words are matched first. Frames that the wanted
        embedder has not seen are embedded in the background; a search waits for them only while no other embedder has
        seen them all.
        """
        self._need_models()
        await self._match()
        if tags:
            # From the sidecars, not a column: a tag that is changed must not cost an embedding.
            tagged = [clip.clip_id for clip in await self.clips() if set(tags) <= set(clip.tags)]
            query = query.model_copy(update={"clip_ids": frozenset(tagged)})
        every = await anyio.to_thread.run_sync(self._library.clip_ids)
        own = await anyio.to_thread.run_sync(lambda: [clip_id for clip_id in every if self._library.is_own(clip_id)])
        if len(own) < len(every):  # of the others not even a word is told
            if not own:
                return SearchResult(moments=(), total_clips=0, note=EMPTY)
            among = frozenset(own) if query.clip_ids is None else query.clip_ids
            query = query.model_copy(update={"clip_ids": among, "respells": False})
        found = await self._found(query)
        if found is None or found.total_clips < self._rows or self._index.frames_are_damaged:
            # Files of the index went missing or broke under a server that runs.
            self._index.lost()
            self._indexed = None
            self._searchable.clear()
            await self._match()
            found = await self._index.search(query)
        note, total_clips = f"{found.note} {self._index.news()}".strip(), min(len(own), found.total_clips)
        return found.model_copy(update={"note": note, "total_clips": total_clips})

    async def _found(self, query: SearchQuery) -> SearchResult | None:
        """None where the frames that the search needs cannot be read. Raises IndexUnavailable for anything else."""
        try:
            return await self._index.search(query)
        except IndexUnavailable:
            if not self._index.frames_are_damaged:
                raise
            return None

    async def _match(self) -> None:
        async with self._reconciling:
            present = set(await anyio.to_thread.run_sync(self._library.clip_ids))
            if present != self._indexed:
                clips = await self._every_clip()
                await match_words(self._index, clips, self._library.has)
                await self._index.settle()
                self._indexed, self._rows = present, len(clips)
                self.upkeep.start()
                self.hearing.start()
        if self._index.unseen:
            await self.upkeep.settled(self._frames_wait_s)

    async def reconcile(self, on_embedded: OnEmbedded = lambda done, of: None) -> ReconcileReport:
        """Index the clips that are missing from the index, and drop those that are gone."""
        return await reconcile(self._index, await self._every_clip(), read_samples, on_embedded, self._library.has)

    async def prune(self) -> list[str]:
        """Drop what search models saw that are not used any more; their ids. Raises ModelUnavailable."""
        return await self._index.drop_unused()

    async def search_model(self) -> SearchModel:
        """Which models look and transcribe at the moment, and where better ones are. Raises IndexUnavailable."""
        models = {"transcriber": self.hearing.model, "unheard_clips": self.hearing.unheard}
        return (await self._index.model()).model_copy(update={**models, "speech_note": self.hearing.better()})

    def use(self, embedder: Embedder) -> None:
        """Search with another embedder, once it has seen every clip."""
        self._index.use(embedder)
        self.upkeep.start()

    async def board(self, moments: Sequence[Moment]) -> bytes:
        """One JPEG of the moments' best frames, numbered by rank."""
        return await anyio.to_thread.run_sync(self._draw_board, moments)

    def _draw_board(self, moments: Sequence[Moment]) -> bytes:
        return board([(self._peak_frame(moment), _caption(moment)) for moment in moments])

    def _peak_frame(self, moment: Moment) -> Frame:
        try:
            return frame_at(self._library.get(moment.clip_id), moment.peak_s, BOARD_SIDE)
        except StudioError as error:
            log.warning("%s has no frame for the contact sheet: %s", moment.ref, error)
            return np.zeros((90, 160, 3), dtype=np.uint8)


def _caption(moment: Moment) -> str:
    """What stands under a moment on the board: a line that is too long is cut, so its span has one of its own."""
    score = "" if moment.matched == "newest" else f", score {moment.score:.2f}"
    return f"{moment.title}\n{moment.start_s:.1f}-{moment.end_s:.1f} s{score}\n{moment.ref}"
