"""How searches scale: clustered frames through this project's own tables, and through other vector stores beside it.

    python bench/search_scale.py [--frames 1000000] [--stores ours faiss usearch chroma] [--folder KEPT] [--dry-run]

Each store runs in a process of its own, on the same vectors and queries: clips of 50 frames that resemble each other,
in 400 topics. Half of the queries are frames with noise, half topics with noise. The filter passes one clip of 20.
faiss, usearch and chroma are measured where they can be imported: pip install faiss-cpu usearch chromadb.
"""

import argparse
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import anyio
import numpy as np
from numpy.typing import NDArray

PER_CLIP, TOPICS, IMPORTED = 50, 400, 20  # every 20th clip passes the filter
TOP = 10
BLOCK = 50_000  # rows
PACKAGES = {"ours": "lancedb", "faiss": "faiss-cpu", "usearch": "usearch", "chroma": "chromadb"}

Vectors = NDArray[Any]


def unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def make_vectors(folder: Path, frames: int, dim: int, queries: int) -> None:
    """Frames as float16, queries as float32, and the true ten best of each query, with and without the filter."""
    rng = np.random.default_rng(0)
    topics = unit(rng.normal(size=(TOPICS, dim)))
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float16, (frames, dim))
    for start in range(0, frames, BLOCK):
        count = min(BLOCK, frames - start)
        clips = -(-count // PER_CLIP)
        scenes = unit(topics[rng.integers(TOPICS, size=clips)] + 0.6 * unit(rng.normal(size=(clips, dim))))
        jitter = unit(rng.standard_normal((count, dim), dtype=np.float32))
        vectors[start : start + count] = unit(scenes.repeat(PER_CLIP, axis=0)[:count] + 0.25 * jitter)
    like = unit(vectors[rng.integers(frames, size=queries // 2)] + 0.25 * unit(rng.normal(size=(queries // 2, dim))))
    about = topics[rng.integers(TOPICS, size=queries - queries // 2)]
    asked = unit(np.concatenate([like, about + 0.5 * unit(rng.normal(size=about.shape))]))
    np.save(folder / "queries.npy", asked)
    for name, passes in (("all", np.ones(frames, dtype=bool)), ("filtered", passing(frames))):
        np.save(folder / f"truth_{name}.npy", truth(vectors, asked, passes))


def passing(frames: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(frames) // PER_CLIP % IMPORTED == 0)


def truth(vectors: Vectors, asked: Vectors, passes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(queries, 10) the nearest rows, by their cosines in float32."""
    scores, rows = np.empty((len(asked), 0), dtype=np.float32), np.empty((len(asked), 0), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        here = np.flatnonzero(passes[start : start + BLOCK])
        block = asked @ np.asarray(vectors[start : start + BLOCK][here], dtype=np.float32).T
        scores, rows = np.hstack([scores, block]), np.hstack([rows, np.tile(here + start, (len(asked), 1))])
        best = np.argsort(-scores, axis=1)[:, :TOP]
        scores, rows = np.take_along_axis(scores, best, axis=1), np.take_along_axis(rows, best, axis=1)
    return rows


class Store(Protocol):
    """`search` gives row numbers, the nearest first. `open` is for what was built before."""

    async def build(self, vectors: Vectors) -> None: ...

    def open(self, vectors: Vectors) -> None: ...

    async def search(self, vector: Vectors, filtered: bool) -> list[int]: ...


class Ours:
    """The tables of `ClipIndex`, filled in bulk: adding 20,000 clips one by one would take half an hour."""

    def __init__(self, folder: Path) -> None:
        from ltx_mcp.index.store import ClipIndex

        self._asked = np.load(folder / "queries.npy")
        self.index = ClipIndex(folder / "ours", Given(self._asked))

    async def build(self, vectors: Vectors) -> None:
        import pyarrow as pa

        from ltx_mcp.index.schema import clip_rows, frame_rows

        tables = self.index._tables
        frames = await tables.make_frames(Given.model_id, vectors.shape[1], Given.weights)
        for start in range(0, len(vectors), BLOCK):
            block = [
                (clip(first // PER_CLIP), vectors[first : first + PER_CLIP])
                for first in range(start, min(start + BLOCK, len(vectors)), PER_CLIP)
            ]
            rows = [frame_rows(each, samples(len(part)), part, Given.model_id) for each, part in block]
            await frames.add(pa.concat_tables(rows))
            await (await tables.clips()).add(clip_rows([each for each, _ in block]))
        await self.index.optimize()
        self.open(vectors)

    def open(self, vectors: Vectors) -> None:
        self._passing = int(passing(len(vectors)).sum()) // PER_CLIP

    async def search(self, vector: Vectors, filtered: bool) -> list[int]:
        """The vision leg up to the scored frames."""
        from ltx_mcp.index.nearest import near_frames

        frames = await self.index._tables.frames(Given.model_id)
        near = await near_frames(frames, vector, "kind = 'imported'" if filtered else None, self._passing, 2 * TOP + 4)
        assert near is not None
        seen = near.table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        scores = seen.reshape(len(near.table), -1).astype(np.float32) @ vector
        names, times_s = near.table["clip_id"].to_pylist(), near.table["time_s"].to_pylist()
        best = np.argsort(-scores)[:TOP]
        return [int(names[row].removeprefix("clip-")) * PER_CLIP + round(times_s[row] * 2) for row in best]

    async def more(self) -> dict[str, str]:
        """What only a whole index can be asked: searches as tools make them, and new clips."""
        from ltx_mcp.index.query import SearchQuery

        queries = {
            "search by sight": [SearchQuery(query=f"nr {number}") for number in range(len(self._asked))],
            "search by words and sight": [SearchQuery(query=f"nr {n} castle river") for n in range(len(self._asked))],
            "search, filtered": [SearchQuery(query=f"nr {n}", kind="imported") for n in range(len(self._asked))],
            "the newest": [SearchQuery()] * 10,
        }
        said = {}
        for name, asked in queries.items():
            await self.index.search(asked[0])
            said[name] = percentiles([await timed(lambda each=each: self.index.search(each)) for each in asked])
        count = await (await self.index._tables.clips()).count_rows()
        black = np.zeros((4, 4, 3), dtype=np.uint8)
        new = [clip(count + number) for number in range(12)]
        times = [await timed(lambda each=each: self.index.add(each, samples(PER_CLIP, black))) for each in new]
        return {**said, "add a clip": percentiles(times)}


def clip(number: int) -> Any:
    from ltx_mcp.types.clips import Clip, Provenance, Verdict

    words = ["harbour", "piano", "forest", "desert", "market", "rocket", "violin", "castle", "river", "lighthouse"]
    prompt = f"a {words[number % 10]} by the {words[number // 10 % 10]}, take {number}"
    return Clip(
        clip_id=f"clip-{number}", path=Path(f"/archive/{number}.mp4"), resource_uri=f"clip://clip-{number}",
        sheet_path=Path(f"/archive/{number}.jpg"), kind="generated" if number % IMPORTED else "imported",
        prompt=prompt, title=prompt, width=416, height=240, fps=24, frames=600, duration_s=25, has_audio=False,
        codec="h264", bytes=1, sha256=f"{number:064x}", seed=1, model="bench", recipe="draft",
        created_at=datetime.fromtimestamp(1.7e9 + number, UTC),
        moderation=Verdict(verdict="passed", model="bench", max_score=0), provenance=Provenance(),
    )  # fmt: skip


def samples(count: int, frame: Any = None) -> Any:
    from ltx_mcp.index.sample import Samples

    return Samples(np.arange(count, dtype=np.float64) / 2, [] if frame is None else [frame] * count)


class Given:
    """An embedder whose vectors are known: of "nr 7 ..." that of query 7, of frames any."""

    model_id, weights, device, models = "bench/given@00000000", "bench", "cpu", frozenset[str]()

    def __init__(self, asked: Vectors) -> None:
        self._asked, self.dim = asked, asked.shape[1]

    def load(self) -> None:
        """There is nothing to load."""

    def understands(self, text: str) -> bool:
        return True

    def embed_frames(self, frames: Any) -> Vectors:
        return unit(np.random.default_rng(len(frames)).normal(size=(len(frames), self.dim)))

    def embed_texts(self, texts: Any) -> Vectors:
        return np.stack([self._asked[int(text.split("nr ")[1].split()[0])] for text in texts])

    def background(self) -> Any:
        from ltx_mcp.index.background import Background

        return Background(np.zeros(self.dim, dtype=np.float32), mean=0.0, std=0.1, frame_mean=0.0)


class Faiss:
    def __init__(self, folder: Path) -> None:
        import faiss

        self._faiss, self._file = faiss, folder / "faiss" / "index"
        self._file.parent.mkdir(exist_ok=True)

    async def build(self, vectors: Vectors) -> None:
        lists = 1024 if len(vectors) >= 100_000 else 16
        self._index = self._faiss.index_factory(vectors.shape[1], f"IVF{lists},SQ8", self._faiss.METRIC_INNER_PRODUCT)
        every = max(1, len(vectors) // 100_000)
        self._index.train(np.asarray(vectors[::every], dtype=np.float32))
        for start in range(0, len(vectors), BLOCK):
            self._index.add(np.asarray(vectors[start : start + BLOCK], dtype=np.float32))
        self._faiss.write_index(self._index, str(self._file))
        self.open(vectors)

    def open(self, vectors: Vectors) -> None:
        self._index = self._faiss.read_index(str(self._file))
        self._passing = self._faiss.IDSelectorBatch(np.flatnonzero(passing(len(vectors))))

    async def search(self, vector: Vectors, filtered: bool) -> list[int]:
        options = {"sel": self._passing} if filtered else {}
        wanted = self._faiss.SearchParametersIVF(nprobe=32, **options)
        return [int(row) for row in self._index.search(vector[None], TOP, params=wanted)[1][0]]


class Usearch:
    """Its Python binding has no filter."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "usearch" / "index"
        self._file.parent.mkdir(exist_ok=True)

    def open(self, vectors: Vectors) -> None:
        from usearch.index import Index

        self._index = Index.restore(str(self._file))

    async def build(self, vectors: Vectors) -> None:
        from usearch.index import Index

        self._index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16")
        for start in range(0, len(vectors), BLOCK):
            block = np.asarray(vectors[start : start + BLOCK])
            self._index.add(np.arange(start, start + len(block)), block)
        self._index.save(str(self._file))

    async def search(self, vector: Vectors, filtered: bool) -> list[int]:
        if filtered:
            raise NotImplementedError
        return [int(row) for row in self._index.search(vector, TOP).keys]


class Chroma:
    def __init__(self, folder: Path) -> None:
        import chromadb

        settings = chromadb.config.Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(str(folder / "chroma"), settings)
        options: Any = {"metadata": {"hnsw:space": "cosine"}, "embedding_function": None}
        self._frames = client.get_or_create_collection("frames", **options)

    def open(self, vectors: Vectors) -> None:
        """It is open already."""

    async def build(self, vectors: Vectors) -> None:
        size = 5_000  # the most that it takes at once
        for start in range(0, len(vectors), size):
            block = np.asarray(vectors[start : start + size], dtype=np.float32)
            rows = range(start, start + len(block))
            kinds = [{"kind": clip_kind(row)} for row in rows]
            self._frames.add(ids=[str(row) for row in rows], embeddings=block, metadatas=kinds)

    async def search(self, vector: Vectors, filtered: bool) -> list[int]:
        where: Any = {"kind": "imported"} if filtered else None
        return [int(row) for row in self._frames.query(vector[None], n_results=TOP, where=where, include=[])["ids"][0]]


def clip_kind(row: int) -> str:
    return "generated" if row // PER_CLIP % IMPORTED else "imported"


STORES: dict[str, Callable[[Path], Store]] = {"ours": Ours, "faiss": Faiss, "usearch": Usearch, "chroma": Chroma}


async def timed(work: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    await work()
    return (time.perf_counter() - start) * 1000


def percentiles(times_ms: list[float]) -> str:
    p50, p99 = np.quantile(times_ms, (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def anonymous_mb() -> float:
    """Memory of this process without the files that it maps."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.read_text().split("RssAnon:")[1].split()[0]) / 1024


async def measure(name: str, folder: Path) -> None:
    vectors, asked = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    store, before_mb = STORES[name](folder), anonymous_mb()
    start = time.perf_counter()
    done = folder / f"{name}.built"
    if done.exists():
        store.open(vectors)
        if isinstance(store, Ours):
            await store.index.optimize()  # the clips that an earlier run added
        took_s = float(done.read_text())
    else:
        await store.build(vectors)
        took_s = time.perf_counter() - start
        done.write_text(str(took_s))
    print(f"  built in {took_s:.1f} s, {disk_mb(folder / name):.0f} MB on disk", flush=True)
    for said, filtered in (("all", False), ("filtered", True)):
        true = np.load(folder / f"truth_{said}.npy")
        try:
            await store.search(asked[0], filtered)
        except NotImplementedError:
            print(f"  {said}: it has no filter")
            continue
        times, hits = [], []
        for vector, right in zip(asked, true, strict=True):
            start = time.perf_counter()
            found = await store.search(vector, filtered)
            times.append((time.perf_counter() - start) * 1000)
            hits.append(len(set(found[:TOP]) & set(right.tolist())) / TOP)
        half = len(hits) // 2
        recalls = (
            f"recall@10 {np.mean(hits):.3f} (like a frame {np.mean(hits[:half]):.3f}, topic {np.mean(hits[half:]):.3f})"
        )
        print(f"  {said}: {percentiles(times)}, {recalls}", flush=True)
    print(f"  memory {anonymous_mb() - before_mb:.0f} MB more than before")
    if isinstance(store, Ours):
        for said, figures in (await store.more()).items():
            print(f"  {said}: {figures}", flush=True)


def disk_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def version(name: str) -> str | None:
    try:
        return importlib.metadata.version(PACKAGES[name])
    except importlib.metadata.PackageNotFoundError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    parser.add_argument("--folder", type=Path, help="keep all that is made there, and use what is there already")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        anyio.run(measure, given.stores[0], given.child)
        return
    frames, dim, queries = (11_000, 16, 4) if given.dry_run else (given.frames, given.dim, given.queries)
    print(f"command: {' '.join(sys.argv)}")
    print(f"machine: {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {frames} x {dim}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "truth_filtered.npy").exists():  # the last that is written
            make_vectors(folder, frames, dim, queries)
        print(f"the vectors as float16: {disk_mb(folder):.0f} MB", flush=True)
        for name in given.stores:
            if (found := version(name)) is None:
                print(f"{name}: {PACKAGES[name]} is not installed", flush=True)
                continue
            print(f"{name}: {PACKAGES[name]} {found}", flush=True)
            if given.dry_run:
                anyio.run(measure, name, folder)
            else:
                subprocess.run([sys.executable, __file__, "--child", str(folder), "--stores", name], check=False)


if __name__ == "__main__":
    main()
