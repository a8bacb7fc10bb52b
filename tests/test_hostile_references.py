"""References that try to reach what they may not: each is refused with a remedy, in time, and leaves nothing behind."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from media_kit import CLIP_ID as ID
from media_kit import archive, encoded, leaving_nothing, write_counting

from ltx_mcp.archive.library import Library
from ltx_mcp.errors import BadInput, MediaError, NotFound, StudioError
from ltx_mcp.preparation.inputs import MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Inputs

SECRET = "tell-nobody"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with archive(tmp_path_factory.mktemp("archive") / "data") as library:
        yield library


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_counting(tmp_path_factory.mktemp("film") / "film.mp4").read_bytes()


def a_root(folder: Path, film: bytes) -> Path:
    """The allowed folder. Beside it lie an image and a film that are not allowed, which would open very well."""
    root = folder / "root"
    (root / "folder").mkdir(parents=True)
    (folder / f"{SECRET}.png").write_bytes(encoded())
    (folder / f"{SECRET}.mp4").write_bytes(film)
    (root / "text").write_bytes(b"hello")
    (root / "good.png").write_bytes(encoded())
    (root / "good.mp4").write_bytes(film)
    return root


@pytest.fixture
def root(tmp_path: Path, film: bytes) -> Path:
    return a_root(tmp_path, film)


Look = Callable[[str], object]


def both_ways_in(library: Library, *roots: Path) -> dict[str, Look]:
    inputs = Inputs(library, roots)
    return {"still": inputs.still, "video": inputs.video}


def assert_refused(look: Look, reference: str, folder: Path) -> StudioError:
    with leaving_nothing(folder), pytest.raises(StudioError) as refusal:
        look(reference)
    error = refusal.value
    assert isinstance(error, BadInput | MediaError)
    assert error.hint
    assert len(str(error)) < 2000
    assert not any(ord(character) < 32 for character in str(error))
    return error


def test_what_is_refused_below_would_open_if_it_were_allowed(library: Library, root: Path) -> None:
    inputs = Inputs(library, [root.parent])
    assert inputs.still(str(root.parent / f"{SECRET}.png")).shape == (6, 8, 3)
    assert inputs.video(str(root.parent / f"{SECRET}.mp4")).duration_s == pytest.approx(2.5)


# -- words ------------------------------------------------------------------------------------------

TEXTS = [
    *(f"{protocol}:ROOT/good.mp4" for protocol in ("concat", "file", "subfile", "crypto", "async", "cache", "tee")),
    *("concat:ROOT/good.mp4|ROOT/../tell-nobody.mp4", "subfile,,start,0,end,9,,:ROOT/good.mp4", "concatf:ROOT/text"),
    *("pipe:0", "pipe:", "fd:", "fd:0", "-", "unix:/tmp/socket", "md5:", "data:video/mp4;base64,AAAA", "lavfi:testsrc"),
    *("http://127.0.0.1/a.mp4", "https://example.com/a.mp4", "ftp://example.com/a.mp4", "rtmp://example.com/a"),
    *("rtsp://example.com/a", "rtp://239.0.0.1:1234", "udp://127.0.0.1:1234", "tcp://127.0.0.1:1", "srt://127.0.0.1:1"),
    *("smb://host/a.mp4", "sftp://host/a.mp4", "ipfs://Qm", "HTTP://EXAMPLE.COM/a.mp4", "file:///dev/../ROOT/gone"),
    *(
        "file://localhostROOT/good.mp4",
        "file://127.0.0.1ROOT/good.mp4",
        "file:////host/share/a.mp4",
        "FILE://ROOT/good.mp4",
    ),
    *(
        "file://ROOT/good.mp4?start=1",
        "file://ROOT/good.mp4#t=1,2",
        "file://ROOT/good%00.mp4",
        "file://ROOT/good%0A.mp4",
    ),
    *(
        "file://ROOT/%2e%2e/tell-nobody.mp4",
        "file://ROOT/..%2Ftell-nobody.png",
        "file://ROOT/%252e%252e/tell-nobody.mp4",
    ),
    *("file://ROOT/%FF.mp4", "file://ROOT/%C0%AE%C0%AE/tell-nobody.png", "file://ROOT/\u2025/tell-nobody.png"),
    *("ROOT/good.mp4@1-2", "ROOT/good.png@1", "ROOT/good.mp4\x00.png", "ROOT/good.mp4\n", "ROOT/\rgood.mp4"),
    *("ROOT/\x1b]0;title\x07", "ROOT/*.mp4", "ROOT/good.???", "ROOT/{good,bad}.png", "ROOT/%03d.png"),
    *(
        "ROOT/$HOME",
        "ROOT/`id`",
        "ROOT/$(id).mp4",
        "ROOT/;ls",
        "ROOT/|cat",
        "ROOT/-i",
        "-i",
        "--help",
        "-f lavfi -i testsrc",
    ),
    *("ROOT/" + "x" * 300, "/" + "x" * 5000, "ROOT/" + "a/" * 1500, "ROOT" + "/.." * 40 + "/etc/passwd", "@" * 100),
    *(
        "C:\\Windows\\a.png",
        "\\\\host\\share\\a.mp4",
        "~/a.png",
        "~root/a.png",
        "good.mp4",
        "./good.mp4",
        "",
        " ",
        "\u202e4pm",
    ),
    *(
        f"{ID}@{time}"
        for time in ("nan", "inf", "-1", "-1-2", "1e3", "2-1", "2-2", "1-", "-", "0x1-2", "1,5-2", "1-2-3")
    ),
    *(f"{ID}@{time}" for time in ("9", "9-10", "0-9", f"{'9' * 400}", f"0-{'9' * 400}", "nan-nan", "0-inf", "-inf-1")),
    *(f"{ID}/../{ID}", f"clip://{ID}/video", f"clip://{ID}/../..", f"{ID}\n", "red-ball-00000000@0-1", "CLIP://X"),
]


def test_a_hostile_reference_is_refused(subtests: pytest.Subtests, library: Library, root: Path) -> None:
    for text in TEXTS:
        for way, look in both_ways_in(library, root).items():
            with subtests.test(ascii(text)[1:60], way=way):
                assert_refused(look, text.replace("ROOT", str(root)), root.parent)


# -- places -----------------------------------------------------------------------------------------


def link(root: Path, name: str, target: str | Path) -> Path:
    (root / name).symlink_to(target)
    return root / name


def chain(root: Path, target: str, length: int) -> Path:
    for index in range(length):
        link(root, f"link-{index}", f"link-{index + 1}" if index + 1 < length else target)
    return root / "link-0"


def special(root: Path, kind: int) -> Path:
    os.mknod(root / "special", kind | 0o600)
    return root / "special"


def closed(root: Path) -> Path:
    (root / "good.mp4").chmod(0)
    return root / "good.mp4" if os.geteuid() else root / "gone"  # nothing is closed to the superuser


def large(root: Path) -> Path:
    with (root / "large").open("wb") as file:
        file.truncate(MAX_VIDEO_BYTES + 1)  # a hole: it takes no place
    return root / "large"


PLACES: dict[str, Callable[[Path], Path]] = {
    "gone": lambda root: root / "gone.mp4",
    "the root": lambda root: root,
    "a folder": lambda root: root / "folder",
    "a folder named like a film": lambda root: (root / "folder").rename(root / "folder.mp4"),
    "the root's parent": lambda root: root.parent,
    "the top": lambda _: Path("/"),
    "a picture outside": lambda root: root.parent / f"{SECRET}.png",
    "a film outside": lambda root: root.parent / f"{SECRET}.mp4",
    "traversal to a picture": lambda root: root / ".." / f"{SECRET}.png",
    "traversal to a film": lambda root: root / "folder" / ".." / ".." / f"{SECRET}.mp4",
    "traversal through a file": lambda root: root / "text" / ".." / ".." / f"{SECRET}.png",
    "traversal through what is not there": lambda root: root / "gone" / ".." / ".." / f"{SECRET}.png",
    "a file as a folder": lambda root: root / "good.mp4" / "a.mp4",
    "a sibling that begins with the root's name": lambda root: root.with_name("root-other") / "a.png",
    "the root in capitals": lambda root: root.with_name("ROOT") / "good.png",
    "passwords": lambda _: Path("/etc/passwd"),
    "memory": lambda _: Path("/proc/self/mem"),
    "environment": lambda _: Path("/proc/self/environ"),
    "the working folder": lambda _: Path("/proc/self/cwd"),
    "the root through the process's own root": lambda root: Path(f"/proc/self/root{root.parent}/{SECRET}.png"),
    "descriptor": lambda _: Path("/dev/fd/0"),
    "endless zeros": lambda _: Path("/dev/zero"),
    "link to a picture outside": lambda root: link(root, "a.png", f"../{SECRET}.png"),
    "link to a film outside": lambda root: link(root, "a.mp4", root.parent / f"{SECRET}.mp4"),
    "link to a folder outside": lambda root: link(root, "up", "..") / f"{SECRET}.mp4",
    "link to the top": lambda root: link(root, "top", "/") / "etc" / "passwd",
    "chain of links to outside": lambda root: chain(root, f"../{SECRET}.png", 10),
    "link to itself": lambda root: link(root, "a.mp4", "a.mp4"),
    "loop of links": lambda root: chain(root, "link-0", 3),
    "link to nothing": lambda root: link(root, "a.mp4", "nothing"),
    "link to a folder": lambda root: link(root, "a.mp4", "folder"),
    "link to zeros": lambda root: link(root, "a.mp4", "/dev/zero"),
    "link to random bytes": lambda root: link(root, "a.png", "/dev/urandom"),
    "link to nowhere": lambda root: link(root, "a.png", "/dev/null"),
    "link to standard input": lambda root: link(root, "a.png", "/dev/stdin"),
    "link to memory": lambda root: link(root, "a.png", "/proc/self/mem"),
    "link to the environment": lambda root: link(root, "a.png", "/proc/self/environ"),
    "pipe": lambda root: special(root, stat.S_IFIFO),
    "socket": lambda root: special(root, stat.S_IFSOCK),
    "a file that is closed to us": closed,
    "too many bytes": large,
}


def test_a_hostile_place_is_refused(subtests: pytest.Subtests, library: Library, tmp_path: Path, film: bytes) -> None:
    for number, (name, make) in enumerate(PLACES.items()):
        root = a_root(tmp_path / str(number), film)
        path = make(root)
        for way, look in both_ways_in(library, root).items():
            with subtests.test(name, way=way):
                assert isinstance(assert_refused(look, str(path), root.parent), BadInput)
                assert_refused(look, path.absolute().as_uri(), root.parent)


def test_an_image_may_be_as_large_as_the_limit_and_no_larger(library: Library, root: Path) -> None:
    path = root / "large.png"
    path.write_bytes(encoded())
    os.truncate(path, MAX_IMAGE_BYTES)
    assert Inputs(library, [root]).still(str(path)).shape == (6, 8, 3)
    os.truncate(path, MAX_IMAGE_BYTES + 1)
    assert "larger than 50 MB" in str(assert_refused(Inputs(library, [root]).still, str(path), root))


def test_even_a_careless_root_gives_no_device_and_no_process(
    subtests: pytest.Subtests, library: Library, tmp_path: Path
) -> None:
    names = ("/dev/zero", "/dev/null", "/dev/fd/0", "/dev/stdin", "/proc/self/mem", "/proc/self/maps")
    for way, look in both_ways_in(library, Path("/dev"), Path("/proc")).items():
        for name in names:
            with subtests.test(name, way=way):
                assert_refused(look, name, tmp_path)


def test_staging_and_sidecars_cannot_be_named_even_inside_a_root(subtests: pytest.Subtests, library: Library) -> None:
    staged = library.stage("job-2") / "film.mp4"
    staged.write_bytes(encoded())
    data = library.clips_dir.parent
    clip = library.get(ID)
    for way, look in both_ways_in(library, data.parent).items():
        for path in (staged, clip.sheet_path, clip.path.parent / "clip.json", clip.path.parent, data):
            with subtests.test(path.name, way=way):
                assert "belongs to the archive" in str(assert_refused(look, str(path), data))
    library.discard("job-2")


def test_an_answer_does_not_tell_whether_a_file_outside_exists(library: Library, root: Path) -> None:
    there, absent = root.parent / f"{SECRET}.png", root.parent / "absent.png"
    for look in both_ways_in(library, root).values():
        answer = str(assert_refused(look, str(there), root.parent)).replace(SECRET, "absent")
        assert answer == str(assert_refused(look, str(absent), root.parent))


def test_a_link_that_is_turned_to_outside_after_it_was_followed_is_not_followed_again(
    library: Library, root: Path
) -> None:
    found = Inputs(library, [root]).video(str(link(root, "a.mp4", "good.mp4")))
    (root / "a.mp4").unlink()
    link(root, "a.mp4", f"../{SECRET}.mp4")
    assert found.path == root / "good.mp4"


def test_a_clip_that_is_not_there_is_not_found(library: Library, root: Path) -> None:
    for look in both_ways_in(library, root).values():
        assert isinstance(assert_refused(look, "blue-ball-3f9k2m7q", root.parent), NotFound)
