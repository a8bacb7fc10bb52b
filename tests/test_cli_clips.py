"""The commands for finished clips: list, view, open, export, update, delete and the trash."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from media_kit import CLIP_ID, archive, ffmpeg
from test_cli import run

from ltx_mcp.media.probe import probe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory with one clip."""
    with archive(tmp_path / "data"):
        pass
    return tmp_path / "data"


def test_clips_are_listed_by_kind_age_and_tag(folder: Path) -> None:
    def listed(*options: str) -> list[str]:
        return [clip["clip_id"] for clip in json.loads(run(folder, "clips", "--json", *options).stdout)]

    assert run(folder, "update", CLIP_ID, "--tag", "Demo").returncode == 0
    assert listed() == [CLIP_ID]
    assert listed("--kind", "generated", "--since", "2026-11-01", "--tag", "demo") == [CLIP_ID]
    for nothing in (["--kind", "imported"], ["--since", "2100-01-01"], ["--tag", "other"]):
        assert listed(*nothing) == []
    assert "No clip is like that" in run(folder, "clips", "--tag", "other").stdout
    assert run(folder, "clips", "--since", "yesterday").returncode == 2


def test_a_person_exports_into_any_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    done = run(folder, "export", f"{CLIP_ID}@0.5-1.5", "out", "--name", "ball")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == tmp_path / "out" / "ball.mp4"
    assert probe(tmp_path / "out" / "ball.mp4").frames == 10
    missing = run(folder, "export", CLIP_ID, "nowhere")
    assert missing.returncode == 2
    assert "not a folder" in missing.stderr


def test_verify_says_what_a_file_is_and_what_it_carries(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "clips" / CLIP_ID / "video.mp4", tmp_path / "copy.mp4")
    done = run(folder, "verify", str(tmp_path / "copy.mp4"))
    assert done.returncode == 0, done.stderr
    assert f"The same file: {CLIP_ID}" in done.stdout
    assert "carries no manifest" in done.stdout
    ffmpeg("-i", tmp_path / "copy.mp4", "-crf", 30, tmp_path / "another.mp4")
    found = json.loads(run(folder, "verify", str(tmp_path / "another.mp4"), "--json").stdout)
    assert (found["clips"], found["manifest"]["state"]) == ([], "none"), "frames of one colour are like nothing"
    assert run(folder, "verify", str(tmp_path / "gone.mp4")).returncode == 2


def test_view_says_where_the_image_is_and_what_it_found(folder: Path) -> None:
    done = run(folder, "view", CLIP_ID, "--at", "1.0", "--json")
    found = json.loads(done.stdout)
    assert Path(found["path"]).read_bytes()[:2] == b"\xff\xd8"
    assert found["clips"][0]["frames_at_s"] == [1.0]
    Path(found["path"]).unlink()


def test_open_starts_the_systems_player(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = tmp_path / "played"
    for name in ("xdg-open", "open"):
        opener = tmp_path / "bin" / name
        opener.parent.mkdir(exist_ok=True)
        opener.write_text(f'#!/bin/sh\necho "$1" > "{played}.part" && mv "{played}.part" "{played}"\n')
        opener.chmod(0o700)
    monkeypatch.setenv("PATH", f"{opener.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    done = run(folder, "open", CLIP_ID)
    assert done.returncode == 0, done.stderr
    limit = time.monotonic() + 20
    while not played.exists() and time.monotonic() < limit:
        os.sched_yield()
    assert played.read_text().strip() == done.stdout.strip() == str(folder / "clips" / CLIP_ID / "video.mp4")


def test_without_a_viewer_the_path_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = run(folder, "open", CLIP_ID)
    assert refused.returncode == 1
    assert "video.mp4" in refused.stderr
    assert run(folder, "open", CLIP_ID, "--print").returncode == 0


def test_update_changes_what_was_given_alone(folder: Path) -> None:
    run(folder, "update", CLIP_ID, "--title", "Der Ball", "--tag", "a", "--tag", "B")
    clip = json.loads(run(folder, "update", CLIP_ID, "--pinned", "--json").stdout)
    assert (clip["title"], clip["tags"], clip["pinned"]) == ("Der Ball", ["a", "b"], True)
    assert "is pinned" in run(folder, "delete", CLIP_ID).stderr
    clip = json.loads(run(folder, "update", CLIP_ID, "--no-pinned", "--no-tags", "--json").stdout)
    assert (clip["tags"], clip["pinned"]) == ([], False)
    assert "Nothing is to be changed" in run(folder, "update", CLIP_ID).stderr
    assert "--title = ' ' cannot be used" in run(folder, "update", CLIP_ID, "--title", " ").stderr


def test_what_is_deleted_is_listed_restored_and_emptied(folder: Path) -> None:
    assert "trash --restore" in run(folder, "delete", CLIP_ID).stdout
    assert json.loads(run(folder, "clips", "--json").stdout) == []
    assert [row["clip_id"] for row in json.loads(run(folder, "trash", "--json").stdout)] == [CLIP_ID]
    assert run(folder, "trash", "--restore", CLIP_ID).returncode == 0
    assert [clip["clip_id"] for clip in json.loads(run(folder, "clips", "--json").stdout)] == [CLIP_ID]
    assert "It is empty" in run(folder, "trash", "--restore", CLIP_ID).stderr
    run(folder, "delete", CLIP_ID)
    assert "1 clips deleted" in run(folder, "trash", "--empty").stdout
    assert "empty" in run(folder, "trash").stdout
