"""An embedder never takes the words down, and changing it costs no search anything."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest
from index_kit import always, find, ids, make_clip, plain, put, sampled

from ltx_mcp.archive.upkeep import Upkeep
from ltx_mcp.errors import IndexUnavailable, ModelUnavailable
from ltx_mcp.index.background import Background, Vectors
from ltx_mcp.index.embed import Embedder
from ltx_mcp.index.rebuild import embed_missing, match_words, reconcile
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame

pytestmark = pytest.mark.anyio
COLOURS = ("red", "green", "blue")
CLIPS = [make_clip(f"wall-{colour}", f"harbour {number}") for number, colour in enumerate(COLOURS)]


def look(clip: Clip) -> Samples:
    return sampled(clip, always(plain(clip.clip_id.removeprefix("wall-"))))


class Newer(ColourEmbedder):
    """Another embedder that sees the same."""

    model_id = "colours/shares@00000002"
    weights = "newer"

    def __init__(self) -> None:
        self.frames_seen = 0

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        self.frames_seen += len(frames)
        return super().embed_frames(frames)


class Eager(ColourEmbedder):
    """Everything that it is asked for is red."""

    def understands(self, text: str) -> bool:
        return True

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return super().embed_texts(["red" if text == "harbour" or not text.isascii() else text for text in texts])


class Missing(ColourEmbedder):
    """Weights that are not here."""

    weights = "ViT-B-32/not_here"

    @property
    def model_id(self) -> str:  # type: ignore[override]
        raise ModelUnavailable("The weights are not here.", "Get them.")

    def understands(self, text: str) -> bool:
        raise ModelUnavailable("The weights are not here.", "Get them.")

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        raise ModelUnavailable("The weights are not here.", "Get them.")


def remake(weights: str) -> Embedder | None:
    return {"stand-in": ColourEmbedder, "newer": Newer}.get(weights, lambda: None)()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    with anyio.fail_after(60):
        yield tmp_path / "index"


async def an_index(folder: Path, embedder: Embedder) -> ClipIndex:
    return ClipIndex(folder, embedder, remake)


async def seen_by(index: ClipIndex, colours: Sequence[str] = COLOURS) -> None:
    """Each wall is found by what it shows, for no prompt names a colour."""
    for colour in colours:
        found = await find(index, f"a {colour} wall")
        assert [(moment.clip_id, moment.matched) for moment in found.moments] == [(f"wall-{colour}", "vision")]


async def test_without_an_embedder_words_and_the_newest_are_found(folder: Path) -> None:
    index = await an_index(folder, Missing())
    await put(index, CLIPS[0], always(plain("red")))
    assert ids(await find(index)) == ["wall-red"]
    found = await find(index, "harbour")
    assert ids(found) == ["wall-red"]
    assert "Searched by words only. The weights are not here. Get them." in found.note
    with pytest.raises(ModelUnavailable):
        await find(index, image=plain("red"))
    await index.close()


async def test_what_was_added_without_an_embedder_is_seen_by_the_next(folder: Path) -> None:
    index = await an_index(folder, Missing())
    for clip in CLIPS:
        await put(index, clip)
    await index.close()
    index = await an_index(folder, ColourEmbedder())
    assert (await reconcile(index, CLIPS, look)).added == tuple(clip.clip_id for clip in CLIPS)
    await seen_by(index)
    await index.close()


async def test_an_embedder_that_is_gone_is_replaced_by_the_one_before(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    await index.close()
    index = await an_index(folder, Missing())
    await seen_by(index)
    await index.close()


async def test_frames_that_cannot_be_read_leave_the_words_and_a_reconcile_heals_them(folder: Path) -> None:
    index = await an_index(folder, Eager())
    await reconcile(index, CLIPS, look)
    for path in folder.glob("frames_*/data/*"):
        path.write_bytes(b"damaged" * 20)
    found = await find(index, "harbour")
    assert len(ids(found)) == 3
    assert "Searched by words only. The search index cannot be read" in found.note
    assert index.frames_are_damaged
    with pytest.raises(IndexUnavailable):
        await find(index, image=plain("red"))
    await reconcile(index, CLIPS, look)
    assert not index.frames_are_damaged
    await seen_by(index)
    await index.close()


@pytest.mark.parametrize("query", ["🦜", "…!?", "___", "\u202e", "🦜🎬 ¿"])
async def test_a_query_without_letters_finds_nothing_rather_than_anything(folder: Path, query: str) -> None:
    index = await an_index(folder, Eager())
    await put(index, CLIPS[0], always(plain("red")))
    found = await find(index, query)
    assert not found.moments
    assert "no letters" in found.note
    assert ids(await find(index, query, image=plain("red"))) == ["wall-red"], "beside an image it is left out"
    await index.close()


async def test_searches_use_the_old_frames_until_the_new_ones_are_whole(folder: Path) -> None:
    index, newer = await an_index(folder, ColourEmbedder()), Newer()
    await reconcile(index, CLIPS, look)
    index.use(newer)

    def while_embedding(clip: Clip) -> Samples:
        anyio.from_thread.run(seen_by, index)
        assert index.unseen == 0
        return look(clip)

    await embed_missing(index, CLIPS, while_embedding)
    assert newer.frames_seen >= 3 * 9
    assert await index.missing() == set()
    await seen_by(index)
    assert len(list(folder.glob("frames_*"))) == 2, "the old frames stay"
    await index.close()


async def test_a_clip_that_is_added_meanwhile_is_found_at_once_and_not_missed_later(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await reconcile(index, CLIPS[:2], look)
    index.use(Newer())
    await put(index, CLIPS[2], always(plain("blue")))
    await seen_by(index)
    assert await index.missing() == {"wall-red", "wall-green"}
    await index.close()


async def test_a_switch_that_was_cut_short_goes_on_in_the_next_process(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    index.use(Newer())

    def cut_short(clip: Clip) -> Samples:
        if clip is CLIPS[1]:
            raise IndexUnavailable("The disk is full.", "Make room.")
        return look(clip)

    with pytest.raises(IndexUnavailable):
        await embed_missing(index, CLIPS, cut_short)
    await seen_by(index)
    await index.close()
    index = await an_index(folder, Newer())
    await seen_by(index)
    assert (await embed_missing(index, CLIPS, look)).added == ("wall-green", "wall-blue")
    await seen_by(index)
    await index.close()


async def test_two_processes_share_the_work_of_a_switch(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    one, two = await an_index(folder, Newer()), await an_index(folder, Newer())

    def while_the_other_does_two(clip: Clip) -> Samples:
        if clip is CLIPS[0]:
            anyio.from_thread.run(partial(embed_missing, two, CLIPS[1:], look, begin=0.5))
        return look(clip)

    assert (await embed_missing(one, CLIPS, while_the_other_does_two)).added == ("wall-red",)
    for each in (one, two):
        await seen_by(each)
        assert await each.missing() == set()
        await each.close()
    await index.close()


async def test_changing_back_embeds_nothing(folder: Path) -> None:
    for embedder in (ColourEmbedder(), Newer()):
        index = await an_index(folder, embedder)
        await reconcile(index, CLIPS, look)
        await index.close()
    index = await an_index(folder, ColourEmbedder())
    assert (await reconcile(index, CLIPS, look)).added == ()
    await seen_by(index)
    await index.close()


async def test_what_unused_embedders_saw_can_be_dropped(folder: Path) -> None:
    for embedder in (ColourEmbedder(), Newer()):
        index = await an_index(folder, embedder)
        await reconcile(index, CLIPS, look)
        await index.close()
    index = ClipIndex(folder, World(), remake, specialist=Newer())
    assert len(list(folder.glob("frames_*"))) == 2
    assert await index.drop_unused() == [ColourEmbedder.model_id]
    assert await index.drop_unused() == []
    await index.close()


async def test_frames_of_another_file_are_stale_and_those_of_another_title_are_not(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    renamed = CLIPS[0].model_copy(update={"title": "birthday"})
    remade = CLIPS[1].model_copy(update={"sha256": "1" * 64})
    await match_words(index, [renamed, remade, CLIPS[2]])
    assert ids(await find(index, "birthday")) == ["wall-red"]
    assert await index.missing() == {"wall-green"}
    await index.close()


async def test_a_clip_whose_frames_cannot_be_had_does_not_hold_the_switch_up(folder: Path) -> None:
    index, newer = await an_index(folder, ColourEmbedder()), Newer()
    await reconcile(index, CLIPS, look)
    index.use(newer)

    def broken(clip: Clip) -> Samples:
        if clip is CLIPS[0]:
            raise ValueError("cut off")
        return look(clip)

    assert (await embed_missing(index, CLIPS, broken)).failed == {"wall-red": "cut off"}
    assert await index.missing() == set()
    await seen_by(index, COLOURS[1:])
    await index.close()


async def test_a_removed_clip_leaves_the_frames_of_every_embedder(folder: Path) -> None:
    for embedder in (ColourEmbedder(), Newer()):
        index = await an_index(folder, embedder)
        await reconcile(index, CLIPS, look)
        await index.remove("wall-red")
        await index.close()
    for embedder in (ColourEmbedder(), Newer()):
        index = await an_index(folder, embedder)
        assert "wall-red" not in await index._switch.seen(embedder)
        await index.close()


async def test_upkeep_embeds_in_the_background_and_survives_what_goes_wrong(folder: Path) -> None:
    index = await an_index(folder, ColourEmbedder())
    await match_words(index, CLIPS)
    broken: list[Callable[[Clip], Samples]] = [look]

    async def clips() -> list[Clip]:
        return CLIPS

    def read(clip: Clip) -> Samples:
        return broken[0](clip)

    def no_disk(clip: Clip) -> Samples:
        raise IndexUnavailable("The disk is full.", "Make room.")

    async with anyio.create_task_group() as tasks:
        upkeep = Upkeep(index, clips, read, tasks)
        broken[0] = no_disk
        upkeep.start()
        await upkeep.settled(30)
        assert await index.missing() == {clip.clip_id for clip in CLIPS}
        broken[0] = look
        upkeep.start()
        upkeep.start()
        await upkeep.settled(30)
        assert upkeep.progress is None
        await seen_by(index)
        upkeep.stop()
        upkeep.start()
        assert upkeep.progress is None
    await index.close()


class Drawn(ColourEmbedder):
    """Knows the clips of one video model, and nothing else."""

    model_id = "colours/drawn@00000003"
    weights = "drawn"
    models = frozenset({"micro"})


class World(ColourEmbedder):
    """Understands everything, and sees nothing in drawings."""

    model_id = "colours/world@00000004"
    weights = "world"

    def understands(self, text: str) -> bool:
        return True

    def background(self) -> Background:
        return replace(super().background(), vote_z=1e9)


MADE = [
    make_clip("wall-red", "harbour", model="micro"),
    make_clip("wall-green", "harbour", model="ltx-2.3"),
    make_clip("wall-blue", "harbour", model="ltx-2.3, micro, hibari-tts-0.2"),
]


async def found_by_the_specialist(index: ClipIndex) -> None:
    for colour, there in (("red", True), ("green", False), ("blue", True)):
        found = await find(index, f"a {colour} wall")
        assert ids(found) == ([f"wall-{colour}"] if there else []), colour
    assert len(ids(await find(index, "a harbour wall"))) == 3, "what it does not understand is asked of the other alone"


async def test_a_specialist_looks_at_the_clips_of_its_own_video_model_beside_the_wanted_embedder(folder: Path) -> None:
    index = ClipIndex(folder, World(), remake, specialist=Drawn())
    for clip in MADE:
        await put(index, clip, always(plain(clip.clip_id.removeprefix("wall-"))))
    await found_by_the_specialist(index)
    assert set(await index._switch.seen(Drawn())) == {"wall-red", "wall-blue"}
    assert not (await find(index, "a red wall", clip_id="wall-blue")).moments, "filters hold for it too"
    await index.close()


async def test_what_the_specialist_has_not_seen_is_embedded_for_it_too(folder: Path) -> None:
    index = ClipIndex(folder, World(), remake, specialist=Drawn())
    assert len((await reconcile(index, MADE, look)).added) == 3
    await found_by_the_specialist(index)
    assert (await reconcile(index, MADE, look)).added == ()
    await index.close()


async def test_a_specialist_is_no_second_leg_where_it_looks_at_everything_already(folder: Path) -> None:
    index = ClipIndex(folder, Drawn(), remake, specialist=Drawn())
    await put(index, MADE[1], always(plain("green")))
    assert ids(await find(index, "a green wall")) == ["wall-green"]
    assert await index._switch.specialist() is None
    await index.close()


async def test_a_specialist_that_cannot_be_had_is_not_missed(folder: Path) -> None:
    class Gone(Drawn):
        def understands(self, text: str) -> bool:
            raise ModelUnavailable("Gone.", "Get it.")

    index = ClipIndex(folder, ColourEmbedder(), remake, specialist=Gone())
    await reconcile(index, CLIPS, look)
    await seen_by(index)
    await index.close()


class General(ColourEmbedder):
    """Knows any picture, as far as its background says."""

    model_id = "colours/general@00000009"
    weights = "general"
    measured = 0

    def background(self) -> Background:
        self.measured += 1
        return replace(super().background(), domain=None, phrases=None)


async def test_what_unrelated_pairs_score_is_measured_once_and_kept_with_the_tables(folder: Path) -> None:
    embedders = [General(), General()]
    for embedder in embedders:
        index = ClipIndex(folder, embedder)
        await reconcile(index, CLIPS, look)
        for _ in range(2):
            assert ids(await find(index, "a red wall"))[0] == "wall-red"
        await index.close()
    assert [embedder.measured for embedder in embedders] == [1, 0]
