"""The index's tables: one of clips, and one of frames for each embedder. Their names, columns and rows.

A name carries the schema version, and that of a frames table the embedder, so none is opened by mistake. The clips
know nothing of embedders: words are searched whatever becomes of these.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.columns import SPEECH, SPEECH_TIMES
from ltx_mcp.index.letters import parts_of
from ltx_mcp.index.sample import Samples
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.film import TimedText

SCHEMA_VERSION = 2
WORDS_VERSION = 3  # of what is stored of a clip's words; 2: the column `parts`, 3: its speech
CLIPS = f"clips_v{SCHEMA_VERSION}"
FRAMES = f"frames_v{SCHEMA_VERSION}_"
_NAME = re.compile(r"^(clips|frames)_v(\d+)(?:_|$)")


def frames_name(model_id: str) -> str:
    return FRAMES + re.sub(r"[^A-Za-z0-9]+", "-", model_id)


def version_of(name: str) -> int | None:
    """The schema version in a table's name; None for a table that is not ours."""
    found = _NAME.match(name)
    return int(found[2]) if found else None


def clips_schema() -> Any:
    import pyarrow as pa

    text = [pa.field(name, pa.string()) for name in ("title", "prompt", "parts", "path", "fingerprint", SPEECH)]
    text.append(pa.field(SPEECH_TIMES, pa.list_(pa.float64())))
    return pa.schema([_key("clip_id"), *_filters(), *text], metadata=_metadata())


def frames_schema(model_id: str, dim: int, weights: str = "") -> Any:
    """float16: half the disk and half the scan of float32, with the same recall.

    `sha256` is that of the clip's file: frames of another file are stale. `shot_start_s` is when the frame's shot
    begins, null where the clip's cuts are not known. `weights` goes into the metadata, so that
    the embedder can be made again.
    """
    import pyarrow as pa

    own = [
        pa.field("clip_id", pa.string()),
        pa.field("sha256", pa.string()),
        pa.field("time_s", pa.float64()),
        pa.field("shot_start_s", pa.float64()),
        pa.field("vector", pa.list_(pa.float16(), dim)),
    ]
    return pa.schema([_key("frame_id"), *_filters(), *own], metadata=_metadata(model_id, weights))


def embedder_of(schema: Any) -> tuple[str, str]:
    """The model id and the weights of the embedder that a frames table belongs to; "" for what it does not say."""
    said = schema.metadata or {}
    return said.get(b"ltx_mcp.embedder", b"").decode(), said.get(b"ltx_mcp.weights", b"").decode()


def _key(name: str) -> Any:
    """The column that merges go by. Without the mark (Lance's own) two processes that insert the same key at
    once both succeed: measured, 99 of 540 rows were doubled. With it one of them starts again: none were.
    """
    import pyarrow as pa

    return pa.field(name, pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"})


def _filters() -> list[Any]:
    """What a search may filter by besides the id; in both tables, so that one predicate serves both."""
    import pyarrow as pa

    texts = [pa.field("kind", pa.string()), pa.field("model", pa.string())]
    return [*texts, pa.field("created_us", pa.int64()), pa.field("duration_s", pa.float64())]


def _metadata(model_id: str = "", weights: str = "") -> dict[str, str]:
    return {"ltx_mcp.schema": str(SCHEMA_VERSION), "ltx_mcp.embedder": model_id, "ltx_mcp.weights": weights}


def fingerprint(clip: Clip) -> str:
    """Changes when a clip's row must be replaced: other pixels, another path, other words or ways to store them."""
    return f"{clip.sha256}|{clip.path}|{clip.title}|{WORDS_VERSION}"


ReadSpeech = Callable[[Clip], Sequence[TimedText]]
"""What is said in a clip, in order of time."""


def clip_rows(clips: Iterable[Clip], read_speech: ReadSpeech = lambda clip: ()) -> Any:
    """A row a clip, a pyarrow table of `clips_schema`."""
    import pyarrow as pa

    rows = [
        {
            **_filter_values(clip),
            "title": clip.title,
            "prompt": clip.prompt,
            "parts": " ".join(parts_of(f"{clip.title}\n{clip.prompt}")),
            "path": str(clip.path),
            "fingerprint": fingerprint(clip),
            SPEECH: "\n".join(" ".join(line.text.split()) for line in lines),
            SPEECH_TIMES: [time_s for line in lines for time_s in (line.start_s, line.end_s)],
        }
        for clip, lines in ((clip, read_speech(clip)) for clip in clips)
    ]
    return pa.Table.from_pylist(rows, schema=clips_schema())


def frame_rows(clip: Clip, samples: Samples, vectors: Vectors, model_id: str) -> Any:
    """A row a sampled frame. Ids are `clip_id/number`: writing a clip again replaces its frames."""
    import numpy as np
    import pyarrow as pa

    count, dim = vectors.shape
    columns = {name: [value] * count for name, value in _filter_values(clip).items()}
    flat = pa.array(vectors.astype(np.float16).ravel(), type=pa.float16())
    columns |= {
        "frame_id": [_frame_id(clip.clip_id, number) for number in range(count)],
        "sha256": [clip.sha256] * count,
        "time_s": samples.times_s.tolist(),
        "shot_start_s": _shot_starts(clip, samples),
    }
    arrays: dict[str, Any] = {**columns, "vector": pa.FixedSizeListArray.from_arrays(flat, dim)}
    return pa.Table.from_pydict(arrays, schema=frames_schema(model_id, dim))


def _shot_starts(clip: Clip, samples: Samples) -> list[float | None]:
    if clip.cuts_s is None:
        return [None] * len(samples.times_s)
    starts = (0.0, *clip.cuts_s)
    return [starts[bisect_right(starts, time_s + 0.0005) - 1] for time_s in samples.times_s]  # cuts are rounded to 1 ms


def _frame_id(clip_id: str, number: int) -> str:
    return f"{clip_id}/{number:04d}"


def frames_from(clip_id: str, number: int) -> str:
    """SQL for the rows of a clip's frames from this number on."""
    first = _frame_id(clip_id, number)
    longer = f"length(frame_id) > {len(first)}"  # from number 10,000 on
    later = f"length(frame_id) = {len(first)} AND frame_id >= {quoted(first)}"
    return f"clip_id = {quoted(clip_id)} AND ({longer} OR {later})"


def _filter_values(clip: Clip) -> dict[str, Any]:
    return {
        "clip_id": clip.clip_id,
        "kind": clip.kind,
        "model": clip.model,
        "created_us": microseconds(clip.created_at),
        "duration_s": clip.duration_s,
    }


def microseconds(moment: datetime) -> int:
    """Since 1970; a time without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def quoted(text: str) -> str:
    """An SQL string literal. A quote is doubled, the only character that means anything inside one."""
    return "'" + text.replace("'", "''") + "'"


def made_by(models: Iterable[str]) -> str:
    """SQL for clips that one of these video models made, or had a part in: a film names several, with commas."""
    terms = []
    for name in sorted(models):
        terms += [
            f"model = {quoted(name)}",
            f"model LIKE {quoted(f'{name}, %')}",
            f"model LIKE {quoted(f'%, {name}%')}",
        ]
    return f"({' OR '.join(terms)})"


def shows(clip: Clip, models: Collection[str]) -> bool:
    """Whether one of these video models made the clip, or had a part in it."""
    return not set(clip.model.split(", ")).isdisjoint(models)


def among(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(quoted(value) for value in values)})"
