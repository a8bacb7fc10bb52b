"""The archive in the user's hands: titles, pins and tags change, and what was deleted comes back for 30 days."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from media_kit import CLIP_ID, archive
from pydantic import ValidationError

from ltx_mcp.archive.library import Library
from ltx_mcp.archive.trash import KEEP_DAYS, Trash
from ltx_mcp.errors import ArchiveError, BadInput, NotFound
from ltx_mcp.types.clips import MAX_TAGS, ClipChange

NOON = 1_800_000_000.0
DAY_S = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with archive(tmp_path / "data") as library:
        yield library


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def trash(tmp_path: Path, library: Library, clock: Clock) -> Trash:
    return Trash(tmp_path / "data", library.clips_dir, clock)


def test_what_a_user_says_of_a_clip_is_kept_and_its_files_stay(library: Library) -> None:
    before = library.get(CLIP_ID)
    video = before.path.read_bytes()
    library.update(CLIP_ID, ClipChange(title="Der Ball", pinned=True, tags=("Summer", "b roll")))
    library.update(CLIP_ID, ClipChange(tags=("autumn",)))
    after = library.get(CLIP_ID)
    assert (after.title, after.pinned, after.tags) == ("Der Ball", True, ("autumn",))
    assert after.model_copy(update={"title": before.title, "pinned": False, "tags": ()}) == before
    assert after.path.read_bytes() == video
    assert sorted(path.name for path in after.path.parent.iterdir()) == ["clip.json", "sheet.jpg", "video.mp4"]


def test_a_clip_of_before_tags_is_read(library: Library) -> None:
    sidecar = library.clips_dir / CLIP_ID / "clip.json"
    fields = json.loads(sidecar.read_text(encoding="utf-8"))
    del fields["pinned"], fields["tags"]
    sidecar.write_text(json.dumps(fields), encoding="utf-8")
    assert library.get(CLIP_ID).tags == ()


def test_tags_are_small_words_once_each() -> None:
    assert ClipChange(tags=(" Summer ", "summer", "Été")).tags == ("summer", "été")
    for wrong in ([""], ["x" * 41], [str(number) for number in range(MAX_TAGS + 1)]):
        with pytest.raises(ValidationError):
            ClipChange.model_validate({"tags": wrong})
    with pytest.raises(ValidationError):
        ClipChange(title=" ")


def test_changing_a_clip_that_is_not_there_names_the_nearest(library: Library) -> None:
    with pytest.raises(NotFound, match=CLIP_ID):
        library.update("red-ball-3f9k2m7z", ClipChange(pinned=True))


def test_a_deleted_clip_is_gone_and_comes_back_as_it_was(library: Library, trash: Trash) -> None:
    before, video = library.get(CLIP_ID), library.get(CLIP_ID).path.read_bytes()
    trash.put(CLIP_ID)
    assert library.clip_ids() == []
    [deleted] = trash.deleted()
    assert deleted.clip.clip_id == CLIP_ID
    assert deleted.clip.path.is_file()
    assert (deleted.restorable_until - deleted.deleted_at).days == KEEP_DAYS
    assert trash.restore(CLIP_ID) == before
    assert library.get(CLIP_ID).path.read_bytes() == video
    assert trash.deleted() == []


def test_a_pinned_clip_is_not_deleted(library: Library) -> None:
    library.update(CLIP_ID, ClipChange(pinned=True))
    with pytest.raises(BadInput, match="is pinned"):
        library.delete(CLIP_ID)
    library.update(CLIP_ID, ClipChange(pinned=False))
    library.delete(CLIP_ID)
    assert library.trash.deleted()


def test_a_clip_stays_restorable_for_thirty_days_and_no_longer(library: Library, trash: Trash, clock: Clock) -> None:
    trash.put(CLIP_ID)
    clock.now += KEEP_DAYS * DAY_S - 1
    trash.purge()
    assert len(trash.deleted()) == 1
    clock.now += 1
    trash.purge()
    assert trash.deleted() == []
    with pytest.raises(NotFound, match="It is empty"):
        trash.restore(CLIP_ID)


def test_the_archive_purges_its_trash_when_it_is_opened(library: Library, trash: Trash, clock: Clock) -> None:
    clock.now = 0.0
    trash.put(CLIP_ID)
    library.clean_staging()
    assert library.trash.deleted() == []


def test_deleted_clips_do_not_count_for_the_quota(library: Library) -> None:
    assert library.quota.used_bytes() > 0
    library.delete(CLIP_ID)
    assert library.quota.used_bytes() == 0


@pytest.mark.parametrize("clip_id", ["red-ball-3f9k2m7z", "../../etc", "", "x" * 500])
def test_what_is_not_in_the_trash_is_named(library: Library, trash: Trash, clip_id: str) -> None:
    trash.put(CLIP_ID)
    with pytest.raises(NotFound, match=CLIP_ID):
        trash.restore(clip_id)


def test_a_clip_that_was_made_again_meanwhile_is_not_written_over(library: Library, trash: Trash) -> None:
    trash.put(CLIP_ID)
    (library.clips_dir / CLIP_ID).mkdir()
    with pytest.raises(BadInput, match="in the archive already"):
        trash.restore(CLIP_ID)
    assert trash.deleted()


def test_two_deletions_of_one_clip_are_one(library: Library, trash: Trash) -> None:
    trash.put(CLIP_ID)
    with pytest.raises(NotFound, match="in the trash already"):
        trash.put(CLIP_ID)


def test_a_damaged_clip_can_be_deleted_and_does_not_hide_the_rest(library: Library, trash: Trash) -> None:
    (library.clips_dir / CLIP_ID / "clip.json").write_text("{")
    library.delete(CLIP_ID)
    assert trash.deleted() == []
    with pytest.raises(ArchiveError):
        trash.restore(CLIP_ID)


def test_the_trash_can_be_emptied(library: Library, trash: Trash) -> None:
    trash.put(CLIP_ID)
    assert trash.empty() == 1
    assert trash.deleted() == []
    assert trash.empty() == 0
