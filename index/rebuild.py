"""Make the index match the clips on disk. The sidecars are the truth, the index follows."""

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


@dataclass(frozen=True)
class ReconcileReport:
    """Clip ids; `failed` gives the reason for each clip that could not be indexed."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


async def reconcile(
    index: ClipIndex, clips: Sequence[Clip], read_samples: Callable[[Clip], Samples]
) -> ReconcileReport:
    """Add what is missing or changed, remove what is gone. Another embedding model means: add everything.

    `read_samples` runs on a worker thread and may raise anything: that clip is skipped with its name and
    reason. Several processes may do this at once. Raises IndexUnavailable, ModelUnavailable.
    """
    known = await _known(index)
    added, failed = [], {}
    for clip in clips:
        row = known.get(clip.clip_id)
        if row is not None and row.frames and row.fingerprint == fingerprint(clip):
            continue
        try:
            await index.add(clip, await to_thread.run_sync(read_samples, clip))
            added.append(clip.clip_id)
        except (IndexUnavailable, ModelUnavailable):
            raise
        except Exception as error:
            log.warning("clip %s could not be indexed: %s", clip.clip_id, error)
            failed[clip.clip_id] = str(error) or type(error).__name__
    removed = await _remove_gone(index, known, {clip.clip_id for clip in clips})
    dropped = await index.drop_other_tables()
    if added or removed or dropped:
        await index.optimize()
    return ReconcileReport(tuple(added), removed, failed)


async def _known(index: ClipIndex) -> dict[str, IndexedClip]:
    """What the index holds. One that opens but cannot be read is moved aside, and so holds nothing."""
    await index.open()
    try:
        return await index.known()
    except IndexUnavailable as error:
        log.warning("the search index is rebuilt: %s", error)
        await index.reset()
        return {}


async def _remove_gone(index: ClipIndex, known: dict[str, IndexedClip], present: set[str]) -> tuple[str, ...]:
    """A clip that another process published after our clips were listed has a file, and stays."""
    gone = [clip_id for clip_id, clip in known.items() if clip_id not in present and not clip.path.exists()]
    for clip_id in gone:
        await index.remove(clip_id)
    return tuple(gone)
