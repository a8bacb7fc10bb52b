"""A data directory that cannot be written: what is there is found, looked at and listed; makers say why not."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from agents import SHORT, an_agent, data, text

pytestmark = pytest.mark.anyio

LIMIT_S = 60.0


Again = Callable[[], None]
"""Makes it writable again."""


@contextmanager
def no_bytes(folder: Path) -> Iterator[Again]:
    """No file of this process can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def again() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield again
    finally:
        again()


@contextmanager
def no_permission(folder: Path) -> Iterator[Again]:
    modes = {place: place.stat().st_mode for place in (folder, *folder.rglob("*")) if place.is_dir()}

    def again() -> None:
        for place, mode in modes.items():
            place.chmod(mode)

    for place in modes:
        place.chmod(0o500)
    try:
        if _can_write(folder):
            pytest.skip("this user may write everywhere")
        yield again
    finally:
        again()


@contextmanager
def full_disk(folder: Path) -> Iterator[Again]:
    """A small disk of its own, filled to the last byte."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    with _mounted(folder, "-t", "tmpfs", "-o", "size=8m", "tmpfs"):
        shutil.copytree(copy, folder, dirs_exist_ok=True)
        _fill(folder / "filler")
        yield (folder / "filler").unlink


@contextmanager
def read_only_disk(folder: Path) -> Iterator[Again]:
    with _mounted(folder, "--bind", str(folder)):
        _mount("-o", "remount,ro,bind", str(folder))
        yield lambda: _mount("-o", "remount,rw,bind", str(folder))


@contextmanager
def _mounted(folder: Path, *options: str) -> Iterator[None]:
    _mount(*options, str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=LIMIT_S)


def _mount(*options: str) -> None:
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, *options], capture_output=True, timeout=LIMIT_S).returncode:
        pytest.skip("this user may not mount disks")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (65_536, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue


def _can_write(folder: Path) -> bool:
    try:
        (folder / "probe").touch()
        (folder / "probe").unlink()
    except OSError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="its disks are tried by hand")
@pytest.mark.parametrize(
    "unwritable",
    [
        no_bytes,
        no_permission,
        pytest.param(full_disk, marks=pytest.mark.slow),
        pytest.param(read_only_disk, marks=pytest.mark.slow),
    ],
)
async def test_what_is_there_can_be_used_and_makers_say_the_remedy_until_it_can_be_written_again(
    tmp_path: Path, unwritable: Callable[[Path], AbstractContextManager[Again]]
) -> None:
    folder = tmp_path / "data"
    async with an_agent(folder) as agent:
        made = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))
        clip_id = made["clip"]["clip_id"]
        await agent.call_tool("search_clips", {"query": "circle"})  # the index is as good as it gets
    with unwritable(folder) as again:
        async with an_agent(folder) as agent:
            found = data(await agent.call_tool("search_clips", {"query": "circle"}))
            assert [moment["clip_id"] for moment in found["moments"]] == [clip_id]
            assert not (await agent.call_tool("view_clip", {"clip": clip_id})).is_error
            assert (await agent.read_resource(f"clip://{clip_id}/video")).contents
            assert data(await agent.call_tool("get_job", {"job_id": made["job_id"]}))["status"] == "succeeded"
            refused = await agent.call_tool("generate_video", {"prompt": "a blue square", **SHORT})
            assert refused.is_error
            assert any(remedy in text(refused) for remedy in ("free some space", "make it writable", "Check the disk"))
            again()
            more = data(await agent.call_tool("generate_video", {"prompt": "a blue square", **SHORT}))
            assert more["status"] == "succeeded"
            assert data(await agent.call_tool("search_clips", {}))["total_clips"] == 2
            assert len(data(await agent.call_tool("get_job", {}))["recent"]) == 2
