"""Files that are not what they say, or are made to break whoever reads them.

Each is refused with a remedy, or read within bounds; either way in time, and nothing is left behind.
"""

import random
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from media_kit import archive, encoded, ffmpeg, film, leaving_nothing, photo
from PIL import Image

from ltx_mcp.errors import BadInput, MediaError
from ltx_mcp.media.footage import MAX_DURATION_S, read_audio, read_video
from ltx_mcp.preparation.inputs import Inputs

FILMS = ["film.mp4", "fast.mp4", "film.mov", "film.mkv", "film.webm", "film.avi", "film.gif"]
STILLS = ["still.png", "still.jpg", "still.webp", "still.gif"]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One second of a real film with its audio in every container, and a real photograph in every kind."""
    folder = tmp_path_factory.mktemp("real")
    second = ("-ss", 1, "-t", 1, "-i", film("bigbuckbunny.mp4"), "-vf", "scale=160:90", "-ac", 2)
    speed = {"film.webm": ["-deadline", "realtime", "-cpu-used", "8"], "fast.mp4": ["-movflags", "+faststart"]}
    for name in FILMS:
        ffmpeg(*second, *speed.get(name, []), folder / name)
    with Image.open(photo("chelsea.png")) as cat:
        for name in STILLS:
            cat.resize((150, 100)).save(folder / name)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inputs]:
    folder = tmp_path_factory.mktemp("archive")
    with archive(folder / "data") as library:
        yield Inputs(library, [folder.parent])


def assert_refused(look: Callable[[str], object], path: Path) -> str:
    with leaving_nothing(path.parent), pytest.raises((BadInput, MediaError)) as refusal:
        look(str(path))
    assert refusal.value.hint
    assert path.name in str(refusal.value)
    assert len(str(refusal.value)) < 2000
    return str(refusal.value)


def assert_harmless(inputs: Inputs, path: Path) -> None:
    """It is refused with a remedy, or it is read within bounds."""
    with leaving_nothing(path.parent):
        with refusing_at_most():
            assert inputs.still(str(path)).shape[0] > 0
        with refusing_at_most():
            found = inputs.video(str(path))
            assert 0 < found.duration_s <= MAX_DURATION_S
            assert 0 < found.width * found.height < 50_000_000
            assert [frame.shape for frame in read_video(found, 48, 32, 24.0, 30)] == [(32, 48, 3)] * 30
            audio = read_audio(found)
            assert audio is None or (audio.shape[1] <= 48_000 * MAX_DURATION_S and np.isfinite(audio).all())


@contextmanager
def refusing_at_most() -> Iterator[None]:
    try:
        yield
    except (BadInput, MediaError) as error:
        if not error.hint:
            raise


def test_the_media_that_are_broken_below_are_sound(inputs: Inputs, real: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in real.items():
        (tmp_path / name).write_bytes(content)
    for name in STILLS:
        assert inputs.still(str(tmp_path / name)).shape == (100, 150, 3), name
    for name in FILMS:
        found = inputs.video(str(tmp_path / name))
        assert (found.width, found.height) == (160, 90), name
        assert found.duration_s == pytest.approx(1, abs=0.1), name
        assert len(list(read_video(found, 48, 32, 24.0, 24))) == 24, name


# -- broken -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILMS + STILLS)
@pytest.mark.parametrize("shares", [(0.01, 0.7), pytest.param((0.1, 0.3, 0.5, 0.9, 0.99), marks=pytest.mark.slow)])
def test_a_truncated_file_is_refused_or_read_within_bounds(
    subtests: pytest.Subtests,
    inputs: Inputs,
    real: dict[str, bytes],
    tmp_path: Path,
    name: str,
    shares: tuple[float, ...],
) -> None:
    path = tmp_path / name
    for share in shares:
        path.write_bytes(real[name][: int(len(real[name]) * share)])
        with subtests.test(share=share):
            assert_harmless(inputs, path)
            if name in ("film.mp4", "film.mov") or (share <= 0.01 and name != "film.gif"):
                assert_refused(inputs.video, path)  # the first two's index comes last


@pytest.mark.parametrize("name", FILMS + STILLS)
@pytest.mark.parametrize("seeds", [(1,), pytest.param((2, 3, 4), marks=pytest.mark.slow)])
def test_a_file_with_flipped_bits_is_refused_or_read_within_bounds(
    subtests: pytest.Subtests,
    inputs: Inputs,
    real: dict[str, bytes],
    tmp_path: Path,
    name: str,
    seeds: tuple[int, ...],
) -> None:
    size = len(real[name])
    places = {"head": (0, 600), "middle": (size // 3, size // 2), "tail": (size - 1500, size), "everywhere": (0, size)}
    for seed, (place, (first, last)) in product(seeds, places.items()):
        content, chance = bytearray(real[name]), random.Random(f"{name} {place} {seed}")
        for _ in range(30):
            content[chance.randrange(first, last)] ^= 1 << chance.randrange(8)
        (tmp_path / name).write_bytes(content)
        with subtests.test(place=place, seed=seed):
            assert_harmless(inputs, tmp_path / name)


# -- renamed ----------------------------------------------------------------------------------------

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    "<Period><AdaptationSet><Representation id='1' bandwidth='1'><BaseURL>good.mp4</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>"
)
SCRIPTS = {
    "concat relative": "ffconcat version 1.0\nfile good.mp4\n",
    "concat absolute": "ffconcat version 1.0\nfile 'FOLDER/good.mp4'\n",
    "concat through a link": "ffconcat version 1.0\nfile link.mp4\n",
    "concat with options": "ffconcat version 1.0\nfile good.mp4\noption protocol_whitelist file,http\n",
    "concat without a header": "file 'good.mp4'\n",
    "concat after a byte order mark": "\ufeffffconcat version 1.0\nfile good.mp4\n",
    "playlist relative": PLAYLIST.format("good.mp4"),
    "playlist absolute": PLAYLIST.format("FOLDER/good.mp4"),
    "playlist by uri": PLAYLIST.format("file://FOLDER/good.mp4"),
    "playlist of the network": PLAYLIST.format("http://127.0.0.1:9/a.ts"),
    "playlist of data": PLAYLIST.format("data:video/mp4;base64,AAAA"),
    "playlist of a concat": PLAYLIST.format("concat:good.mp4|link.mp4"),
    "playlist with a key": PLAYLIST.replace("{}", '#EXT-X-KEY:METHOD=AES-128,URI="file:/etc/passwd"\ngood.mp4'),
    "playlist of playlists": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n",
    "dash": MPD,
    "smooth streaming": '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2"></SmoothStreamingMedia>',
    "session description": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "edit decision list": "# mpv EDL v0\ngood.mp4,0,1\n",
    "cue sheet": 'FILE "good.mp4" MP4\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "avisynth": 'FFmpegSource2("good.mp4")\n',
    "vapoursynth": "import vapoursynth\nvapoursynth.core.ffms2.Source('good.mp4').set_output()\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="good.png"/></svg>',
    "svg by uri": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "html": "<html><video src='good.mp4'></video></html>",
    "xml with an entity": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "postscript": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "pdf": "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n",
    "subtitles": "1\n00:00:00,000 --> 00:00:09,000\nhello\n",
    "styled subtitles": "[Script Info]\nScriptType: v4.00+\n[Events]\nDialogue: 0,0:00:00.00,0:00:09.00,,hello\n",
    "metadata": ";FFMETADATA1\ntitle=good.mp4\n",
    "filter graph": "movie=good.mp4[out0]\n",
    "image magick": "push graphic-context\nimage over 0,0 0,0 'good.png'\npop graphic-context\n",
    "raw frames": "YUV4MPEG2 W16 H16 F25:1\nFRAME\n" + "x" * 384,
    "text": "hello, this is not a video\n" * 40,
}


def made_by_ffmpeg(folder: Path, suffix: str, *args: str) -> bytes:
    path = folder / f"made.{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x32:rate=5:duration=1", *args, path)
    content = path.read_bytes()
    path.unlink()
    return content


def made_by_pillow(kind: str) -> bytes:
    return encoded((16, 16), kind)


FOREIGN: dict[str, Callable[[Path], bytes]] = {
    "nothing": lambda _: b"",
    "one byte": lambda _: b"\0",
    "zeros": lambda _: bytes(5000),
    "noise": lambda _: random.Random(1).randbytes(5000),
    "every byte": lambda _: bytes(range(256)) * 64,
    "a program": lambda _: Path(sys.executable).read_bytes()[:20_000],
    "an archive of files": lambda _: b"PK\x03\x04" + bytes(200),
    "compressed text": lambda _: zlib.compress(b"hello" * 999),
    "raw h264": lambda folder: made_by_ffmpeg(folder, "h264"),
    "nut": lambda folder: made_by_ffmpeg(folder, "nut"),
    "a broadcaster's file": lambda folder: made_by_ffmpeg(folder, "mxf", "-r", "25"),
    "an icon": lambda _: made_by_pillow("ICO"),
    "a pixmap": lambda _: made_by_pillow("PPM"),
    "a targa": lambda _: made_by_pillow("TGA"),
    "a paintbrush": lambda _: made_by_pillow("PCX"),
    "a jpeg 2000": lambda _: made_by_pillow("JPEG2000"),
    "an image as pdf": lambda _: made_by_pillow("PDF"),
    "a direct-draw surface": lambda _: made_by_pillow("DDS"),
    "a silicon graphics image": lambda _: made_by_pillow("SGI"),
}


@pytest.mark.parametrize("suffix", ["mp4", pytest.param("png", marks=pytest.mark.slow)])
def test_what_is_neither_image_nor_film_is_refused_whatever_its_name(
    subtests: pytest.Subtests, inputs: Inputs, real: dict[str, bytes], tmp_path: Path, suffix: str
) -> None:
    (tmp_path / "good.mp4").write_bytes(real["film.mp4"])
    (tmp_path / "good.png").write_bytes(real["still.png"])
    (tmp_path / "list.m3u8").write_text(PLAYLIST.format("good.mp4"))
    (tmp_path / "link.mp4").symlink_to("good.mp4")
    path = tmp_path / f"hostile.{suffix}"
    scripts = {name: script.replace("FOLDER", str(tmp_path)).encode() for name, script in SCRIPTS.items()}
    for name, content in [*scripts.items(), *((name, make(tmp_path)) for name, make in FOREIGN.items())]:
        path.write_bytes(content)
        for look in (inputs.still, inputs.video):
            with subtests.test(name):
                assert "root:" not in assert_refused(look, path)  # as /etc/passwd begins


SUFFIXES = ["m3u8", "mpd", "ffconcat", "sdp", "svg", "concat", "txt", "avs", "vpy", "edl", "cue", "imf"]


def test_a_name_that_promises_a_script_changes_nothing(
    subtests: pytest.Subtests, inputs: Inputs, real: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "good.mp4").write_bytes(real["film.mp4"])
    for suffix in SUFFIXES:
        path = tmp_path / f"hostile.{suffix}"
        with subtests.test(suffix):
            path.write_text("ffconcat version 1.0\nfile good.mp4\n")
            assert_refused(inputs.video, path)
            path.write_bytes(real["film.mp4"])
            assert inputs.video(str(path)).width == 160


def test_a_name_that_is_a_pattern_reads_no_other_file(
    subtests: pytest.Subtests, inputs: Inputs, real: dict[str, bytes], tmp_path: Path
) -> None:
    for number in ("000", "001", "0", "1"):
        (tmp_path / f"a.{number}.png").write_bytes(real["still.png"])
        (tmp_path / f"a.{number}.jpg").write_bytes(real["still.jpg"])
    for name in ("a.%03d.png", "a.%d.jpg", "a.*.png", "a.[0-9].png"):
        with subtests.test(name):
            assert_refused(inputs.video, tmp_path / name)
            (tmp_path / name).write_text("nothing")
            assert_refused(inputs.video, tmp_path / name)


def test_a_film_is_not_a_still_and_a_still_not_a_film_and_each_says_what_is(
    subtests: pytest.Subtests, inputs: Inputs, real: dict[str, bytes], tmp_path: Path
) -> None:
    still, film = tmp_path / "still.png", tmp_path / "film.mp4"
    for name in FILMS[:-1]:
        still.write_bytes(real[name])
        with subtests.test(name):
            assert "PNG, JPEG, WebP, GIF, AVIF" in assert_refused(inputs.still, still)
    for name in STILLS[:-1]:
        film.write_bytes(real[name])
        with subtests.test(name):
            assert "MP4, MOV, MKV, WebM, AVI, MPEG-TS" in assert_refused(inputs.video, film)


# -- images that are bombs ------------------------------------------------------------------------


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *extra: bytes, depth: int = 8) -> bytes:
    """A PNG of a few bytes that says it is of that size."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(bytes(999))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + end


def jpeg_of_size(width: int, height: int) -> bytes:
    content = encoded((16, 16), "JPEG")
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def webp_of_size(width: int, height: int) -> bytes:
    """Extended, animated, its canvas far larger than its frames."""
    buffer = BytesIO()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    content = buffer.getvalue()
    at = content.index(b"VP8X") + 12
    return content[:at] + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + content[at + 6 :]


def gif_of_size(width: int, height: int) -> bytes:
    content = encoded((16, 16), "GIF", "P")
    return content[:6] + struct.pack("<HH", width, height) + content[10:]


def avif_of_size(width: int, height: int) -> bytes:
    size = b"ispe" + bytes(4)
    return encoded((16, 16), "AVIF").replace(
        size + struct.pack(">II", 16, 16), size + struct.pack(">II", width, height)
    )


def tiff(*entries: tuple[int, int, int, int], next_page: int = 0) -> bytes:
    """(tag, type, count, value) of one page, which is `next_page` bytes into the file followed by another."""
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + struct.pack("<I", next_page) + bytes(999)


def tiff_of_size(width: int, height: int, *more: tuple[int, int, int, int], next_page: int = 0) -> bytes:
    """Grey, of 8 bits, in one strip of a hundred bytes."""
    size = ((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))
    return tiff(*size, (273, 4, 1, 200), (278, 4, 1, height), (279, 4, 1, 100), *more, next_page=next_page)


def bmp_of_size(width: int, height: int) -> bytes:
    content = encoded((16, 16), "BMP")
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


BOMBS: dict[str, Callable[[], bytes]] = {
    "avif of 66 megapixels": lambda: avif_of_size(8_100, 8_100),
    "avif of the largest sides": lambda: avif_of_size(2**31 - 1, 2**31 - 1),
    "tiff of 3600 megapixels": lambda: tiff_of_size(60_000, 60_000),
    "tiff of no width": lambda: tiff_of_size(0, 100),
    "tiff with less than it says": lambda: tiff_of_size(8_000, 8_000, next_page=8),
    "tiff of sixty thousand samples": lambda: tiff_of_size(99, 99, (277, 3, 1, 60_000)),
    "tiff with a tag of four gigabytes": lambda: tiff_of_size(99, 99, (305, 2, 2**32 - 1, 8)),
    "bmp of 4000 megapixels": lambda: bmp_of_size(65_000, 65_000),
    "bmp with less than it says": lambda: bmp_of_size(8_000, 8_000),
    "png of 3600 megapixels": lambda: png(60_000, 60_000),
    "png of 66 megapixels": lambda: png(8_100, 8_100),
    "png of the largest sides": lambda: png(2**31 - 1, 2**31 - 1),
    "png of negative sides": lambda: png(2**32 - 1, 2**32 - 1),
    "png of no pixels": lambda: png(0, 0),
    "png of no height": lambda: png(100, 0),
    "png one pixel high": lambda: png(2**30, 1),
    "png with less than it says": lambda: png(5_000, 5_000),
    "png of 16 bits with less than it says": lambda: png(5_000, 5_000, depth=16),
    "png with a text bomb": lambda: png(99, 99, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))),
    "png with many text bombs": lambda: png(99, 99, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6))) * 500),
    "png with a profile bomb": lambda: png(99, 99, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8)))),
    "png with a hundred thousand chunks": lambda: png(99, 99, chunk(b"abCd", b"") * 10**5),
    "png of four thousand million frames": lambda: png(99, 99, chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0))),
    "jpeg of 4000 megapixels": lambda: jpeg_of_size(65_500, 65_500),
    "jpeg of 66 megapixels": lambda: jpeg_of_size(8_100, 8_100),
    "jpeg of no width": lambda: jpeg_of_size(0, 100),
    "webp of 268 megapixels": lambda: webp_of_size(16_383, 16_383),
    "webp of the largest canvas": lambda: webp_of_size(2**24, 2**24),
    "gif of 4000 megapixels": lambda: gif_of_size(65_535, 65_535),
    "gif of 66 megapixels": lambda: gif_of_size(8_100, 8_100),
}


@pytest.mark.slow
def test_an_image_that_is_a_bomb_is_refused(subtests: pytest.Subtests, inputs: Inputs, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    for name, make in BOMBS.items():
        path.write_bytes(make())
        with subtests.test(name):
            assert_refused(inputs.still, path)
            assert_harmless(inputs, path)


# -- films that are bombs ---------------------------------------------------------------------------


def patched(content: bytes, after: bytes, offset: int, value: bytes) -> bytes:
    """With these bytes in place of those that stand `offset` bytes after the end of the first `after`."""
    at = content.index(after) + len(after) + offset
    return content[:at] + value + content[at + len(value) :]


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content


def nested(name: bytes, depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        content = box(name, content)
    return content


FTYP = box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
BIG = b"\xff\xff\xff\xff"
LARGE = b"\x7f\xff\xff\xff"
FORGED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "film that says it lasts a century": ("film.mp4", lambda film: patched(film, b"mvhd", 16, LARGE)),
    "track that says it lasts a century": ("film.mp4", lambda film: patched(film, b"tkhd", 20, LARGE)),
    "frames of a century each": ("film.mp4", lambda film: patched(film, b"stts", 12, LARGE)),
    "frames of no length": ("film.mp4", lambda film: patched(film, b"stts", 12, bytes(4))),
    "a thousand million runs of frames": ("film.mp4", lambda film: patched(film, b"stts", 4, LARGE)),
    "four thousand million frames": ("film.mp4", lambda film: patched(film, b"stsz", 8, BIG)),
    "frames of two gigabytes": ("film.mp4", lambda film: patched(film, b"stsz", 4, LARGE)),
    "frames beyond the end": ("film.mp4", lambda film: patched(film, b"stco", 8, BIG)),
    "a thousand million chunks": ("film.mp4", lambda film: patched(film, b"stco", 4, LARGE)),
    "an edit list of a thousand million": ("film.mp4", lambda film: patched(film, b"elst", 4, LARGE)),
    "an edit of a century": ("film.mp4", lambda film: patched(film, b"elst", 8, LARGE)),
    "a clock of no ticks": ("film.mp4", lambda film: patched(film, b"mdhd", 12, bytes(4))),
    "a clock of thousands of millions of ticks": ("film.mp4", lambda film: patched(film, b"mdhd", 12, LARGE)),
    "an image of 65535 x 65535": ("film.mp4", lambda film: patched(film, b"avc1", 24, BIG)),
    "an image turned by no matrix": ("film.mp4", lambda film: patched(film, b"tkhd", 40, BIG * 9)),
    "frames that are said to be in another file": (
        "film.mp4",
        lambda film: film.replace(b"url \0\0\0\1", b"url \0\0\0\0"),
    ),
    "an index that says it is huge": (
        "film.mp4",
        lambda film: film.replace(film[film.index(b"moov") - 4 :][:4], LARGE, 1),
    ),
    "an avi of 65535 x 65535": ("film.avi", lambda film: patched(film, b"strf", 8, b"\xff\xff\0\0\xff\xff\0\0")),
    "an avi of negative size": ("film.avi", lambda film: patched(film, b"strf", 8, BIG * 2)),
    "an avi of no rate": ("film.avi", lambda film: patched(film, b"strh", 24, bytes(8))),
    "an avi of thousands of millions of frames": ("film.avi", lambda film: patched(film, b"avih", 20, BIG)),
    "an avi with a huge list": ("film.avi", lambda film: patched(film, b"RIFF", 0, BIG)),
    "a gif of 65535 x 65535": ("film.gif", lambda film: film[:6] + BIG + film[10:]),
    "a gif with frames of eleven minutes": (
        "film.gif",
        lambda film: re.sub(rb"\x21\xf9\x04(.)..", lambda found: found[0][:4] + b"\xff\xff", film, flags=re.DOTALL),
    ),
    "an index within an index": ("film.mp4", lambda _: FTYP + nested(b"moov", 20_000)),
    "tracks within tracks": ("film.mp4", lambda _: FTYP + box(b"moov", nested(b"trak", 20_000))),
    "a hundred thousand tracks": ("film.mp4", lambda _: FTYP + box(b"moov", box(b"trak", b"") * 100_000)),
    "a million empty boxes": ("film.mp4", lambda _: FTYP + box(b"free", b"") * 1_000_000),
    "boxes of no size": ("film.mp4", lambda _: FTYP + bytes(4) + b"moov" + bytes(999)),
    "an index compressed to a bomb": (
        "film.mp4",
        lambda _: (
            FTYP + box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", LARGE + zlib.compress(bytes(10**7)))))
        ),
    ),
    "an mkv that goes on for ever": (
        "film.mkv",
        lambda film: patched(film, b"\x18\x53\x80\x67", 0, b"\x01" + b"\xff" * 7),
    ),
    "an mkv of no clock": (
        "film.mkv",
        lambda film: film.replace(b"\x2a\xd7\xb1\x83\x0f\x42\x40", b"\x2a\xd7\xb1\x83\0\0\0"),
    ),
    "an mkv of a slow clock": (
        "film.mkv",
        lambda film: film.replace(b"\x2a\xd7\xb1\x83\x0f\x42\x40", b"\x2a\xd7\xb1\x83\xff\xff\xff"),
    ),
    "masters within masters": (
        "film.mkv",
        lambda film: film[:40] + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + b"\xae\xff" * 9999,
    ),
}


def test_a_forged_film_is_refused_or_read_within_bounds(
    subtests: pytest.Subtests, inputs: Inputs, real: dict[str, bytes], tmp_path: Path
) -> None:
    for name, (source, forge) in FORGED.items():
        path = tmp_path / source
        path.write_bytes(forge(real[source]))
        with subtests.test(name):
            assert_harmless(inputs, path)


def many_streams(folder: Path, suffix: str) -> Path:
    tone, image = folder / "tone.m4a", ("-f", "lavfi", "-i", "color=size=32x32:rate=5:duration=1")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.2", tone)
    ffmpeg(*image, "-i", tone, "-map", "0:v", *["-map", "1:a"] * 99, "-c:a", "copy", folder / f"film.{suffix}")
    return folder / f"film.{suffix}"


def lavfi(folder: Path, suffix: str, source: str, *args: str) -> Path:
    ffmpeg("-f", "lavfi", "-i", source, *args, folder / f"film.{suffix}")
    return folder / f"film.{suffix}"


def cover_only(folder: Path) -> Path:
    (folder / "cover.png").write_bytes(encoded((64, 64)))
    audio = ("-f", "lavfi", "-i", "sine=duration=1", "-i", folder / "cover.png", "-map", "0", "-map", "1")
    ffmpeg(*audio, "-c:v", "copy", "-disposition:v", "attached_pic", folder / "film.m4a")
    return folder / "film.m4a"


def attachment_only(folder: Path) -> Path:
    (folder / "secret.txt").write_text("hello")
    audio = ("-f", "lavfi", "-i", "sine=duration=1", "-attach", folder / "secret.txt")
    ffmpeg(*audio, "-metadata:s:t", "mimetype=text/plain", folder / "film.mkv")
    return folder / "film.mkv"


UNFIT: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "a hundred streams": ("max_streams", lambda folder: many_streams(folder, "mp4")),
    "an image of 36 million pixels": (
        "max pixel count",
        lambda folder: lavfi(folder, "mkv", "color=size=9000x4000:rate=1:duration=1", "-c:v", "mjpeg"),
    ),
    "pixels a hundred times as wide as high": (
        "pixels",
        lambda folder: lavfi(folder, "mkv", "color=size=1280x720:rate=5:duration=1,setsar=60000/1"),
    ),
    "audio alone": ("cannot be read as a video", lambda folder: lavfi(folder, "m4a", "sine=duration=1")),
    "audio with a cover": ("cannot be read as a video", cover_only),
    "audio with an attachment": ("cannot be read as a video", attachment_only),
}


def test_an_unfit_film_is_refused_with_its_reason(subtests: pytest.Subtests, inputs: Inputs, tmp_path: Path) -> None:
    for number, (name, (reason, make)) in enumerate(UNFIT.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        with subtests.test(name):
            assert reason in assert_refused(inputs.video, make(folder))


ODD: dict[str, Callable[[Path], Path]] = {
    "a hundred streams, of which 32 are looked at": lambda folder: many_streams(folder, "mkv"),
    "one frame": lambda folder: lavfi(folder, "mp4", "color=size=32x32:rate=5:duration=0.2"),
    "one pixel": lambda folder: lavfi(folder, "mkv", "color=size=1x1:rate=5:duration=1", "-c:v", "ffv1"),
    "one line": lambda folder: lavfi(folder, "mkv", "color=size=8000x1:rate=5:duration=1", "-c:v", "ffv1"),
    "a narrow column": lambda folder: lavfi(folder, "mkv", "color=size=16x4000:rate=5:duration=1"),
    "a thousand frames a second": lambda folder: lavfi(folder, "mkv", "color=size=32x32:rate=1000:duration=2"),
    "a frame in twenty seconds": lambda folder: lavfi(folder, "mkv", "color=size=32x32:rate=0.05:duration=100"),
    "pixels as narrow as needles": lambda folder: lavfi(folder, "mkv", "color=size=64x64,setsar=1/60000", "-t", "1"),
    "sixteen bits of colour": lambda folder: lavfi(
        folder, "mkv", "testsrc2=size=32x32:rate=5:duration=1,format=gbrp16", "-c:v", "ffv1"
    ),
    "transparency": lambda folder: lavfi(
        folder, "mov", "testsrc2=size=32x32:rate=5:duration=1,format=rgba", "-c:v", "png"
    ),
    "sizes that change on the way": lambda folder: changing(folder),
    "a gap of a day": lambda folder: lavfi(
        folder,
        "mkv",
        "color=size=32x32:rate=5:duration=2,setpts='if(lt(N,5),N/5/TB,N/5/TB+86400/TB)'",
        "-fps_mode",
        "vfr",
    ),
}


def changing(folder: Path) -> Path:
    for index, size in enumerate(("64x48", "320x240", "48x64")):
        part = lavfi(folder, "mjpeg", f"testsrc=size={size}:rate=10:duration=0.5")
        part.rename(folder / f"part-{index}")
    (folder / "all.mjpeg").write_bytes(b"".join((folder / f"part-{index}").read_bytes() for index in range(3)))
    ffmpeg("-f", "mjpeg", "-framerate", 10, "-i", folder / "all.mjpeg", "-c", "copy", folder / "film.mkv")
    return folder / "film.mkv"


def test_an_odd_film_is_read_all_the_same(subtests: pytest.Subtests, inputs: Inputs, tmp_path: Path) -> None:
    for number, (name, make) in enumerate(ODD.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = make(folder)
        with subtests.test(name), leaving_nothing(folder):
            found = inputs.video(str(path))
            assert 0 < found.duration_s <= MAX_DURATION_S
            frames = list(read_video(found, 64, 36, 24.0, 24))
            assert [frame.shape for frame in frames] == [(36, 64, 3)] * 24
