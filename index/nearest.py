"""The frames that lie nearest to a vector, with the frames around them: what moments are found in.

The vector index ranks by a code of five bits a number. So many candidates are taken, unrefined, and the frames of the
best clips among them are read and scored by their own vectors: that costs less than to let the index refine, and finds
as much. Each column of a candidate costs as well, so only the clip is asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.schema import among, quoted

CANDIDATE_FRAMES = 1000  # 300 were only some 16 clips of 50 frames among 300,000, and held 0.79 of the best 20 frames
PROBES = 20  # of the index's partitions
RARE_PROBES = 200  # where few clips pass the filter: with 20 the recall was 0.92 for 1,000 of 20,000, with 100 0.95
RARE = 5000  # clips
LONG_S = 600.0  # of a longer clip only the surroundings of candidates are read, not the frames of hours
AROUND_S = 30.0  # before and after a candidate: no moment of a long clip grows farther
WINDOWS = 20  # of a long clip, around its best candidates: more than the moments that a search gives of one clip

Window = tuple[float, float]
"""A stretch of a clip in seconds."""

_READ = ["clip_id", "time_s", "duration_s", "shot_start_s", "vector"]


@dataclass(frozen=True)
class NearFrames:
    """`table` has the columns of `_READ`; `windows` are those of long clips, in order."""

    table: Any
    windows: dict[str, list[Window]]


async def near_frames(frames: Any, vector: Vectors, where: str | None, passing: int, clips: int) -> NearFrames | None:
    """Frames of at most `clips` clips, those that have the nearest ones; None where there are none.

    `where` is SQL for the frames that may be found, or None for all; they are of about `passing` clips.
    """
    near = frames.query().nearest_to(vector).distance_type("cosine").limit(CANDIDATE_FRAMES).with_row_id()
    near = near.where(where).nprobes(RARE_PROBES if passing < RARE else PROBES) if where else near.nprobes(PROBES)
    found = await near.select(["clip_id", "_distance"]).to_arrow()
    rows = defaultdict(list)
    for clip_id, row in zip(found["clip_id"].to_pylist(), found["_rowid"].to_pylist(), strict=True):
        rows[clip_id].append(row)
    best = list(rows)[:clips]
    if not best:
        return None
    short = await frames.query().where(f"{among('clip_id', best)} AND duration_s <= {LONG_S}").select(_READ).to_arrow()
    long = set(best).difference(short["clip_id"].unique().to_pylist())
    if not long:
        return NearFrames(short, {})
    return await _with_windows(frames, short, [row for clip_id in best if clip_id in long for row in rows[clip_id]])


async def _with_windows(frames: Any, short: Any, rows: list[int]) -> NearFrames:
    """The table with the surroundings of these rows, of long clips; the best rows of each clip come first."""
    import pyarrow as pa

    taken = await frames.take_row_ids(rows).with_row_id().select(["clip_id", "time_s", "duration_s"]).to_list()
    places = {row: place for place, row in enumerate(rows)}
    times_s, duration_s = defaultdict(list), {}
    for row in sorted(taken, key=lambda row: places[row["_rowid"]]):
        times_s[row["clip_id"]].append(row["time_s"])
        duration_s[row["clip_id"]] = row["duration_s"]
    windows = {clip_id: _windows(those[:WINDOWS], duration_s[clip_id]) for clip_id, those in times_s.items()}
    parts = [f"(clip_id = {quoted(clip_id)} AND ({_inside(those)}))" for clip_id, those in windows.items()]
    long = await frames.query().where(" OR ".join(parts)).select(_READ).to_arrow() if parts else short.slice(0, 0)
    return NearFrames(pa.concat_tables([short, long]), windows)


def _windows(times_s: Iterable[float], duration_s: float) -> list[Window]:
    """Around each of the times: in order, none overlapping."""
    joined: list[Window] = []
    for time_s in sorted(times_s):
        start_s, end_s = max(0.0, time_s - AROUND_S), min(duration_s, time_s + AROUND_S)
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], end_s)
        else:
            joined.append((start_s, end_s))
    return joined


def _inside(windows: Sequence[Window]) -> str:
    return " OR ".join(f"time_s BETWEEN {start_s!r} AND {end_s!r}" for start_s, end_s in windows)
