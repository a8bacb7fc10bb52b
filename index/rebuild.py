"""Make the index match the clips on disk. The sidecars are the truth, the index follows.

In two steps: the words, which takes milliseconds a clip and needs no embedder, and then the frames.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anyio import to_thread

from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import fingerprint
from ltx_mcp.index.store import ClipIndex, IndexedClip
from ltx_mcp.types.clips import Clip

log = logging.getLogger(__name__)

ReadSamples = Callable[[Clip], Samples]
OnEmbedded = Callable[[int, int], None]
"""Told how many clips have been embedded, and of how many."""

IsPublished = Callable[[str], bool]
"""Whether a clip is in the archive now: another process may have published it after our clips were listed."""


@dataclass(frozen=True)
class ReconcileReport:
    """Clip ids; `failed` gives the reason for each clip whose frames could not be read."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


async def reconcile(
    index: ClipIndex,
    clips: Sequence[Clip],
    read_samples: ReadSamples,
    on_embedded: OnEmbedded = lambda done, of: None,
    is_published: IsPublished = lambda clip_id: False,
) -> ReconcileReport:
    """Add what is missing or changed, remove what is gone. Another embedder has to see every clip.

    Several processes may do this at once. Raises IndexUnavailable, and ModelUnavailable once the words match.
    """
    words = await match_words(index, clips, is_published)
    frames = await embed_missing(index, clips, read_samples, on_embedded)
    added = {*words.added, *frames.added} - frames.failed.keys()
    dropped = await index.drop_older()
    if added or words.removed or dropped:
        await index.optimize()
    return ReconcileReport(tuple(clip.clip_id for clip in clips if clip.clip_id in added), words.removed, frames.failed)


async def match_words(
    index: ClipIndex, clips: Sequence[Clip], is_published: IsPublished = lambda clip_id: False
) -> ReconcileReport:
    """Make every clip findable by its words, and those that are gone not at all. Raises IndexUnavailable."""
    known = await _known(index)
    changed = [
        clip for clip in clips if clip.clip_id not in known or known[clip.clip_id].fingerprint != fingerprint(clip)
    ]
    await index.put(changed)
    present = {clip.clip_id for clip in clips}
    gone = [clip_id for clip_id in known if clip_id not in present and not is_published(clip_id)]
    for clip_id in gone:
        await index.remove(clip_id)
    return ReconcileReport(tuple(clip.clip_id for clip in changed), tuple(gone))


async def embed_missing(
    index: ClipIndex,
    clips: Sequence[Clip],
    read_samples: ReadSamples,
    on_embedded: OnEmbedded = lambda done, of: None,
    begin: float = 0.0,
) -> ReconcileReport:
    """Let each embedder see what it has still to see, clip by clip: if this is cut short, those that are done are.

    `read_samples` runs on a worker thread and may raise anything: that clip is skipped with its name and reason.
    `begin`, from 0 to 1, is where in the list to begin: processes that do this at once begin at different places, and
    skip what another has done. Searches use the wanted embedder from the end on. Raises IndexUnavailable and
    ModelUnavailable.
    """
    owed = await index.owed(clips)
    wanted = [clip for clip in clips if clip.clip_id in owed]
    first = int(begin * len(wanted))
    wanted = wanted[first:] + wanted[:first]
    added, failed = [], {}
    for done, clip in enumerate(wanted):
        on_embedded(done, len(wanted))
        try:
            if embedders := await index.still_owed(clip, owed[clip.clip_id]):
                await index.add_frames(clip, await to_thread.run_sync(read_samples, clip), embedders)
                added.append(clip.clip_id)
        except (IndexUnavailable, ModelUnavailable):
            raise
        except Exception as error:
            log.warning("clip %s could not be embedded: %s", clip.clip_id, error)
            failed[clip.clip_id] = str(error) or type(error).__name__
            index.give_up(clip.clip_id, owed[clip.clip_id])
    await index.settle()
    return ReconcileReport(tuple(added), failed=failed)


async def _known(index: ClipIndex) -> dict[str, IndexedClip]:
    """What the index holds. One that opens but cannot be read is moved aside, and so holds nothing."""
    await index.open()
    try:
        return await index.known()
    except IndexUnavailable as error:
        log.warning("the search index is rebuilt: %s", error)
        await index.reset()
        return {}
