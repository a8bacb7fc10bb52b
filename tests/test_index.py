"""The index: what is added is found, by words and by sight, in one process and in two; nothing breaks it for good."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from index_kit import START, always, find, ids, make_clip, plain, put, sampled
from pydantic import ValidationError

from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.background import Background
from ltx_mcp.index.embed import Embedder, OpenClipEmbedder
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.schema import frames_name
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex, SearchQuery

pytestmark = pytest.mark.anyio


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[ClipIndex]:
    index = ClipIndex(tmp_path / "index", ColourEmbedder())
    with anyio.fail_after(60):
        yield index
    await index.close()


async def test_a_clip_is_found_by_the_words_of_its_prompt_and_given_whole(index: ClipIndex) -> None:
    await put(index, make_clip("harbour-1", "Fishing boats leave the harbour at dawn"))
    await put(index, make_clip("piano-1", "A cat plays the piano"))
    found = (await find(index, "the boat is fishing")).moments[0]
    assert (found.clip_id, found.matched, found.rank) == ("harbour-1", "text", 1)
    assert (found.start_s, found.end_s, found.peak_s, found.ref) == (0, 4, 2, "harbour-1@2")
    assert found.path == Path("/archive/harbour-1/video.mp4")


async def test_a_title_is_searched_like_a_prompt(index: ClipIndex) -> None:
    await put(index, make_clip("import-1", "imported", title="Grandmother's birthday"))
    assert ids(await find(index, "birthdays")) == ["import-1"]


async def test_a_moment_is_found_by_what_is_seen_in_it(index: ClipIndex) -> None:
    await put(index, make_clip("walls", "walls"), lambda time_s: plain("red" if time_s < 2 else "blue"))
    await put(index, make_clip("other", "other"), always(plain("green")))
    found = (await find(index, "a blue wall")).moments[0]
    assert (found.clip_id, found.matched) == ("walls", "both")
    assert found.start_s == pytest.approx(2, abs=0.3)
    assert found.end_s == 4
    assert found.start_s < found.peak_s < found.end_s
    assert ids(await find(index, "green")) == ["other"]
    assert (await find(index, "green")).moments[0].matched == "vision"


async def test_a_moment_begins_at_the_cut_that_was_seen(index: ClipIndex) -> None:
    clip = make_clip("walls", cuts_s=(1.875,))
    await put(index, clip, lambda time_s: plain("red" if time_s < 1.875 else "blue"))
    for colour, span in (("red", (0, 1.875)), ("blue", (1.875, 4))):
        found = (await find(index, colour)).moments[0]
        assert (found.start_s, found.end_s) == span


async def test_frames_that_were_embedded_before_cuts_were_known_are_still_searched(tmp_path: Path) -> None:
    import lancedb

    embedder = ColourEmbedder()
    index = ClipIndex(tmp_path, embedder)
    await put(index, make_clip("walls"), always(plain("blue")))
    await index.close()
    table = (await lancedb.connect_async(str(tmp_path))).open_table(frames_name(embedder.model_id))
    await (await table).drop_columns(["shot_start_s"])
    again = ClipIndex(tmp_path, embedder)
    assert (await again.known())["walls"].frames > 0
    assert ids(await find(again, "blue")) == ["walls"]
    await put(again, make_clip("more", cuts_s=()), always(plain("blue")))
    assert set(ids(await find(again, "blue"))) == {"walls", "more"}
    await again.close()


async def test_one_clip_can_give_several_moments_and_no_more_than_asked_for(index: ClipIndex) -> None:
    await put(index, make_clip("blink", duration_s=8), lambda time_s: plain("red" if int(time_s) % 4 < 2 else "blue"))
    await put(index, make_clip("still"), always(plain("red")))
    found = await find(index, "red")
    assert sorted(ids(found)) == ["blink", "blink", "still"]
    assert [moment.rank for moment in found.moments] == [1, 2, 3]
    assert [moment.score for moment in found.moments] == sorted((m.score for m in found.moments), reverse=True)
    assert sorted(ids(await find(index, "red", moments_per_clip=1))) == ["blink", "still"]
    assert len((await find(index, "red", limit=1)).moments) == 1


async def test_moments_of_a_clip_of_many_minutes_are_found_to_the_second(index: ClipIndex) -> None:
    times_s = np.arange(650, dtype=np.float64) * 2
    red, grey = plain("red"), plain("grey")
    shown = [red if any(at_s <= time_s < at_s + 10 for at_s in (0, 400, 420, 1290)) else grey for time_s in times_s]
    await index.add(make_clip("long", duration_s=1300.0), Samples(times_s, shown))
    await put(index, make_clip("short"), always(plain("blue")))
    found = (await find(index, "red", moments_per_clip=10, limit=10)).moments
    spans = sorted((moment.start_s, moment.end_s) for moment in found)
    assert spans == [(0, 9), (399, 409), (419, 429), (1289, 1300)]
    assert ids(await find(index, "blue")) == ["short"]


async def test_a_picture_finds_the_clip_that_shows_it(index: ClipIndex) -> None:
    for colour in ("red", "green", "blue", "yellow"):
        await put(index, make_clip(f"wall-{colour}"), always(plain(colour)))
    found = await find(index, image=plain("green"))
    assert ids(found) == ["wall-green"]
    assert found.moments[0].matched == "vision"


async def test_words_and_a_picture_together_narrow_the_search(index: ClipIndex) -> None:
    await put(index, make_clip("first", "harbour"), always(plain("green")))
    await put(index, make_clip("second", "piano"), always(plain("green")))
    assert ids(await find(index, "piano", image=plain("green")))[0] == "second"


async def test_a_search_inside_one_clip_sees_no_other(index: ClipIndex) -> None:
    await put(index, make_clip("one", duration_s=4), lambda time_s: plain("red" if time_s < 2 else "blue"))
    await put(index, make_clip("two"), always(plain("blue")))
    assert ids(await find(index, "blue", clip_id="one")) == ["one"]


async def test_filters_hold_for_words_sight_and_the_newest(index: ClipIndex) -> None:
    await put(index, make_clip("old", "red harbour", 2.0, kind="imported"), always(plain("red")))
    await put(
        index, make_clip("new", "red harbour", 6.0, created_at=START + timedelta(days=2)), lambda time_s: plain("red")
    )
    for query in ("red harbour", "harbour", "red", None):
        assert set(ids(await find(index, query))) == {"old", "new"}
        assert set(ids(await find(index, query, kind="imported"))) == {"old"}
        assert set(ids(await find(index, query, min_duration_s=5))) == {"new"}
        assert set(ids(await find(index, query, max_duration_s=5))) == {"old"}
        assert set(ids(await find(index, query, created_before=START + timedelta(days=1)))) == {"old"}
        assert set(ids(await find(index, query, created_after=START + timedelta(days=1)))) == {"new"}
        assert set(ids(await find(index, query, created_after=datetime(2026, 1, 2)))) == {"new"}
    nothing = await find(index, "red", kind="restyled")
    assert not nothing.moments
    assert "filters" in nothing.note


async def test_without_a_query_the_newest_clips_come_first(index: ClipIndex) -> None:
    for day in (2, 1, 3):
        await put(index, make_clip(f"day-{day}", created_at=START + timedelta(days=day)))
    found = await find(index, "  ", limit=2)
    assert ids(found) == ["day-3", "day-2"] == ids(await index.newest(2))
    assert {moment.matched for moment in found.moments} == {"newest"}
    assert found.total_clips == 3


async def test_an_empty_archive_says_so_and_what_to_do(index: ClipIndex) -> None:
    found = await find(index, "a red wall")
    assert (found.moments, found.total_clips) == ((), 0)
    assert "generate_video" in found.note


async def test_when_nothing_matches_the_answer_is_a_note_and_not_noise(index: ClipIndex) -> None:
    await put(index, make_clip("harbour-1", "Boats in a harbour"))
    for query in ("a violin concerto", "a purple wall", "the of and"):
        found = await find(index, query)
        assert found.moments == ()
        assert "Nothing in the archive matches well" in found.note
    assert "by the words of its prompt" in (await find(index, "a violin concerto")).note


async def test_a_hit_on_few_of_many_words_is_called_what_it_is(index: ClipIndex) -> None:
    await put(index, make_clip("harbour-1", "Boats in a harbour"))
    assert "only a few" in (await find(index, "a harbour under heavy winter snow with seagulls")).note
    assert (await find(index, "harbour boat")).note == ""


SCENES = ["lighthouse", "harbour", "piano", "forest", "desert", "market", "rocket", "violin", "castle", "river"]


async def noisy_archive(folder: Path, embedder: Embedder) -> ClipIndex:
    """Thirty clips of noise, some flickering, some still; the prompts of three share words with each query."""
    index = ClipIndex(folder, embedder)
    for number in range(30):
        scene, light = SCENES[number % 10], ["a red circle", "a blue square at night", "dusk"][number // 10]
        clip = make_clip(f"noise-{number:02}", f"{scene} with {light}", 2.0, created_at=START + timedelta(hours=number))
        blocks = 2 ** (number % 5)
        small = np.random.default_rng(number).integers(0, 256, (64 // blocks, 64 // blocks, 3), dtype=np.uint8)
        await put(index, clip, always(small.repeat(blocks, 0).repeat(blocks, 1)))
    return index


@pytest.mark.parametrize("make", [pytest.param(OpenClipEmbedder, marks=pytest.mark.slow), ColourEmbedder])
async def test_noise_never_changes_the_order_that_the_words_give(make: Callable[[], Embedder], tmp_path: Path) -> None:
    index, wordy = (
        await noisy_archive(tmp_path / "seen", make()),
        await noisy_archive(tmp_path / "words", Blind(make())),
    )
    queries = [
        "a red circle",
        "a blue square",
        "red",
        "piano with a blue square",
        *SCENES,
        "a castle at dusk",
        "a white star",
    ]
    for query in queries:
        found, words = await find(index, query, limit=20), await find(wordy, query, limit=20)
        assert ids(found) == ids(words), query
        assert {moment.matched for moment in found.moments} <= {"text"}
    assert ids(await find(index, "red circle", limit=20)) == [f"noise-{number:02}" for number in range(9, -1, -1)]


class Blind:
    """An embedder that understands no text, so that the words decide alone."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.model_id, self.weights, self.models = inner.model_id, inner.weights, inner.models
        self.device = inner.device

    @property
    def dim(self) -> int:
        return self._inner.dim

    def load(self) -> None:
        self._inner.load()

    def understands(self, text: str) -> bool:
        return False

    def embed_frames(self, frames: Any) -> Any:
        return self._inner.embed_frames(frames)

    def embed_texts(self, texts: Any) -> Any:
        return self._inner.embed_texts(texts)

    def background(self) -> Background:
        return self._inner.background()


HOSTILE = {  # each with whether it names the harbour
    "it's a 'quoted' \"query\"": False, "'; DROP TABLE clips; --": False, "a AND (b OR c) NOT d:e^2 ~f* ?": False,
    "harbour\x00harbour": True, "%_\\": False, "😀🎬": False, "harbour " * 2_500: True, "x" * 20_000: False,
    "\u202eharbour\u200b": True, "ﬁlm naïve İstanbul": False, "{} {0} {harbour}": True, "\n\t.": False,
}  # fmt: skip


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_query_breaks_the_search(index: ClipIndex, query: str) -> None:
    await put(index, make_clip("harbour-1", "A harbour"))
    assert bool((await find(index, query)).moments) == HOSTILE[query]
    assert (await find(index)).total_clips == 1


@pytest.mark.parametrize(
    "clip_id", ["o'brien", "a\" or '1'='1", "x'; DROP TABLE clips; --", "emoji-😀", "a%b_c\\", "-"]
)
async def test_no_clip_id_breaks_the_tables(index: ClipIndex, clip_id: str) -> None:
    await put(index, make_clip("bystander"))
    await put(index, make_clip(clip_id, "harbour"), always(plain("red")))
    assert await index.has([clip_id, "missing"]) == {clip_id}
    assert ids(await find(index, "red", clip_id=clip_id)) == [clip_id]
    await index.remove(clip_id)
    assert await index.has([clip_id, "bystander"]) == {"bystander"}
    assert ids(await find(index)) == ["bystander"]


@pytest.mark.parametrize(
    "bad",
    [{"limit": 0}, {"limit": 21}, {"moments_per_clip": 11}, {"min_duration_s": float("nan")}, {"kind": "x"}, {"y": 1}],
)
def test_a_search_outside_its_ranges_cannot_be_made(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SearchQuery(**bad)


async def test_a_clip_written_again_replaces_its_row_and_all_its_frames(index: ClipIndex) -> None:
    await put(index, make_clip("same", "harbour", 8.0), always(plain("red")))
    await put(index, make_clip("same", "piano", 2.0), always(plain("blue")))
    known = await index.known()
    assert known["same"].frames == len(sampled(make_clip("same", duration_s=2.0), always(plain("blue"))).frames)
    assert not (await find(index, "red")).moments
    assert not (await find(index, "harbour")).moments
    assert [moment.end_s for moment in (await find(index, "blue")).moments] == [2.0]


async def test_has_nothing_for_no_ids(index: ClipIndex) -> None:
    assert await index.has([]) == set()


async def test_frames_without_their_clip_row_are_not_there(index: ClipIndex) -> None:
    await put(index, make_clip("whole"), always(plain("red")))
    cut_short = make_clip("cut-short")
    await put(index, cut_short, always(plain("red")))
    await (await index._tables.clips()).delete("clip_id = 'cut-short'")  # as if killed between the two writes
    assert ids(await find(index, "red")) == ["whole"]
    assert await index.has(["cut-short"]) == set()


async def test_the_event_loop_stays_free_while_the_model_works(tmp_path: Path) -> None:
    """The model waits for a task of the loop: were it run on the loop, neither would ever end."""
    import threading

    started, may_go_on = threading.Event(), threading.Event()

    class Waiting(ColourEmbedder):
        def embed_frames(self, frames: Any) -> Any:
            started.set()
            assert may_go_on.wait(timeout=30)
            return super().embed_frames(frames)

    index = ClipIndex(tmp_path / "index", Waiting())
    clip = make_clip("one")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(index.add, clip, sampled(clip, always(plain("red"))))
            while not started.is_set():
                await anyio.lowlevel.checkpoint()
            may_go_on.set()
    assert await index.has(["one"]) == {"one"}
    await index.close()


async def test_many_tasks_may_use_one_index_at_once(index: ClipIndex) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(put, index, make_clip(f"clip-{number}", "harbour"))
            tasks.start_soon(find, index, "harbour")
    assert await index.has([f"clip-{number}" for number in range(8)]) == {f"clip-{number}" for number in range(8)}


async def test_a_second_index_on_the_folder_sees_and_writes_at_once(index: ClipIndex, tmp_path: Path) -> None:
    other = ClipIndex(tmp_path / "index", ColourEmbedder())
    assert (await find(other, "red")).total_clips == 0
    await put(index, make_clip("first"), always(plain("red")))
    assert ids(await find(other, "red")) == ["first"]
    await put(other, make_clip("second"), always(plain("red")))
    assert sorted(ids(await find(index, "red"))) == ["first", "second"]
    await other.remove("first")
    assert ids(await find(index, "red")) == ["second"]
    await other.close()


WRITER = """
import sys, anyio
from pathlib import Path
sys.path.insert(0, {tests!r})
from index_kit import always, make_clip, plain, put
from ltx_mcp.index.schema import frames_name
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex
async def main():
    index = ClipIndex(Path({folder!r}), ColourEmbedder())
    for number in range(6):
        await put(index, make_clip(f"{who}-{{number}}"), always(plain("red")))
        await put(index, make_clip(f"shared-{{number}}"), always(plain("blue")))
anyio.run(main)
"""


@pytest.mark.slow
async def test_processes_that_write_at_once_lose_nothing_and_double_nothing(index: ClipIndex, tmp_path: Path) -> None:
    tests, folder = str(Path(__file__).parent), str(tmp_path / "index")
    programs = [WRITER.format(tests=tests, folder=folder, who=who) for who in ("ann", "bob")]
    running = [subprocess.Popen([sys.executable, "-c", program]) for program in programs]
    try:
        assert [await anyio.to_thread.run_sync(process.wait, 55) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
    known = await index.known()
    assert set(known) == {f"{who}-{number}" for who in ("ann", "bob", "shared") for number in range(6)}
    assert {clip.frames for clip in known.values()} == {9}


async def test_tending_keeps_every_row_findable(index: ClipIndex) -> None:
    for number in range(5):
        await put(index, make_clip(f"clip-{number}", "harbour"), always(plain("red")))
    await index.optimize()
    assert len(ids(await find(index, "harbour", limit=20))) == 5
    await put(index, make_clip("later", "harbour"))
    assert "later" in ids(await find(index, "harbour", limit=20))


async def test_an_eye_that_cannot_be_loaded_leaves_the_words(tmp_path: Path) -> None:
    class Broken(ColourEmbedder):
        def background(self) -> Background:
            raise ModelUnavailable("No memory is left.", "Close something.")

    index = ClipIndex(tmp_path / "index", Broken())
    await put(index, make_clip("one", "a red wall"), always(plain("red")))
    found = await find(index, "red wall")
    assert ids(found) == ["one"]
    assert "Searched by words only. No memory is left. Close something." in found.note
    with pytest.raises(ModelUnavailable):
        await find(index, image=plain("red"))
    await index.close()


async def test_an_index_of_a_newer_version_is_left_alone_and_told_of_once(index: ClipIndex, tmp_path: Path) -> None:
    await put(index, make_clip("one"))
    await index.close()
    newer = tmp_path / "index" / "clips_v99_some-model-of-tomorrow.lance"
    newer.mkdir()
    older = ClipIndex(tmp_path / "index", ColourEmbedder())
    assert ids(await find(older, "one")) == ["one"]
    assert "newer ltx-mcp" in older.news()
    assert older.news() == ""
    assert newer.is_dir()
    await older.close()
