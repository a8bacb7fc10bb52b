"""Which embedder looks: the wanted one, or until all clips have been embedded by it the one before.

The frames of every embedder stay in a table of its own, so changing it costs no search anything, and changing back
nothing at all.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread

from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.schema import quoted, shows
from ltx_mcp.index.tables import Tables
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)

Remake = Callable[[str], Embedder | None]
"""An embedder by its `weights`, so that its old frames can be searched; None where that is not possible any more."""


@dataclass(frozen=True)
class Seen:
    """What an embedder saw of a clip: which file, and how many of its frames."""

    sha256: str
    frames: int


@dataclass(frozen=True)
class Specialist:
    """An embedder that knows the clips of some video models better than any other, and nothing else."""

    embedder: Embedder
    models: frozenset[str]


class Switch:
    """`wanted` is the embedder that should look; `remake` makes others, whose frames are still there.

    `specialist` looks beside it, at the clips that it was trained for.
    """

    def __init__(self, tables: Tables, wanted: Embedder, remake: Remake, specialist: Embedder | None = None) -> None:
        self._tables = tables
        self._wanted = wanted
        self._remake = remake
        self._specialist = specialist
        self._looking: Embedder | None = None
        self._slots: dict[int, CapacityLimiter] = {}
        self._given_up: set[tuple[int, str]] = set()
        self.unseen = 0
        """Clips that the embedder in use has not seen yet, as of the last `settle` and since."""

    @property
    def wanted(self) -> Embedder:
        return self._wanted

    def use(self, embedder: Embedder) -> None:
        """Want another embedder. It looks from the `settle` on that finds its frames whole."""
        if self._looking is None:
            self._looking = self._wanted
        self._wanted = embedder

    @property
    def is_switching(self) -> bool:
        """Whether the wanted embedder has still to see clips before it looks."""
        return self._looking is not None and self._looking is not self._wanted

    def slot(self, embedder: Embedder) -> CapacityLimiter:
        """One call of a model at a time; two models do not wait for each other."""
        return self._slots.setdefault(id(embedder), CapacityLimiter(1))

    async def model_id(self, embedder: Embedder) -> str:
        """On a worker thread: the first time its weights are found and read. Raises ModelUnavailable."""
        return await to_thread.run_sync(lambda: embedder.model_id)

    async def looking(self) -> Embedder:
        """The embedder that searches use. Raises IndexUnavailable."""
        if self._looking is None:
            await self.settle()
        return self._looking or self._wanted

    def has_seen_one(self, embedder: Embedder) -> None:
        """An embedder saw a clip that it had not seen."""
        if embedder is self._looking:
            self.unseen = max(0, self.unseen - 1)

    async def specialist(self) -> Specialist | None:
        """The specialist; None where there is none, or where it is the one that looks at everything."""
        if self._specialist is None or self._specialist.weights == (await self.looking()).weights:
            return None
        try:
            models = await to_thread.run_sync(lambda specialist: specialist.models, self._specialist)
        except ModelUnavailable as error:
            log.warning("%s does not look: %s", self._specialist.weights, error)
            return None
        return Specialist(self._specialist, models) if models else None

    async def writing(self, clip: Clip) -> list[Embedder]:
        """The embedders that have to see a new clip: the one that looks, the wanted one, and the specialist for it."""
        found = [await self.looking(), self._wanted]
        specialist = await self.specialist()
        if specialist is not None and shows(clip, specialist.models):
            found.append(specialist.embedder)
        return list({embedder.weights: embedder for embedder in found}.values())

    async def owed(self, clips: Sequence[Clip]) -> dict[str, list[Embedder]]:
        """The clips that have still to be seen, each by which embedders: the wanted one, and the specialist.

        Raises ModelUnavailable, IndexUnavailable.
        """
        missing = await self.missing(self._wanted)
        owed = {clip.clip_id: [self._wanted] for clip in clips if clip.clip_id in missing}
        specialist = await self.specialist()
        if specialist is not None and specialist.embedder.weights != self._wanted.weights:
            unseen = await self.missing(specialist.embedder)
            for clip in clips:
                if clip.clip_id in unseen and shows(clip, specialist.models):
                    owed.setdefault(clip.clip_id, []).append(specialist.embedder)
        return owed

    async def settle(self) -> None:
        """Decide which embedder looks: the wanted one once its frames are whole, else whichever misses least."""
        best, least = self._wanted, await self._gap(self._wanted)
        others = await self._tables.read(self._tables.embedders) if least else {}
        for model_id, weights in others.items():
            other = await self._made(model_id, weights)
            if other is not None and (gap := await self._gap(other)) < least:
                best, least = other, gap
        if best is not (self._looking or self._wanted):
            log.info("searches use the embedder %s from now on", best.weights)
        self._looking, self.unseen = best, least

    async def drop_unused(self) -> list[str]:
        """Drop the frames of embedders that neither look nor are wanted; their model ids."""
        used = set()
        for embedder in (self._looking, self._wanted, self._specialist):
            if embedder is not None:
                used.add(await self.model_id(embedder))
        dropped = [model_id for model_id in await self._tables.read(self._tables.embedders) if model_id not in used]
        for model_id in dropped:
            await self._tables.commit(partial(self._tables.drop_frames, model_id))
        return dropped

    async def _gap(self, embedder: Embedder) -> int:
        """How many clips it has not seen. One that cannot be had has seen less than none."""
        try:
            return len(await self.missing(embedder))
        except ModelUnavailable:
            return 1 + len(await self._present())

    async def _made(self, model_id: str, weights: str) -> Embedder | None:
        """The embedder with that id, if it can be had."""
        for known in (self._looking, self._wanted, self._specialist):
            try:
                if known is not None and await self.model_id(known) == model_id:
                    return known
            except ModelUnavailable:
                continue
        try:
            made = self._remake(weights) if weights else None
            return made if made is not None and await self.model_id(made) == model_id else None
        except ModelUnavailable:
            return None

    async def missing(self, embedder: Embedder) -> set[str]:
        """Clips of the index that this embedder has not seen, but for those that it never will.

        Raises ModelUnavailable, IndexUnavailable.
        """
        seen = await self.seen(embedder)
        return {
            clip_id
            for clip_id, sha256 in (await self._present()).items()
            if (clip_id not in seen or seen[clip_id].sha256 != sha256) and (id(embedder), clip_id) not in self._given_up
        }

    async def has_seen(self, embedder: Embedder, clip: Clip) -> bool:
        """Whether it saw this clip's file, perhaps in another process."""
        where = f"clip_id = {quoted(clip.clip_id)} AND sha256 = {quoted(clip.sha256)}"
        model_id = await self.model_id(embedder)

        async def read() -> bool:
            frames = await self._tables.frames(model_id)
            return frames is not None and await frames.count_rows(where) > 0

        return await self._tables.read(read)

    def give_up(self, embedder: Embedder, clip_id: str) -> None:
        """This clip cannot be embedded; until the next start it is not missed."""
        self._given_up.add((id(embedder), clip_id))

    async def _present(self) -> dict[str, str]:
        """The SHA-256 of every clip of the index, by id."""

        async def read() -> dict[str, str]:
            rows = await (await self._tables.clips()).query().select(["clip_id", "fingerprint"]).to_list()
            return {row["clip_id"]: row["fingerprint"].partition("|")[0] for row in rows}

        return await self._tables.read(read)

    async def seen(self, embedder: Embedder) -> dict[str, Seen]:
        """What this embedder saw, by clip. Frames that cannot be read are dropped. Raises ModelUnavailable."""
        model_id = await self.model_id(embedder)

        async def read() -> Any:
            frames = await self._tables.frames(model_id)
            return None if frames is None else await frames.query().select(["clip_id", "sha256"]).to_arrow()

        try:
            rows = await self._tables.read(read)
        except IndexUnavailable as error:
            if not self._tables.heals:
                raise
            log.warning("the frames of %s cannot be read and are dropped: %s", model_id, error)
            await self._tables.commit(lambda: self._tables.drop_frames(model_id))
            return {}
        if rows is None:
            return {}
        counted = rows.group_by(["clip_id", "sha256"]).aggregate([([], "count_all")]).to_pylist()
        return {row["clip_id"]: Seen(row["sha256"], row["count_all"]) for row in counted}
