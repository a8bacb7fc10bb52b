"""The sidecars are the truth: whatever happens to the index, a reconcile makes it match them again."""

import logging
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import anyio
import pytest
from index_kit import always, find, ids, make_clip, plain, put, sampled

from ltx_mcp.errors import IndexUnavailable, MediaError, ModelUnavailable
from ltx_mcp.index.background import Vectors
from ltx_mcp.index.rebuild import ReconcileReport, reconcile
from ltx_mcp.index.sample import Samples
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.frames import Frame

pytestmark = pytest.mark.anyio
COLOURS = ("red", "green", "blue")
CLIPS = [make_clip(f"wall-{colour}", f"a wall {number}") for number, colour in enumerate(COLOURS)]


def look(clip: Clip) -> Samples:
    return sampled(clip, always(plain(clip.clip_id.removeprefix("wall-"))))


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    with anyio.fail_after(60):
        yield tmp_path / "an index # 1"


async def reconciled(folder: Path, clips: list[Clip], embedder: ColourEmbedder | None = None) -> ReconcileReport:
    index = ClipIndex(folder, embedder or ColourEmbedder())
    report = await reconcile(index, clips, look)
    for clip in clips:
        assert ids(await find(index, clip.clip_id.removeprefix("wall-"))) == [clip.clip_id]
    await index.close()
    return report


async def test_what_is_missing_is_added_and_a_second_time_there_is_nothing_to_do(folder: Path) -> None:
    assert await reconciled(folder, CLIPS[:2]) == ReconcileReport(added=("wall-red", "wall-green"))
    assert await reconciled(folder, CLIPS) == ReconcileReport(added=("wall-blue",))
    assert await reconciled(folder, CLIPS) == ReconcileReport()


async def test_a_clip_that_is_gone_leaves_the_index(folder: Path) -> None:
    await reconciled(folder, CLIPS)
    assert await reconciled(folder, CLIPS[1:]) == ReconcileReport(removed=("wall-red",))
    index = ClipIndex(folder, ColourEmbedder())
    assert not (await find(index, "red")).moments
    assert set(await index.known()) == {"wall-green", "wall-blue"}
    await index.close()


async def test_a_clip_published_after_the_listing_stays(folder: Path) -> None:
    index = ClipIndex(folder, ColourEmbedder())
    await put(index, make_clip("wall-red"), always(plain("red")))
    assert await reconcile(index, [], look, is_published=lambda clip_id: clip_id == "wall-red") == ReconcileReport()
    assert await index.has(["wall-red"]) == {"wall-red"}
    await index.close()


async def test_a_clip_whose_files_changed_is_written_anew(folder: Path) -> None:
    await reconciled(folder, CLIPS)
    moved = CLIPS[0].model_copy(update={"path": Path("/elsewhere/video.mp4")})
    assert await reconciled(folder, [moved, *CLIPS[1:]]) == ReconcileReport(added=("wall-red",))
    index = ClipIndex(folder, ColourEmbedder())
    assert (await find(index, "red")).moments[0].path == Path("/elsewhere/video.mp4")
    await index.close()


async def test_a_clip_that_cannot_be_read_is_skipped_by_name_and_the_rest_goes_on(folder: Path) -> None:
    def picky(clip: Clip) -> Samples:
        if clip.clip_id == "wall-green":
            raise MediaError("The video is cut short.", "Delete it.")
        return look(clip)

    index = ClipIndex(folder, ColourEmbedder())
    report = await reconcile(index, CLIPS, picky)
    assert report.added == ("wall-red", "wall-blue")
    assert report.failed == {"wall-green": "The video is cut short. Delete it."}
    assert await index.has([clip.clip_id for clip in CLIPS]) == {clip.clip_id for clip in CLIPS}
    assert ids(await find(index, "wall 1")) == ["wall-green"], "its words are still there"
    await index.close()


async def test_a_model_that_cannot_be_loaded_ends_it_at_once(folder: Path) -> None:
    def no_model(clip: Clip) -> Samples:
        raise ModelUnavailable("No weights.", "Get some.")

    with pytest.raises(ModelUnavailable):
        await reconcile(ClipIndex(folder, ColourEmbedder()), CLIPS, no_model)


async def test_tables_of_an_older_schema_go(folder: Path) -> None:
    await reconciled(folder, CLIPS)
    shutil.copytree(folder / "clips_v2.lance", folder / "clips_v1_some-model.lance")
    await reconciled(folder, CLIPS)
    assert sorted(path.name for path in folder.glob("clips_*")) == ["clips_v2.lance"]


async def test_frames_that_were_lost_are_written_again(folder: Path) -> None:
    await reconciled(folder, CLIPS)
    shutil.rmtree(next(folder.glob("frames_*")))
    assert len((await reconciled(folder, CLIPS)).added) == 3


def files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.rglob(pattern) if path.is_file()]


def overwrite(pattern: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for path in files(folder, pattern):
            path.write_bytes(b"damaged" * 20)

    return damage


def remove(pattern: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for path in files(folder, pattern):
            path.unlink()

    return damage


def into_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("not a folder")


DAMAGE = {
    "manifests overwritten": overwrite("*.manifest"),
    "manifests removed": remove("*.manifest"),
    "clips' data overwritten": overwrite("clips_*/data/*"),
    "frames' data overwritten": overwrite("frames_*/data/*"),
    "frames' data removed": remove("frames_*/data/*"),
    "word index overwritten": overwrite("clips_*/_indices/**/*"),
    "everything overwritten": overwrite("*"),
    "a file in place of the folder": into_a_file,
    "the folder removed": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
async def test_a_damaged_index_is_rebuilt_with_nothing_lost(folder: Path, damage: Callable[[Path], None]) -> None:
    await reconciled(folder, CLIPS)
    damage(folder)
    await reconciled(folder, CLIPS)
    index = ClipIndex(folder, ColourEmbedder())
    assert len(ids(await find(index, "wall", limit=20))) == 3
    await index.close()


async def test_a_damaged_table_goes_with_a_line_in_the_log_and_the_frames_stay(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await reconciled(folder, CLIPS)
    overwrite("clips_*/**/*.manifest")(folder)
    index = ClipIndex(folder, NeverAgain())
    with caplog.at_level(logging.WARNING):
        assert (await reconcile(index, CLIPS, look)).added == tuple(clip.clip_id for clip in CLIPS)
    assert "the table of clips" in caplog.text
    assert ids(await find(index, "a red wall"))[0] == "wall-red"
    await index.close()


class NeverAgain(ColourEmbedder):
    """Of frames that have been embedded already."""

    def embed_frames(self, frames: Sequence[Frame]) -> Vectors:
        assert len(frames) == 24, "only the frames of the background"
        return super().embed_frames(frames)


async def test_an_index_that_opens_in_no_way_is_moved_aside_with_a_line_in_the_log(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        await reconciled(folder, CLIPS)
    assert "moved aside" in caplog.text
    assert folder.with_name(f"{folder.name}.damaged").is_file()


async def test_an_index_that_breaks_while_it_is_open_starts_empty_and_is_filled_again(folder: Path) -> None:
    index = ClipIndex(folder, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    overwrite("frames_*/data/*")(folder)
    overwrite("clips_*/data/*")(folder)
    found = await find(index, "wall")
    assert found.total_clips == 0
    assert "damaged" in found.note
    assert "ltx-mcp reindex" in found.note
    assert len((await reconcile(index, CLIPS, look)).added) == 3
    await index.close()


async def test_two_reconciles_at_once_both_succeed(folder: Path) -> None:
    one, two = ClipIndex(folder, ColourEmbedder()), ClipIndex(folder, ColourEmbedder())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reconcile, one, CLIPS, look)
        tasks.start_soon(reconcile, two, CLIPS, look)
    for index in (one, two):
        assert {clip_id: clip.frames for clip_id, clip in (await index.known()).items()} == {
            clip.clip_id: 9 for clip in CLIPS
        }
        await index.close()


async def test_an_index_in_an_object_store_is_never_dropped_for_a_fault_that_may_be_the_network_s(
    tmp_path: Path,
) -> None:
    uri = f"file://{tmp_path}/store"
    index = ClipIndex(uri, ColourEmbedder())
    await reconcile(index, CLIPS, look)
    assert ids(await find(index, "red wall"))[0] == "wall-red"
    await index.close()
    store = tmp_path / "store"
    hidden = {path: path.read_bytes() for path in files(store, "*.manifest")}
    overwrite("*.manifest")(store)
    with pytest.raises(IndexUnavailable, match="reindex"):
        await find(index, "red wall")
    for path, kept in hidden.items():
        path.write_bytes(kept)
    assert ids(await find(index, "red wall"))[0] == "wall-red"
    await index.reset()
    assert not (await find(index, "red wall")).total_clips
    await index.close()
