"""Draft latents: exact, private, and deleted with their clip or after their days."""

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from ltx_mcp.archive.draft_latents import DAY_S, DraftLatents, KeptDraft, digests
from ltx_mcp.engine.base import Latents
from ltx_mcp.errors import NotFound

CLIP = "red-ball-0123abcd"
OTHER = "blue-ball-0123abce"


def a_draft(seed: int = 1) -> KeptDraft:
    rng = np.random.default_rng(seed)
    video, audio = rng.standard_normal((1, 8, 3, 4, 6), np.float32), rng.standard_normal((1, 4, 9, 4), np.float32)
    return KeptDraft(Latents(video, audio), "micro", ("00ff",))


def draft_latents(
    folder: Path, days: float = 7, clips: tuple[str, ...] = (CLIP, OTHER), later_s: float = 0
) -> DraftLatents:
    return DraftLatents(folder, days, lambda: clips, lambda: time.time() + later_s)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "draft_latents").iterdir())


def test_what_is_kept_comes_back_bit_for_bit(tmp_path: Path) -> None:
    made = a_draft()
    draft_latents(tmp_path).keep(CLIP, made)
    found = draft_latents(tmp_path).get(CLIP)
    assert (found.model, found.inputs) == (made.model, made.inputs)
    assert found.latents.video.tobytes() == made.latents.video.tobytes()
    assert found.latents.audio.tobytes() == made.latents.audio.tobytes()
    assert found.latents.video.shape == made.latents.video.shape


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    draft_latents(tmp_path).keep(CLIP, a_draft())
    [path] = (tmp_path / "draft_latents").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("days", [0, 7])
def test_it_goes_with_its_days_and_zero_keeps_none(tmp_path: Path, days: float) -> None:
    draft_latents(tmp_path, days).keep(CLIP, a_draft())
    if days == 0:
        assert not (tmp_path / "draft_latents").exists()
        return
    kept = draft_latents(tmp_path, days, later_s=days * DAY_S + 60)
    assert files(tmp_path) == []
    assert not kept.has(CLIP)
    with pytest.raises(NotFound, match="are not kept"):
        kept.get(CLIP)


def test_it_goes_an_hour_after_its_clip_which_may_just_be_published(tmp_path: Path) -> None:
    draft_latents(tmp_path).keep(CLIP, a_draft())
    draft_latents(tmp_path, clips=(OTHER,)).keep(OTHER, a_draft())
    assert files(tmp_path) == [f"{OTHER}.safetensors", f"{CLIP}.safetensors"]
    draft_latents(tmp_path, clips=(OTHER,), later_s=3700)
    assert files(tmp_path) == [f"{OTHER}.safetensors"]


def test_it_can_be_removed_twice(tmp_path: Path) -> None:
    kept = draft_latents(tmp_path)
    kept.keep(CLIP, a_draft())
    assert kept.has(CLIP)
    kept.remove(CLIP)
    kept.remove(CLIP)
    assert not kept.has(CLIP)


def test_what_a_dead_process_left_half_written_goes_after_an_hour(tmp_path: Path) -> None:
    draft_latents(tmp_path).keep(CLIP, a_draft())
    for name, age_s in (("old.1.staged", 4000), ("young.2.staged", 60)):
        path = tmp_path / "draft_latents" / name
        path.write_bytes(b"")
        os.utime(path, (path.stat().st_mtime - age_s,) * 2)
    draft_latents(tmp_path)
    assert files(tmp_path) == [f"{CLIP}.safetensors", "young.2.staged"]


def test_a_damaged_file_is_as_good_as_gone(tmp_path: Path) -> None:
    kept = draft_latents(tmp_path)
    kept.keep(CLIP, a_draft())
    (tmp_path / "draft_latents" / f"{CLIP}.safetensors").write_bytes(b"\x08" * 40)
    with pytest.raises(NotFound):
        kept.get(CLIP)


def test_a_disk_that_cannot_be_written_costs_no_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "draft_latents").write_text("a file where the folder should be")
    draft_latents(tmp_path).keep(CLIP, a_draft())
    assert "could not be kept" in caplog.text


def test_digests_tell_images_and_shapes_apart() -> None:
    one = np.zeros((2, 8, 3), np.uint8)
    assert len(set(digests([one, one.reshape(8, 2, 3), one + 1]))) == 3
    assert digests([one]) == digests([one.copy()])
