"""How well moments are found, by the field's metrics, beside what simpler spans would have found on the same scores.

    python bench/moments_eval.py [--embedder embedded] [--seeds 1 2 3] [--films 12] [--long 2] [--dry-run]
    python bench/moments_eval.py --annotations highlight_val_release.jsonl --videos FOLDER [--embedder TAG]

The first looks at edited films (edited_films.py): of the drawn world, asked for in words, six scenes in each and
eighteen in the long ones; and of packaged photographs and footage, asked for by other images of the same, because the
embedded embedder knows no words for them. Any other embedder is asked in words too. The second takes annotations in
QVHighlights' format (qvhighlights.py).

Moments are looked for in the film of the query, clip R@1 among all films. Nothing may be found of what no film shows.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from edited_films import FPS, HEIGHT, WIDTH, EditedFilm, Shown, drawn_films, photograph_films
from micro_retrieval import clip_of
from moment_metrics import METHODS, Scored, Span, metrics, shares
from qvhighlights import annotations, local_videos

from ltx_mcp.index.background import Vectors
from ltx_mcp.index.choice import EMBEDDED
from ltx_mcp.index.embed import Embedder, OpenClipEmbedder, embed_query
from ltx_mcp.index.query import SearchQuery
from ltx_mcp.index.sample import FrameSampler, Samples, sampled_size
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import ANY_LENGTH_S, open_footage, read_video
from ltx_mcp.types.frames import Frame

OURS = "search_clips"


@dataclass(frozen=True)
class Seen:
    """A film as the index saw it."""

    clip_id: str
    samples: Samples
    cuts_s: tuple[float, ...]
    length_s: float


@dataclass(frozen=True)
class Asked:
    """A query about a film, and the spans that answer it; none where no film does."""

    words: str
    image: Frame | None = None
    clip_id: str = ""
    right: tuple[Span, ...] = ()

    def query(self, **options: Any) -> SearchQuery:
        said = {"query": self.words} if self.image is None else {"image": self.image}
        return SearchQuery(**said, limit=5, **options)


@dataclass
class Tally:
    """What was answered: shares of each method, whether the film was found, and what had no answer."""

    answers: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))
    first: list[bool] = field(default_factory=list)
    silent: dict[bool, list[bool]] = field(default_factory=lambda: {True: [], False: []})

    def show(self, title: str) -> None:
        print(f"\n{title}: {len(self.first)} queries; clip R@1 {np.mean(self.first):.2f}")
        for name, answers in self.answers.items():
            print(f"  {name:<22}" + "".join(f"{key} {value:.3f}  " for key, value in metrics(answers).items()))
        if absent := self.silent[False]:
            silent = sum(absent) + sum(self.silent[True])
            right = f"{sum(absent) / silent:.2f}" if silent else "none"
            without, answered = np.mean(absent), np.mean(self.silent[True])
            print(f"  nothing found: for {without:.2f} of {len(absent)} queries that nothing answers, for "
                  f"{answered:.2f} of those that have an answer; no-match precision {right}", flush=True)  # fmt: skip


async def evaluate(embedder: Embedder, seen: Sequence[Seen], asked: Sequence[Asked]) -> Tally:
    tally, films = Tally(), {film.clip_id: film for film in seen}
    with tempfile.TemporaryDirectory() as folder:
        index = ClipIndex(Path(folder), embedder)
        for number, film in enumerate(seen):
            made = clip_of(number, 1).model_copy(update={"clip_id": film.clip_id, "duration_s": film.length_s,
                                                         "cuts_s": film.cuts_s})  # fmt: skip
            await index.add(made, film.samples)
        vectors = {film.clip_id: embedder.embed_frames(list(film.samples.frames)) for film in seen}
        for each in asked:
            found = (await index.search(each.query())).moments
            tally.silent[bool(each.right)].append(not found)
            if not each.right:
                continue
            tally.first.append(bool(found) and found[0].clip_id == each.clip_id)
            within = (await index.search(each.query(moments_per_clip=5, clip_id=each.clip_id))).moments
            tally.answers[OURS].append(shares([(moment.start_s, moment.end_s) for moment in within], each.right))
            scored = _scored(embedder, films[each.clip_id], vectors[each.clip_id], each)
            for name, method in METHODS.items():
                tally.answers[name].append(shares(method(scored), each.right))
        await index.close()
    return tally


def _scored(embedder: Embedder, film: Seen, vectors: Vectors, asked: Asked) -> Scored:
    """As index/sight.py scores them."""
    background = embedder.background()
    if asked.image is None:
        scores = background.text_scores(vectors, embed_query(embedder, asked.words))
    else:
        scores = background.image_scores(vectors, embedder.embed_frames([asked.image])[0])
    starts = np.array([0.0, *film.cuts_s])
    times_s = film.samples.times_s
    begun = starts[np.searchsorted(starts, times_s, side="right") - 1]
    return Scored(times_s, scores / background.vote_z, vectors, begun, film.length_s)


def sampled(clip_id: str, frames: Iterator[Frame], fps: float, count: int) -> Seen:
    """As a film is seen while it is written or imported."""
    sampler = FrameSampler(fps, count)
    for number, frame in enumerate(frames):
        sampler.see(number, frame)
    return Seen(clip_id, sampler.samples, sampler.cuts_s, count / fps)


async def edited(embedder: Embedder, made: tuple[list[EditedFilm], list[Shown]], by_image: bool) -> Tally:
    films, absent = made
    seen = [sampled(f"clip-{number}", film.show(), FPS, film.frames) for number, film in enumerate(films)]
    asked = [
        Asked(scene.words, scene.image if by_image else None, f"clip-{number}", (span,))
        for number, film in enumerate(films)
        for scene, span in zip(film.scenes, film.spans_s, strict=True)
    ]
    asked += [Asked(scene.words, scene.image if by_image else None) for scene in absent]
    return await evaluate(embedder, seen, asked)


def together(tallies: Sequence[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.first += tally.first
        for name, answers in tally.answers.items():
            whole.answers[name] += answers
        for had_answer, silent in tally.silent.items():
            whole.silent[had_answer] += silent
    return whole


async def annotated(embedder: Embedder, path: Path, folder: Path) -> Tally:
    lines = annotations(path)
    videos = local_videos(folder, lines)
    if not videos:
        raise SystemExit(f"None of the videos of {path} is in {folder}: they are named by their vid.")
    here = [line for line in lines if line.vid in videos]
    print(f"{len(here)} of {len(lines)} annotations, whose {len(videos)} videos are in {folder}")
    seen = [_looked_through(vid, video) for vid, video in sorted(videos.items())]
    return await evaluate(embedder, seen, [Asked(line.query, None, line.vid, line.windows_s) for line in here])


def _looked_through(vid: str, path: Path) -> Seen:
    footage = open_footage(path, vid, longest_s=ANY_LENGTH_S)
    count = round(footage.duration_s * footage.fps)
    size = sampled_size(footage.width, footage.height)
    return sampled(vid, read_video(footage, *size, footage.fps, count), footage.fps, count)


async def report(asked: argparse.Namespace) -> None:
    embedder, began = OpenClipEmbedder(asked.embedder), time.monotonic()
    print(f"embedder: {embedder.model_id}")
    if asked.annotations:
        (await annotated(embedder, asked.annotations, asked.videos)).show(f"{asked.annotations.name}, in words")
    else:
        counts = [6] * asked.films + [18] * asked.long
        drawn = [await edited(embedder, drawn_films(counts, seed), by_image=False) for seed in asked.seeds]
        together(drawn).show("drawn films, in words")
        for by_image in (True,) if embedder.weights == EMBEDDED else (True, False):
            real = [await edited(embedder, photograph_films(4, seed), by_image) for seed in asked.seeds]
            together(real).show(f"photographs and footage, by {'another image' if by_image else 'caption'}")
    print(f"in {time.monotonic() - began:.0f} s")


def dry_run(folder: Path, asked: argparse.Namespace) -> argparse.Namespace:
    """Two scenes of each kind are evaluated, and written as a video with an annotation."""
    anyio.run(report, argparse.Namespace(**vars(asked) | {"seeds": [1], "films": 1, "long": 0}))
    ([film], _) = drawn_films([2], 1)
    with VideoWriter(folder / "drawn.mp4", WIDTH, HEIGHT, FPS, film.frames) as video:
        for frame in film.show():
            video.write(frame)
    line = {"qid": 1, "query": film.scenes[1].words, "duration": film.frames / FPS, "vid": "drawn"}
    (folder / "drawn.jsonl").write_text(json.dumps(line | {"relevant_windows": [film.spans_s[1]]}))
    return argparse.Namespace(**vars(asked) | {"annotations": folder / "drawn.jsonl", "videos": folder})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--embedder", default=EMBEDDED)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--films", type=int, default=12, help="drawn, of six scenes, for each seed")
    options.add_argument("--long", type=int, default=2, help="drawn, of eighteen scenes")
    options.add_argument("--annotations", type=Path)
    options.add_argument("--videos", type=Path, default=Path())
    options.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    asked = options.parse_args()
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores; no GPU is used")
    print("versions: python", platform.python_version(), *(f"{name} {version(name)}" for name in ("torch", "lancedb")))
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(report, dry_run(Path(folder), asked) if asked.dry_run else asked)


if __name__ == "__main__":
    main()
