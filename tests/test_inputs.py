"""References: what the grammar takes, what it refuses, and that no file outside the roots is ever read."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltx_mcp.clips import Clip, ClipFacts, Provenance, Verdict
from ltx_mcp.encode import VideoWriter
from ltx_mcp.errors import BadInput, NotFound
from ltx_mcp.inputs import MAX_FILE_BYTES, ClipRef, FileRef, Inputs
from ltx_mcp.library import Library
from ltx_mcp.tenancy import Tenancy

ID = "red-ball-3f9k2m7q"
FRAMES, FPS = 25, 10.0
GREEN = (20, 200, 60)


def picture(size: tuple[int, int] = (8, 6), kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, GREEN).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive") / "data"


@pytest.fixture(scope="module")
def library(data: Path) -> Iterator[Library]:
    """An archive of one clip whose red tells the number of the frame."""
    with Tenancy(data) as tenancy:
        library = Library(data, tenancy)
        path = library.stage("job-1") / "film.mp4"
        with VideoWriter(path, 64, 48, FPS, FRAMES) as writer:
            for index in range(FRAMES):
                writer.write(np.full((48, 64, 3), (index * 10, 0, 0), dtype=np.uint8))
        facts = ClipFacts(
            kind="generated",
            prompt="a red ball",
            title="A red ball",
            width=64,
            height=48,
            fps=FPS,
            frames=FRAMES,
            duration_s=FRAMES / FPS,
            has_audio=False,
            codec="h264",
            seed=1,
            model="micro",
            recipe="final",
            created_at=datetime(2026, 11, 23, tzinfo=UTC),
            moderation=Verdict(verdict="passed", model="open-nsfw", max_score=0.1),
            provenance=Provenance(),
        )
        library.publish("job-1", ID, facts, path, b"sheet")
        yield library


@pytest.fixture
def clip(library: Library) -> Clip:
    return library.get(ID)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The allowed folder; beside it lies a picture that is not allowed."""
    (tmp_path / "secret.png").write_bytes(picture())
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def inputs(library: Library, root: Path) -> Inputs:
    return Inputs(library, [root])


# -- the grammar ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (ID, ClipRef(ID)),
        (f"{ID}@3.2", ClipRef(ID, at_s=3.2)),
        (f"{ID}@0", ClipRef(ID, at_s=0.0)),
        (f"{ID}@3.2-5.0", ClipRef(ID, span_s=(3.2, 5.0))),
        (f"{ID}@0-0.000001", ClipRef(ID, span_s=(0.0, 0.000001))),
        (f"clip://{ID}", ClipRef(ID)),
        (f"clip://{ID}@2", ClipRef(ID, at_s=2.0)),
        ("clip-00000000", ClipRef("clip-00000000")),
        ("/a/picture.png", FileRef(Path("/a/picture.png"))),
        ("/a/with space, ünï 日本.png", FileRef(Path("/a/with space, ünï 日本.png"))),
        ("file:///a/picture.png", FileRef(Path("/a/picture.png"))),
        ("file:///a/b%20c%3F%23%40.png", FileRef(Path("/a/b c?#@.png"))),
        ("file:///a/%E6%97%A5.png", FileRef(Path("/a/日.png"))),
    ],
)
def test_the_grammar(inputs: Inputs, text: str, meaning: ClipRef | FileRef) -> None:
    assert inputs.parse(text) == meaning


def test_the_path_of_a_clips_video_means_the_clip(inputs: Inputs, clip: Clip) -> None:
    assert inputs.parse(str(clip.path)) == ClipRef(ID)
    assert inputs.parse(clip.path.as_uri()) == ClipRef(ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a red ball",
        "red-ball",
        "RED-BALL-3F9K2M7Q",
        f" {ID}",
        f"{ID}\n",
        f"{ID}@",
        f"{ID}@nan",
        f"{ID}@inf",
        f"{ID}@-1",
        f"{ID}@+1",
        f"{ID}@1e3",
        f"{ID}@1_0",
        f"{ID}@.5",
        f"{ID}@1.",
        f"{ID}@1,5",
        f"{ID}@٣",
        f"{ID}@3.2s",
        f"{ID}@00:03",
        f"{ID}@{'9' * 400}",
        f"{ID}@1.{'0' * 400}",
        f"{ID}@5.0-3.2",
        f"{ID}@2-2",
        f"{ID}@2-",
        f"{ID}@1-2-3",
        f"{ID}@1@2",
        f"{ID}/../{ID}",
        f"clip://{ID}/video",
        "clip://",
        "picture.png",
        "./picture.png",
        "../secret.png",
        "~/picture.png",
        "~root/picture.png",
        "$HOME/picture.png",
        "/root/picture\x00.png",
        "/root/picture\n.png",
        "/root/\x1b[31m.png",
        "/" + "x" * 5000,
        "http://example.com/a.png",
        "https://example.com/a.png",
        "ftp://example.com/a.png",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "concat:/etc/passwd",
        "pipe:0",
        "file:/a.png",
        "file:a.png",
        "file://",
        "file://localhost/a.png",
        "file://host/a.png",
        "file://[bad/a.png",
        "file:///a%00.png",
        "file:///a%0A.png",
        "file:///a%FF.png",
        "file:///a.png?x=1",
        "file:///a.png#x",
        "file:///a.png?",
    ],
)
def test_anything_else_is_refused_with_the_grammar_and_the_roots(inputs: Inputs, root: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"clip_id@3\.2") as refusal:
        inputs.parse(text)
    assert str(root) in refusal.value.hint
    assert len(str(refusal.value)) < 1000
    assert "\x00" not in str(refusal.value)


def test_a_reference_that_nearly_names_a_clip_is_answered_with_its_id(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match=f"nearest ids are {ID}"):
        inputs.parse("Red-Ball-3f9k2m7@2.0")
    with pytest.raises(NotFound, match=f"nearest ids are {ID}"):
        inputs.still("red-ball-3f9k2m70@2.0")


def test_without_roots_the_error_says_how_to_allow_some(library: Library, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="LTX_MCP_ROOTS"):
        Inputs(library, []).still(str(tmp_path / "a.png"))


# -- stills of clips --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "index"),
    [(ID, 12), (f"{ID}@0", 0), (f"{ID}@0.7", 7), (f"{ID}@1.26", 12), (f"{ID}@2.4", 24), (f"{ID}@2.5", 24)],
)
def test_a_clips_frame_is_the_one_on_screen_at_that_time(inputs: Inputs, reference: str, index: int) -> None:
    frame = inputs.still(reference)
    assert frame.shape == (48, 64, 3)
    assert abs(frame[..., 0].mean() - index * 10) < 4


@pytest.mark.parametrize("time", ["2.51", "3", "999999", "999999.999999"])
def test_a_time_beyond_the_clip_is_refused_with_its_length(inputs: Inputs, time: str) -> None:
    with pytest.raises(BadInput, match=r"from 0 to 2\.500"):
        inputs.still(f"{ID}@{time}")


def test_a_span_is_no_still(inputs: Inputs) -> None:
    with pytest.raises(BadInput, match=f"Use {ID}@0.5"):
        inputs.still(f"{ID}@0.5-1.5")


# -- stills of files --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("name", ["picture.png", "日本 café.png", "no_suffix", "%41.png", "@3.2.png"])
def test_a_picture_inside_a_root_is_read_whatever_its_name(inputs: Inputs, root: Path, kind: str, name: str) -> None:
    (root / name).write_bytes(picture(kind=kind))
    for reference in (str(root / name), (root / name).as_uri()):
        frame = inputs.still(reference)
        assert frame.shape == (6, 8, 3)
        assert frame.dtype == np.uint8
        assert np.abs(frame.astype(int) - GREEN).max() < 6


def test_a_link_inside_the_root_is_followed(inputs: Inputs, root: Path) -> None:
    (root / "deep").mkdir()
    (root / "deep" / "real.png").write_bytes(picture())
    (root / "link.png").symlink_to("deep/real.png")
    assert inputs.still(str(root / "link.png")).shape == (6, 8, 3)


def test_a_root_that_is_itself_a_link_is_a_root(library: Library, root: Path, tmp_path: Path) -> None:
    (root / "a.png").write_bytes(picture())
    (tmp_path / "alias").symlink_to(root)
    assert Inputs(library, [tmp_path / "alias"]).still(str(tmp_path / "alias" / "a.png")).shape == (6, 8, 3)


def test_a_photograph_taken_sideways_stands_upright(inputs: Inputs, root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    (root / "a.jpg").write_bytes(picture((8, 6), "JPEG", exif=exif))
    assert inputs.still(str(root / "a.jpg")).shape == (8, 6, 3)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "RGBA"])
def test_every_colour_mode_becomes_rgb(inputs: Inputs, root: Path, mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    (root / "a").write_bytes(picture(kind=kind, mode=mode))
    assert inputs.still(str(root / "a")).shape == (6, 8, 3)


def test_transparent_pixels_become_white(inputs: Inputs, root: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(root / "a.png")
    assert (inputs.still(str(root / "a.png")) == 255).all()


def test_sixteen_bit_grey_keeps_its_brightness(inputs: Inputs, root: Path) -> None:
    Image.fromarray(np.full((4, 4), 0x4080, dtype=np.uint16)).save(root / "a.png")
    assert (inputs.still(str(root / "a.png")) == 0x40).all()


CONTENTS: dict[str, Callable[[Clip], bytes]] = {
    "zero-length": lambda _: b"",
    "text": lambda _: b"hello",
    "svg": lambda _: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="/etc/passwd"/></svg>',
    "a film named png": lambda clip: clip.path.read_bytes(),
    "gif": lambda _: picture(kind="GIF", mode="P"),
    "bmp": lambda _: picture(kind="BMP"),
    "tiff": lambda _: picture(kind="TIFF"),
    "postscript": lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "truncated png": lambda _: picture((200, 200))[:-40],
    "truncated jpeg": lambda _: picture((200, 200), "JPEG")[:300],
    "truncated webp": lambda _: picture((200, 200), "WEBP")[:40],
    "header only": lambda _: picture()[:20],
    "bomb": lambda _: bomb(60_000, 60_000),
    "smaller bomb": lambda _: bomb(8_000, 8_000),
    "no pixels": lambda _: bomb(0, 0),
    "too many bytes": lambda _: picture() + bytes(MAX_FILE_BYTES),
}
LINKS = {
    "link out": "../secret.png",
    "link to a device": "/dev/zero",
    "link to nothing": "nothing",
    "link to itself": "link to itself",
    "link to the folder above": "..",
}
PLACES: dict[str, Callable[[Path, Clip], Path]] = {
    "through a linked folder": lambda root, _: root / "link to the folder above" / "secret.png",
    "traversal": lambda root, _: root / ".." / "secret.png",
    "traversal through a file": lambda root, _: root / "text" / ".." / ".." / "secret.png",
    "a file as a folder": lambda root, _: root / "text" / "a.png",
    "a sibling with the root's name": lambda root, _: root.parent / f"{root.name}-other" / "a.png",
    "gone": lambda root, _: root / "gone.png",
    "a long name": lambda root, _: root / ("n" * 300),
    "pipe": lambda root, _: root / "pipe",
    "folder": lambda root, _: root / "folder",
    "the root": lambda root, _: root,
    "the root's parent": lambda root, _: root.parent,
    "outside": lambda root, _: root.parent / "secret.png",
    "the top": lambda *_: Path("/"),
    "passwords": lambda *_: Path("/etc/passwd"),
    "memory": lambda *_: Path("/proc/self/mem"),
    "environment": lambda *_: Path("/proc/self/environ"),
    "descriptor": lambda *_: Path("/dev/fd/0"),
    "a sheet of the archive": lambda _, clip: clip.sheet_path,
    "a sidecar of the archive": lambda _, clip: clip.path.parent / "clip.json",
}


def hostile(name: str, root: Path, clip: Clip) -> Path:
    """Make it, in or around the root, and say where it is."""
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    (root / "text").write_bytes(b"hello")
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    if name in CONTENTS:
        (root / name).write_bytes(CONTENTS[name](clip))
    return PLACES[name](root, clip) if name in PLACES else root / name


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", [*CONTENTS, *LINKS, *PLACES])
def test_a_hostile_file_is_refused_with_a_remedy(inputs: Inputs, root: Path, clip: Clip, name: str) -> None:
    path = hostile(name, root, clip)
    for reference in (str(path), path.absolute().as_uri()):
        with pytest.raises(BadInput) as refusal:
            inputs.still(reference)
        assert refusal.value.hint


def test_an_answer_does_not_tell_whether_a_file_outside_exists(inputs: Inputs, root: Path) -> None:
    def answer(name: str) -> str:
        with pytest.raises(BadInput) as refusal:
            inputs.still(str(root.parent / name))
        return str(refusal.value).replace(name, "NAME")

    assert answer("secret.png") == answer("absent.png")


def test_staging_cannot_be_named_even_inside_a_root(library: Library, data: Path) -> None:
    unmoderated = library.stage("job-2") / "frame.png"
    unmoderated.write_bytes(picture())
    with pytest.raises(BadInput, match="belongs to the archive"):
        Inputs(library, [data.parent]).still(str(unmoderated))
