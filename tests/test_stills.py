"""Stills of every kind that people have: read in their own colours, or refused with what they are."""

import base64
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from engine_kit import PLAN
from media_kit import GREEN, archive, encoded
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ltx_mcp.errors import BadInput
from ltx_mcp.media.coded_colour import coded_colour
from ltx_mcp.media.file_kinds import kind_of
from ltx_mcp.media.images import read_image, read_still
from ltx_mcp.media.still_decoding import Decoded, NotDecoded, TooManyPixels, decode
from ltx_mcp.media.still_formats import MAX_PIXELS, NAMES, STILL_FORMATS
from ltx_mcp.preparation.animate import prepare_animate
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.shot_sources import shot_sources
from ltx_mcp.types.requests import AnimateRequest
from ltx_mcp.types.timeline import Shot

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
RED_IN_P3 = (234, 51, 35)  # what sRGB's red is in Display P3
ALL = [each.pillow for each in STILL_FORMATS]

# Encoded with libheif: nothing that this project installs writes HEIC. Quarters of red, green, blue and white, which a
# turn puts upright; sRGB's red in Display P3; a blue half beside a transparent one.
TURNED_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAAcltZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAAB7QABAAAAAAAAAI4AAgAAAAACewABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABCGlwcnAAAADnaXBjbwAAAHdodmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0"
    "ABDAH//wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOAAAAwAAHpAEECCy3VyU1zcBDQYEAAADAGQAAAMABCBiAAEACEQBwXMYMAiQ"
    "AAAAE2NvbHJuY2x4AAEADQAGgAAAABRpc3BlAAAAAAAAAEAAAABAAAAAKGNsYXAAAAAgAAAAAQAAAEAAAAAB////4AAAAAIAAAAAAAAAAgAAAB"
    "BwaXhpAAAAAAMICAgAAAAJaXJvdAMAAAAZaXBtYQAAAAAAAAABAAEGgQIDBYSGAAAAGmlyZWYAAAAAAAAADmNkc2MAAgABAAEAAAC6bWRhdAAA"
    "AIooAa8E+EEyaW/+S7///5Wm9l/Jep79X45NP/6bKf/+iFXONnWriHh8lEuoqSZFGi2cMbcUd2v3h8Oz1RPjEX2rz9Ej1dhbNbTTU3b3BFyrqf"
    "L/QcXRv0yZv/9cCI84wwebnw+ppYbhf9xulXUPTcZKS519WXrnZ4vRdMp/lm///lV+5QFwDX+lqp4AAAAGRXhpZgAATU0AKgAAAAgAAQESAAMA"
    "AAABAAYAAAAAAAA="
)
P3_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWl4AAAAAG1pZjFoZWl4bWlhZgAAA8NtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAAD5wABAAAAAAAAADcAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAADQ2lwcnAA"
    "AAMjaXBjbwAAAHdodmNDAQQIAAAAnjgAAAAAHvAA/P/4+AAADwNgAAEAF0ABDAH//wQIAAADAJ44AAADAAAeugJAYQABACpCAQEECAAAAwCeOA"
    "AAAwAAHpAEECCy3VXTXNwENBgQAAADAZAAAAMAEIBiAAEACEQBwXMYMBiQAAACWGNvbHJwcm9mAAACTGxjbXMEQAAAbW50clJHQiBYWVogB+oA"
    "CwAbABUALwAeYWNzcEFQUEwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPbWAAEAAAAA0y1sY21zAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAALZGVzYwAAAQgAAAA2Y3BydAAAAUAAAABMd3RwdAAAAYwAAAAUY2hhZAAAAaAAAAAsclhZWgAAAcwAAAAU"
    "YlhZWgAAAeAAAAAUZ1hZWgAAAfQAAAAUclRSQwAAAggAAAAgZ1RSQwAAAggAAAAgYlRSQwAAAggAAAAgY2hybQAAAigAAAAkbWx1YwAAAAAAAA"
    "ABAAAADGVuVVMAAAAaAAAAHABzAFIARwBCACAAYgB1AGkAbAB0AC0AaQBuAABtbHVjAAAAAAAAAAEAAAAMZW5VUwAAADAAAAAcAE4AbwAgAGMA"
    "bwBwAHkAcgBpAGcAaAB0ACwAIAB1AHMAZQAgAGYAcgBlAGUAbAB5WFlaIAAAAAAAAPbWAAEAAAAA0y1zZjMyAAAAAAABDEIAAAXe///zJQAAB5"
    "MAAP2Q///7of///aIAAAPcAADAblhZWiAAAAAAAACD3wAAPb////+7WFlaIAAAAAAAACg4AAARCwAAyLlYWVogAAAAAAAASr8AALE3AAAKuXBh"
    "cmEAAAAAAAMAAAACZmYAAPKnAAANWQAAE9AAAApbY2hybQAAAAAAAwAAAACj1wAAVHsAAEzNAACZmgAAJmYAAA9cAAAAFGlzcGUAAAAAAAAAQA"
    "AAAEAAAAAoY2xhcAAAABAAAAABAAAAEAAAAAH////QAAAAAv///9AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMF"
    "hAAAAD9tZGF0AAAAMygBrwYyFoc0iSDwv2DX///VV/ZfuRErNbJ64R+gY8fkt5CRnvRfexhS5Tx0IPScU7nNgA=="
)
ALPHA_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAmttZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAACjwABAAAAAAAAAFMAAgAAAAAC4gABAAAAAAAAAEYAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAAACAABodmMxAAAAAA5waXRtAAAAAAABAAABqmlwcnAAAAGCaXBjbwAAAHVodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQApQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbqrprm4CGgwIAAAAyAAAADAIRiAAEABkQBwXPBiQAA"
    "ABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAEAAAAAEAAAAQAAAAAf///9AAAAAC////0AAAAAIAAAAQcG"
    "l4aQAAAAADCAgIAAAAcWh2Y0MBBAgAAACf+AAAAAAe8AD8/Pj4AAAPA2AAAQAXQAEMAf//BAgAAAMAn/gAAAMAAB66AkBhAAEAJkIBAQQIAAAD"
    "AJ/4AAADAAAewIIEFluqumubAgAAAwAyAAADAAIQYgABAAZEAcFzwYkAAAAOcGl4aQAAAAABCAAAACdhdXhDAAAAAHVybjptcGVnOmhldmM6Mj"
    "AxNTphdXhpZDoxAAAAACBpcG1hAAAAAAAAAAIAAQWBAgMFhAACBYYDB4iEAAAAGmlyZWYAAAAAAAAADmF1eGwAAgABAAEAAAChbWRhdAAAAE8o"
    "Aa8E8hoBxoBCUaANHyD/+OP//gPLBh9nWb739Em92VsfuKOF+oSM/6Bg5UT40+U7QHsZhwYdz5C9QHXeZEhhaHIrSdJ/7/l1QnSAIi/QAAAAQi"
    "gBrgnkK8hIZnU93/DXWLV6L5ZmTn7TxHz9NTJ0iuw2QEAAQdHIXShw1iVl7A8Yi1tsA8bsVVu2fOir3/bHpc6IMA=="
)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def as_tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def here(content: bytes) -> Decoded:
    """Without a process of its own."""
    return decode(content, ALL, MAX_PIXELS)


def near(pixels: NDArray[Any], colour: tuple[int, ...], tolerance: int = 3) -> bool:
    return bool((np.abs(pixels.astype(int) - colour) <= tolerance).all())


# -- formats --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("AVIF", "RGB"), ("AVIF", "RGBA"), ("BMP", "RGB"), ("BMP", "P"),
     ("TIFF", "RGB"), ("TIFF", "RGBA"), ("TIFF", "P"), ("TIFF", "CMYK"), ("TIFF", "YCbCr"), ("TIFF", "LAB")],
)  # fmt: skip
def test_every_kind_and_mode_keeps_its_colour(kind: str, mode: str) -> None:
    image = Image.new("RGB", (16, 12), GREEN)
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    else:
        converted = image.convert(mode)
    assert converted
    decoded = here(saved(converted, kind))
    assert decoded.frame.shape == (12, 16, 3)
    assert near(decoded.frame.mean(axis=(0, 1)), GREEN, 6)
    assert decoded.notes == ()


@pytest.mark.parametrize("kind", ["AVIF", "TIFF", "BMP"])
def test_a_process_of_its_own_reads_the_same(kind: str) -> None:
    content = encoded((16, 12), kind)
    still = read_still(content, "a")
    assert (still.frame == here(content).frame).all()
    assert still.frame.flags.c_contiguous
    assert still.frame.flags.writeable


def test_heic_is_read_upright_in_its_colours_and_on_white() -> None:
    turned = read_image(TURNED_HEIC, "a")
    assert turned.shape == (32, 64, 3)
    for place, colour in (((4, -5), RED), ((-5, -5), (0, 255, 0)), ((4, 4), BLUE), ((-5, 4), WHITE)):
        assert near(turned[place], colour)
    wide = here(P3_HEIC)
    assert near(wide.frame, RED)
    assert wide.notes == ("Its colours were converted from its colour profile to sRGB.",)
    alpha = here(ALPHA_HEIC)
    assert near(alpha.frame[8, 2], WHITE)
    assert near(alpha.frame[8, -3], BLUE)
    assert alpha.notes == ("Its transparent parts were put on white.",)


@pytest.mark.parametrize("level", [0x0000, 0x4080, 0xFFFF])
def test_sixteen_bits_keep_their_brightness(level: int) -> None:
    grey = np.full((4, 4), level, dtype=np.uint16)
    assert near(here(as_tiff(grey)).frame, (level >> 8,) * 3, 0)
    assert near(here(as_tiff(grey, photometric="miniswhite")).frame, (255 - (level >> 8),) * 3, 0)
    colour = np.stack([grey, grey * 0, grey], axis=-1)
    assert near(here(as_tiff(colour, photometric="rgb")).frame, (level >> 8, 0, level >> 8), 1)


@pytest.mark.parametrize("kind", ["TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_an_orientation_stands_upright(kind: str, orientation: int) -> None:
    image = Image.new("RGB", (64, 32), WHITE)
    image.paste(RED, (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    frame = here(saved(image, kind, exif=exif)).frame
    assert near(frame[(-1, -1) if orientation == 3 else (0, -1)], RED, 12)


def test_what_is_transparent_becomes_white_and_says_so() -> None:
    image = Image.new("RGBA", (16, 16), (*RED, 0))
    image.paste((*BLUE, 255), (8, 0, 16, 16))
    for kind, options in (("TIFF", {}), ("AVIF", {"quality": 100}), ("PNG", {}), ("WEBP", {"lossless": True})):
        decoded = here(saved(image, kind, **options))
        assert near(decoded.frame[4, 2], WHITE), kind
        assert near(decoded.frame[4, 13], BLUE), kind
        assert decoded.notes == ("Its transparent parts were put on white.",)


# -- colours --------------------------------------------------------------------------------------------------


def p3_profile() -> bytes:
    """sRGB's profile with the primaries of Display P3 (adapted to D50, as profiles are)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        name, offset, _ = struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index])
        if name in primaries:
            profile[offset + 8 : offset + 20] = struct.pack(">3i", *(round(each * 65536) for each in primaries[name]))
    return bytes(profile)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_display_p3_has_the_right_colours(kind: str) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 100, "subsampling": "4:4:4"}
    image = Image.new("RGB", (32, 16), RED_IN_P3)
    image.paste((128, 128, 128), (16, 0, 32, 16))
    decoded = here(saved(image, kind, icc_profile=p3_profile(), **options))
    assert near(decoded.frame[:, :15], RED, 5)
    assert near(decoded.frame[:, 17:], (128, 128, 128), 3)
    assert decoded.notes == ("Its colours were converted from its colour profile to sRGB.",)


def test_the_profile_of_srgb_changes_nothing_and_is_not_told() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = here(saved(Image.new("RGB", (16, 16), GREEN), icc_profile=profile))
    assert near(decoded.frame, GREEN, 1)
    assert decoded.notes == ()


def with_cicp(image: Image.Image, primaries: int, transfer: int) -> bytes:
    content, body = saved(image), b"cICP" + bytes((primaries, transfer, 0, 1))
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    return content[:33] + chunk + content[33:]


def pq(nits: float) -> int:
    power = (nits / 10000) ** 0.1593017578125
    value: float = 255 * ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return round(value)


def test_display_p3_by_code_points_has_the_right_colours() -> None:
    assert near(here(with_cicp(Image.new("RGB", (8, 8), RED_IN_P3), 12, 13)).frame, RED, 4)
    avif = saved(Image.new("RGB", (8, 8), RED_IN_P3), "AVIF", quality=100, subsampling="4:4:4")
    found = re.search(rb"colrnclx", avif)
    assert found
    wide = avif[: found.end()] + b"\0\x0c" + avif[found.end() + 2 :]
    decoded = here(wide)
    assert near(decoded.frame, RED, 5)
    assert decoded.notes == ("Its wide colours were converted to sRGB.",)
    assert coded_colour(avif) is None or not coded_colour(avif).is_other  # type: ignore[union-attr]


def test_a_cameras_adobe_rgb_has_the_right_colours_without_a_profile() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    content = saved(Image.new("RGB", (16, 16), (219, 0, 0)), "JPEG", quality=100, exif=exif)
    decoded = here(content)
    assert near(decoded.frame, RED, 6)
    assert decoded.notes == ("Its wide colours were converted to sRGB.",)
    assert near(here(content.replace(b"R03", b"R98")).frame, (219, 0, 0), 4)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0\0\0\0\0"]
)
def test_broken_exif_says_nothing(kind: str, exif: bytes) -> None:
    assert near(here(encoded((16, 8), kind, exif=exif)).frame, GREEN, 6)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_is_tone_mapped_with_white_and_red_where_they_were(transfer: int) -> None:
    """BT.2408: SDR white lies at 203 nit, in HLG at 75 percent. BT.709's red in BT.2020 is (.6274, .0691, .0164)."""
    white = pq(203) if transfer == 16 else round(0.75 * 255)
    decoded = here(with_cicp(Image.new("RGB", (8, 8), (white,) * 3), 9, transfer))
    assert near(decoded.frame, WHITE, 10)
    assert decoded.notes == ("HDR was tone-mapped to SDR.",)
    if transfer == 16:
        red = tuple(pq(203 * part) for part in (0.6274, 0.0691, 0.0164))
        assert near(here(with_cicp(Image.new("RGB", (8, 8), red), 9, 16)).frame, RED, 15)
    brighter = here(with_cicp(Image.new("RGB", (8, 8), (white + 20,) * 3), 9, transfer)).frame
    assert brighter.min() >= decoded.frame.min(), "highlights stay in order"
    assert near(here(with_cicp(Image.new("RGB", (8, 8), (0, 0, 0)), 9, transfer)).frame, (0, 0, 0), 1)


# -- several images in one file --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts_and_it_is_told(kind: str) -> None:
    first, second = Image.new("RGB", (16, 16), GREEN), Image.new("RGB", (16, 16), BLUE)
    decoded = here(saved(first, kind, save_all=True, append_images=[second, second], duration=100))
    assert near(decoded.frame, GREEN, 8)
    assert decoded.notes == ("It is an animation: its first frame was used.",)


def test_of_a_document_of_several_pages_the_first_counts_and_it_is_told() -> None:
    pages = [Image.new("RGB", (16, 16), colour) for colour in (GREEN, BLUE)]
    decoded = here(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert near(decoded.frame, GREEN, 0)
    assert decoded.notes == ("It has several pages: the first one was used.",)


def test_an_animated_image_tells_so_in_the_clip(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (416, 240), colour) for colour in (GREEN, BLUE)]
    path = tmp_path / "loop.webp"
    path.write_bytes(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    with archive(tmp_path / "data") as library:
        inputs = Inputs(library, [tmp_path])
        prepared = prepare_animate(AnimateRequest(prompt="x", image=str(path)), inputs)
        [shot, _] = shot_sources([Shot(source=str(path))] * 2, inputs)
    assert shot.notes == ("loop.webp: It is an animation: its first frame was used.",)
    assert "loop.webp: It is an animation: its first frame was used." in prepared.notes(PLAN)


# -- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "AVIF"])
def test_what_is_too_large_is_refused_by_its_header(kind: str) -> None:
    if kind == "AVIF":  # the size stands in a box; nothing of it is decoded
        content = encoded((16, 16), kind).replace(b"ispe" + bytes(4) + struct.pack(">II", 16, 16),
                                                  b"ispe" + bytes(4) + struct.pack(">II", 9000, 9000))  # fmt: skip
    else:
        content = saved(Image.new("1", (9000, 9000)), kind)
    with pytest.raises(TooManyPixels, match="has 9000x9000 pixels"):
        here(content)


def test_a_size_and_a_broken_file_are_told_from_the_other_process_too() -> None:
    content = saved(Image.new("1", (9000, 9000)), "TIFF", compression="group4")
    with pytest.raises(BadInput, match=r"a has 9000x9000 pixels\. The largest is 65 megapixels: save"):
        read_image(content, "a")
    with pytest.raises(BadInput, match=rf"a cannot be read as an image\. Use a whole {NAMES} file"):
        read_image(encoded((64, 64), "AVIF")[:-40], "a")


def test_floating_point_is_refused_with_what_to_do() -> None:
    with pytest.raises(NotDecoded, match="floating-point numbers: save it with 8 or 16 bits"):
        here(as_tiff(np.zeros((4, 4), dtype=np.float32)))


FOREIGN: dict[str, bytes] = {
    "a JPEG XL image": b"\xff\x0a" + bytes(50),
    "a JPEG 2000 image": saved(Image.new("RGB", (8, 8)), "JPEG2000"),
    "a Photoshop document": b"8BPS\0\1" + bytes(50),
    "an OpenEXR image": b"v/1\x01" + bytes(50),
    "a Windows icon": saved(Image.new("RGB", (16, 16)), "ICO"),
    "an SVG image": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "a PDF document": b"%PDF-1.7" + bytes(50),
    "a ZIP archive or Office document": b"PK\x03\x04" + bytes(50),
    "an MP3 file": b"ID3\x04" + bytes(50),
    "a camera's raw file": b"\0\0\0\x18ftypcrx " + bytes(50),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_not_read_is_named_with_what_is(kind: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_image(FOREIGN[kind], "a.png")
    assert str(refusal.value) == f"a.png cannot be read as an image: it is {kind}. Use a whole {NAMES} file."


@pytest.mark.parametrize("kind", [each.pillow for each in STILL_FORMATS if each.pillow != "HEIF"])
def test_every_format_is_known_by_its_first_bytes(kind: str) -> None:
    name = next(each.name for each in STILL_FORMATS if each.pillow == kind)
    found = kind_of(encoded((16, 16), kind)[:400])
    assert found
    assert found.name.endswith(f" {name} image")


def test_the_readme_names_every_format() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert NAMES.replace(" or ", " and ") in readme


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_the_process_that_decodes_can_neither_write_nor_take_all_memory(tmp_path: Path) -> None:
    code = """
import sys
from ltx_mcp.media.still_decoding import _limit_self
_limit_self()
try:
    bytearray(5 * 2**30)
except MemoryError:
    print("memory")
try:
    with open(sys.argv[1], "wb", buffering=0) as file:
        file.write(b"x")
except OSError:
    print("file")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "written"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["memory", "file"], done.stderr


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut in half": lambda content: content[: len(content) // 2],
    "zeros from the middle on": lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
    "ones from a quarter on": lambda content: content[: len(content) // 4] + b"\xff" * 999,
}


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "HEIF", "BMP"])
def test_what_is_broken_is_refused_or_read_and_nothing_else(kind: str) -> None:
    content = TURNED_HEIC if kind == "HEIF" else encoded((64, 64), kind)
    for damage in BROKEN.values():
        try:
            frame = here(damage(content)).frame
        except (NotDecoded, OSError, ValueError, SyntaxError, RuntimeError, EOFError, struct.error, TypeError):
            continue
        assert frame.dtype == np.uint8
