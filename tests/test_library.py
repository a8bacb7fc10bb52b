"""The archive: whole clips or none, found again by any process, and nothing lost when something fails."""

import errno
import hashlib
import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ltx_mcp.archive.clip_id import new_clip_id
from ltx_mcp.archive.library import Library
from ltx_mcp.archive.sidecar import CLIP_ID, storing
from ltx_mcp.errors import ArchiveError, NotFound
from ltx_mcp.jobs.process_lock import ProcessLock
from ltx_mcp.types.clips import Clip, ClipFacts, Provenance, Verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
VIDEO = b"not a real film, but bytes" * 40
SHEET = b"\xff\xd8 nine frames"


def facts(prompt: str = "a red ball", **changes: Any) -> ClipFacts:
    known: dict[str, Any] = {
        "kind": "generated",
        "prompt": prompt,
        "title": "Ein roter Ball, 赤いボール",
        "width": 416,
        "height": 240,
        "fps": 24.0,
        "frames": 120,
        "duration_s": 5.0,
        "has_audio": True,
        "codec": "h264",
        "seed": 7,
        "model": "micro",
        "recipe": "final",
        "created_at": NOON,
        "moderation": Verdict(verdict="passed", model="open-nsfw", max_score=0.1, frames_seen=11),
        "provenance": Provenance(),
        "requested": {"prompt": prompt, "aspect": "16:9"},
    }
    return ClipFacts(**{**known, **changes})


@pytest.fixture
def process_lock(tmp_path: Path) -> Iterator[ProcessLock]:
    with ProcessLock(tmp_path / "data") as process_lock:
        yield process_lock


@pytest.fixture
def library(tmp_path: Path, process_lock: ProcessLock) -> Library:
    return Library(tmp_path / "data", process_lock)


def staged_video(library: Library, job_id: str) -> Path:
    video = library.stage(job_id) / "video.mp4"
    video.write_bytes(VIDEO)
    return video


def publish(library: Library, prompt: str = "a red ball", **changes: Any) -> Clip:
    clip_id = new_clip_id(prompt)
    video = staged_video(library, f"job-{clip_id}")
    clip = library.publish(f"job-{clip_id}", clip_id, facts(prompt, **changes), video, SHEET)
    library.discard(f"job-{clip_id}")
    return clip


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# -- ids --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("A coastal city at dusk, waves", "coastal-city-at-dusk"),
        ("The   RED ball!", "red-ball"),
        ("Ein Über-Café", "ein-uber-cafe"),
        ("日本の海岸", "ri-ben-no-hai-an"),
        ("Кошка играет на пианино", "koshka-igraet-na-pianino"),
        ("一只红色的熊猫在竹林里吃竹子", "yi-zhi-hong-se-de-xiong-mao-zai-zhu-lin"),
        ("แมวกำลังเล่นเปียโน", "aemwkamlangelnepiyon"),
        ("🦜🦜", "clip"),
        ("\u202eevil\x1b[31m", "evil-31m"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "clip"),
        ("the a an", "clip"),
        ("Donaudampfschifffahrtsgesellschaftskapitänsmütze sinkt", "donaudampfschifffahrtsgesellschaftskapit"),
        ("👩‍🚀 3 astronauts", "3-astronauts"),
    ],
)
def test_an_id_starts_with_the_first_words_of_the_prompt(library: Library, prompt: str, slug: str) -> None:
    clip_id = new_clip_id(prompt)
    assert clip_id[:-9] == slug
    assert CLIP_ID.fullmatch(clip_id)


def test_ids_of_one_prompt_differ(library: Library) -> None:
    assert len({new_clip_id("a red ball") for _ in range(200)}) == 200


# -- publishing -------------------------------------------------------------------------------------


def test_a_published_clip_is_complete_and_comes_back_as_it_was(library: Library, tmp_path: Path) -> None:
    clip = publish(library)
    folder = tmp_path / "data" / "clips" / clip.clip_id
    assert files_under(folder) == ["clip.json", "sheet.jpg", "video.mp4"]
    assert (clip.path, clip.sheet_path) == (folder / "video.mp4", folder / "sheet.jpg")
    assert clip.path.read_bytes() == VIDEO
    assert clip.sheet_path.read_bytes() == SHEET
    assert (clip.bytes, clip.sha256) == (len(VIDEO), hashlib.sha256(VIDEO).hexdigest())
    assert clip.resource_uri == f"clip://{clip.clip_id}"
    assert clip.title == "Ein roter Ball, 赤いボール"
    assert not clip.searchable
    assert library.get(clip.clip_id) == clip
    assert library.all() == [clip]


def test_a_staged_clip_is_in_no_list_until_it_is_published(library: Library, tmp_path: Path) -> None:
    staged_video(library, "job-1")
    assert library.all() == []
    assert files_under(tmp_path / "data" / "clips") == []
    library.discard("job-1")
    assert files_under(tmp_path / "data" / "staging") == []


def test_a_second_library_on_the_same_folder_finds_the_clip(library: Library, tmp_path: Path) -> None:
    clip = publish(library)
    with ProcessLock(tmp_path / "data") as other:
        assert Library(tmp_path / "data", other).get(clip.clip_id) == clip


def test_a_data_directory_may_move(library: Library, tmp_path: Path) -> None:
    clip = publish(library)
    shutil.copytree(tmp_path / "data" / "clips", tmp_path / "elsewhere" / "clips")
    with ProcessLock(tmp_path / "elsewhere") as process_lock:
        moved = Library(tmp_path / "elsewhere", process_lock).get(clip.clip_id)
    assert moved.path == tmp_path / "elsewhere" / "clips" / clip.clip_id / "video.mp4"
    assert str(tmp_path) not in (moved.path.parent / "clip.json").read_text()


def test_the_archive_is_its_owners_alone(library: Library, tmp_path: Path) -> None:
    clip = publish(library)
    for folder in (tmp_path / "data", tmp_path / "data" / "clips", clip.path.parent, library.stage("job-2")):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_newest_comes_first(library: Library) -> None:
    for minutes in (5, 1, 9):
        publish(library, f"clip {minutes}", created_at=NOON + timedelta(minutes=minutes))
    assert [clip.prompt for clip in library.all()] == ["clip 9", "clip 5", "clip 1"]


def test_a_job_cannot_publish_what_is_not_in_its_folder(library: Library, tmp_path: Path) -> None:
    video = staged_video(library, "job-1")
    library.stage("job-2")
    for clip_id, path in (("../evil-00000000", video), ("fine-00000000", tmp_path / "film.mp4")):
        with pytest.raises(ValueError, match="not a clip id"):
            library.publish("job-1", clip_id, facts(), path, SHEET)
    with pytest.raises(ValueError, match="job-2"):
        library.publish("job-2", "fine-00000000", facts(), video, SHEET)
    with pytest.raises(ValueError, match="not a job id"):
        library.stage("../../up")


# -- when it fails ----------------------------------------------------------------------------------


def test_a_full_quota_names_the_numbers_and_loses_nothing(tmp_path: Path, process_lock: ProcessLock) -> None:
    library = Library(tmp_path / "data", process_lock, max_bytes=3000)
    first = publish(library)
    video = staged_video(library, "job-2")
    with pytest.raises(ArchiveError, match=r"0\.0 MB.*LTX_MCP_MAX_BYTES"):
        library.publish("job-2", new_clip_id("x"), facts(), video, b"x" * 1000)
    assert library.all() == [first]
    assert video.read_bytes() == VIDEO, "the render can still be saved once there is room"


def test_a_video_that_is_gone_is_an_error_and_no_clip(library: Library) -> None:
    video = library.stage("job-1") / "video.mp4"
    with pytest.raises(ArchiveError, match="could not be stored"):
        library.publish("job-1", "gone-00000000", facts(), video, SHEET)
    assert library.all() == []


def test_a_clip_that_does_not_fit_the_disk_is_an_error_and_no_clip(library: Library, tmp_path: Path) -> None:
    """Another process, whose files may not grow past 4 kB, publishes a clip whose sheet is larger."""
    kept = publish(library)
    script = f"""
import resource, signal
from pathlib import Path
from tests.test_library import ArchiveError, Library, ProcessLock, facts, staged_video
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with ProcessLock(Path({str(tmp_path / "data")!r})) as process_lock:
    library = Library(Path({str(tmp_path / "data")!r}), process_lock)
    video = staged_video(library, "job-1")
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        library.publish("job-1", "large-00000000", facts(), video, bytes(100_000))
    except ArchiveError as error:
        raise SystemExit(0 if "too large" in str(error) else 1)
raise SystemExit(2)
"""
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", script], cwd=root, timeout=60, check=False).returncode == 0
    assert library.all() == [kept]
    assert [path.name for path in (tmp_path / "data" / "clips").iterdir()] == [kept.clip_id]


def test_a_full_disk_says_to_free_some_space(tmp_path: Path, process_lock: ProcessLock) -> None:
    with pytest.raises(ArchiveError, match=r"No space left.*Free some disk space"), storing("Too bad"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_folder_that_cannot_be_the_archive_is_an_error(tmp_path: Path, process_lock: ProcessLock) -> None:
    (tmp_path / "file").write_text("I am a file")
    with pytest.raises(ArchiveError, match="cannot be used"):
        Library(tmp_path / "file", process_lock)


DAMAGE = {
    "empty": "",
    "no json": "{",
    "no object": "[]",
    "null": "null",
    "no fields": '{"schema": 1}',
    "newer": '{"schema": 99}',
    "binary": "\udcff",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_clip_hides_no_other(library: Library, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = publish(library), publish(library)
    (bad.path.parent / "clip.json").write_text(DAMAGE[damage], errors="surrogateescape")
    with caplog.at_level(logging.WARNING):
        assert library.all() == [good]
    assert bad.clip_id in caplog.text
    with pytest.raises(ArchiveError, match=bad.clip_id):
        library.get(bad.clip_id)


def test_a_clip_without_its_video_hides_no_other(library: Library) -> None:
    good, bad = publish(library), publish(library)
    bad.path.unlink()
    assert library.all() == [good]


def test_a_sidecar_cannot_point_outside_its_folder(library: Library) -> None:
    clip = publish(library)
    sidecar = clip.path.parent / "clip.json"
    fields = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps({**fields, "path": "/etc/passwd", "clip_id": "other-00000000"}))
    assert library.get(clip.clip_id).path == clip.path
    assert library.get(clip.clip_id).clip_id == clip.clip_id


def test_foreign_things_in_the_clips_folder_are_no_clips(library: Library, tmp_path: Path) -> None:
    (tmp_path / "data" / "clips" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "data" / "clips" / "My Films").mkdir()
    assert library.all() == []


# -- finding and removing ---------------------------------------------------------------------------


def test_a_wrong_id_is_answered_with_the_nearest(library: Library) -> None:
    clip, _ = publish(library, "a red ball"), publish(library, "storm over the sea")
    with pytest.raises(NotFound, match=rf"nearest ids are {clip.clip_id}"):
        library.get(clip.clip_id[:-1] + ("0" if clip.clip_id[-1] != "0" else "1"))


def test_an_empty_archive_says_so(library: Library) -> None:
    with pytest.raises(NotFound, match="empty"):
        library.get("red-ball-00000000")


@pytest.mark.parametrize(
    "clip_id",
    ["", ".", "..", "../clips", "a/b", "a\x00b", "-00000000", "x-0000000", "x-00000000\n", "x" * 9999, "x-ilou0000"],
)
def test_what_is_no_id_is_not_found(library: Library, clip_id: str) -> None:
    publish(library)
    with pytest.raises(NotFound):
        library.get(clip_id)


def test_a_removed_clip_is_gone_and_the_others_stay(library: Library, tmp_path: Path) -> None:
    gone, kept = publish(library), publish(library)
    library.remove(gone.clip_id)
    library.remove(gone.clip_id)
    library.remove("../staging")
    assert library.all() == [kept]
    assert files_under(tmp_path / "data" / "staging") == []


# -- several processes ------------------------------------------------------------------------------


def test_cleaning_leaves_living_processes_alone_and_clears_after_dead_ones(library: Library, tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from tests.test_library import Library, ProcessLock, staged_video
data = Path({str(tmp_path / "data")!r})
process_lock = ProcessLock(data)
print(staged_video(Library(data, process_lock), "job-1"), flush=True)
input()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        assert other.stdout is not None
        theirs, mine = Path(other.stdout.readline().strip()), staged_video(library, "job-1")
        library.clean_staging()
        assert theirs.read_bytes() == mine.read_bytes() == VIDEO
        other.kill()
        other.wait(30)
    library.clean_staging()
    assert not theirs.exists()
    assert mine.exists()
