"""Each container that is admitted opens no other file, whatever its files name."""

import base64
import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from media_kit import archive, ffmpeg

from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.ffmpeg import CONTAINERS
from ltx_mcp.media.footage import read_audio, read_video
from ltx_mcp.preparation.inputs import Inputs

IN_OPEN, IN_NONBLOCK = 0x20, 0o4000
SECRET = "secret.mp4"
FILM = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=duration=1")
URL_GUID = bytes.fromhex("301afb1e620bd011a39b00a0c90348f6")  # ASF's script commands


@contextmanager
def opened_files(folder: Path) -> Iterator[list[str]]:
    """The names of the files of a folder that any process opens inside, as the kernel tells them (inotify)."""
    libc = ctypes.CDLL(None, use_errno=True)
    names: list[str] = []
    descriptor = libc.inotify_init1(IN_NONBLOCK)
    assert descriptor >= 0, os.strerror(ctypes.get_errno())
    try:
        assert libc.inotify_add_watch(descriptor, os.fsencode(folder), IN_OPEN) >= 0
        yield names
        with suppress(BlockingIOError):
            while events := os.read(descriptor, 65_536):
                while events:
                    _, _, _, size = struct.unpack_from("iIII", events)
                    names.append(os.fsdecode(events[16 : 16 + size].rstrip(b"\0")))
                    events = events[16 + size :]
    finally:
        os.close(descriptor)


def film(folder: Path, name: str, *args: str | Path) -> bytes:
    ffmpeg(*FILM, *args, folder / name)
    return (folder / name).read_bytes()


def names_it(folder: Path) -> tuple[str, ...]:
    """Every text field that a container has, with the other file's name in it."""
    said = (f"{key}={value}" for key in ("title", "url", "comment", "service_name", "purl", "related_url")
            for value in (f"file://{folder}/{SECRET}",))  # fmt: skip
    return tuple(part for each in said for part in ("-metadata", each))


def playlist(folder: Path, size: int) -> bytes:
    """A playlist, filled up to the size of a container's packet."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{folder}/{SECRET}\n".encode().ljust(size, b"\n")


def asf_with_commands(folder: Path) -> bytes:
    content = film(folder, "it.wmv", "-c:v", "wmv2", "-c:a", "wmav2", *names_it(folder))
    kinds = b"".join(struct.pack("<H", len(kind)) + kind.encode("utf-16le") for kind in ("URL", "FILENAME"))
    target = f"{folder}/{SECRET}"
    calls = b"".join(struct.pack("<IHH", 0, kind, len(target)) + target.encode("utf-16le") for kind in (0, 1))
    commands = bytes(16) + struct.pack("<HH", 2, 2) + kinds + calls
    added = URL_GUID + struct.pack("<Q", 24 + len(commands)) + commands
    size, count = struct.unpack_from("<QI", content, 16)
    return content[:16] + struct.pack("<QI", size + len(added), count + 1) + content[28:30] + added + content[30:]


def ogg_with_a_linked_cover(folder: Path) -> bytes:
    link = f"{folder}/{SECRET}".encode()
    block = struct.pack(">II", 3, 3) + b"-->" + struct.pack(">IIIIII", 0, 9, 9, 24, 0, len(link)) + link
    cover = f"METADATA_BLOCK_PICTURE={base64.b64encode(block).decode()}"
    return film(folder, "it.ogv", "-c:v", "libtheora", "-c:a", "libvorbis", "-metadata", cover, *names_it(folder))


def mov_with_a_reference(folder: Path) -> bytes:
    content = film(folder, "it.mov", *names_it(folder))
    link = f"file://{folder}/{SECRET}".encode() + b"\0"
    at = content.index(b"url \0\0\0\1") - 4
    assert len(link) < 250
    return content[:at] + struct.pack(">I", 12) + b"url \0\0\0\0" + content[at + 12 :]


FILES: dict[str, tuple[str, Callable[[Path], bytes]]] = {
    "mpegts": ("it.ts", lambda folder: playlist(folder, 188) + film(folder, "it.ts", "-c:a", "mp2", *names_it(folder))),
    "mpegts of a camcorder": (
        "it.MTS",
        lambda folder: film(folder, "it.MTS", "-f", "mpegts", "-mpegts_m2ts_mode", "1", *names_it(folder)),
    ),
    "mpeg": ("it.vob", lambda folder: film(folder, "it.vob", "-r", "25") + playlist(folder, 2048)),
    "mpeg behind a playlist": ("it.vob", lambda folder: playlist(folder, 2048) + film(folder, "it.vob", "-r", "25")),
    "asf": ("it.wmv", asf_with_commands),
    "flv": ("it.flv", lambda folder: film(folder, "it.flv", "-ar", "44100", *names_it(folder))),
    "ogg": ("it.ogv", ogg_with_a_linked_cover),
    "mov": ("it.mov", mov_with_a_reference),
    "matroska": ("it.mkv", lambda folder: film(folder, "it.mkv", *names_it(folder))),
    "webm": ("it.webm", lambda folder: film(folder, "it.webm", "-deadline", "realtime", *names_it(folder))),
    "avi": ("it.avi", lambda folder: film(folder, "it.avi", *names_it(folder))),
    "gif": ("it.gif", lambda folder: film(folder, "it.gif", "-an") + playlist(folder, 0)),
}


def test_every_admitted_container_is_tried() -> None:
    tried = {name.split()[0] for name in FILES}
    assert set(CONTAINERS.split(",")) - {"mp4", "m4a", "3gp", "3g2", "mj2"} == tried  # other names of mov


def test_no_container_opens_another_file(subtests: pytest.Subtests, tmp_path: Path) -> None:
    with archive(tmp_path / "data") as library:
        inputs = Inputs(library, [tmp_path])
        for place, (name, (file, make)) in enumerate(FILES.items()):
            folder = tmp_path / str(place)
            folder.mkdir()
            film(folder, SECRET)
            (folder / file).write_bytes(make(folder))
            with subtests.test(name), opened_files(folder) as opened, suppress(MediaError, BadInput):
                footage = inputs.video(str(folder / file))
                assert len(list(read_video(footage, 32, 24, 10.0, 3))) == 3
                read_audio(footage)
            assert set(opened) == {file}, name


def test_opening_another_file_would_be_seen(tmp_path: Path) -> None:
    film(tmp_path, SECRET)
    (tmp_path / "list.txt").write_text(f"file {SECRET}\n")
    with opened_files(tmp_path) as opened:
        ffmpeg("-f", "concat", "-i", tmp_path / "list.txt", "-f", "null", "-")
    assert set(opened) == {SECRET, "list.txt"}
