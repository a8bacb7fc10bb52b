"""What a file is, by its first bytes: for errors that say what came, and what to do with it.

Nothing is decoded here, and no decoder is chosen by it.
"""

import re
from dataclasses import dataclass
from typing import Literal

HEAD_BYTES = 400  # enough for two packets of MPEG-TS, and for what stands before the root of an SVG

Family = Literal["image", "video", "audio", "other"]


@dataclass(frozen=True)
class FileKind:
    """`name` as people say it, with its article, such as "a JPEG image"."""

    name: str
    family: Family


_START: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89PNG\r\n\x1a\n", FileKind("a PNG image", "image")),
    (b"\xff\xd8\xff", FileKind("a JPEG image", "image")),
    (b"GIF8", FileKind("a GIF image", "image")),
    (b"II*\x00", FileKind("a TIFF image", "image")),
    (b"MM\x00*", FileKind("a TIFF image", "image")),
    (b"II+\x00", FileKind("a BigTIFF image", "image")),
    (b"MM\x00+", FileKind("a BigTIFF image", "image")),
    (b"\xff\x0a", FileKind("a JPEG XL image", "image")),
    (b"\x00\x00\x00\x0cJXL ", FileKind("a JPEG XL image", "image")),
    (b"\x00\x00\x00\x0cjP  ", FileKind("a JPEG 2000 image", "image")),
    (b"8BPS", FileKind("a Photoshop document", "image")),
    (b"v/1\x01", FileKind("an OpenEXR image", "image")),
    (b"#?RADIANCE", FileKind("a Radiance HDR image", "image")),
    (b"\x00\x00\x01\x00", FileKind("a Windows icon", "image")),
    (b"qoif", FileKind("a QOI image", "image")),
    (b"DDS ", FileKind("a DirectDraw texture", "image")),
    (b"FUJIFILMCCD-RAW", FileKind("a camera's raw file", "image")),
    (b"IIRO", FileKind("a camera's raw file", "image")),
    (b"IIU\x00", FileKind("a camera's raw file", "image")),
    (b"\x1aE\xdf\xa3", FileKind("a Matroska or WebM video", "video")),
    (b"FLV\x01", FileKind("a Flash video", "video")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", FileKind("a Windows Media file", "video")),
    (b"\x00\x00\x01\xba", FileKind("a DVD or MPEG program stream", "video")),
    (b"\x00\x00\x01\xb3", FileKind("an MPEG video stream", "video")),
    (b".RMF", FileKind("a RealMedia file", "video")),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", FileKind("an MXF file", "video")),
    (b"nut/multimedia", FileKind("a NUT file", "video")),
    (b"DKIF", FileKind("an IVF file", "video")),
    (b"YUV4MPEG2", FileKind("a file of raw frames", "video")),
    (b"\x00\x00\x00\x01", FileKind("a raw stream without a container", "video")),
    (b"OggS", FileKind("an Ogg file", "video")),
    (b"ID3", FileKind("an MP3 file", "audio")),
    (b"fLaC", FileKind("a FLAC file", "audio")),
    (b"FORM", FileKind("a sound file", "audio")),
    (b"%PDF", FileKind("a PDF document", "other")),
    (b"%!PS", FileKind("a PostScript document", "other")),
    (b"PK\x03\x04", FileKind("a ZIP archive or Office document", "other")),
    (b"\x1f\x8b", FileKind("a gzip archive", "other")),
    (b"Rar!", FileKind("a RAR archive", "other")),
    (b"7z\xbc\xaf", FileKind("a 7z archive", "other")),
    (b"\x7fELF", FileKind("a program", "other")),
    (b"MZ", FileKind("a program", "other")),
)
_RIFF = {
    b"WEBP": FileKind("a WebP image", "image"),
    b"AVI ": FileKind("an AVI video", "video"),
    b"WAVE": FileKind("a WAV file", "audio"),
}
_BRANDS = {  # of ISO base media files, the major one
    b"avif": FileKind("an AVIF image", "image"),
    b"avis": FileKind("an AVIF image", "image"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
                    FileKind("a HEIC image", "image")),
    b"crx ": FileKind("a camera's raw file", "image"),
    **dict.fromkeys((b"M4A ", b"M4B "), FileKind("an M4A file", "video")),  # a container that may hold one
    b"qt  ": FileKind("a MOV video", "video"),
}  # fmt: skip
_MARKUP = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!DOCTYPE|<!--|<svg|<html)", re.IGNORECASE)


def kind_of(head: bytes) -> FileKind | None:
    """By the first `HEAD_BYTES` of a file; None for what is not known here."""
    if head[4:8] == b"ftyp":
        # Still images may name the general brand first, and what they are after it.
        brand = head[8:12]
        if brand in (b"mif1", b"msf1") and b"avif" in head[16 : int.from_bytes(head[:4], "big")]:
            brand = b"avif"
        return _BRANDS.get(brand, FileKind("an MP4 video", "video"))
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):  # QuickTime before it had brands
        return FileKind("a MOV video", "video")
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return FileKind("a BMP image", "image")
    if (head[:1] == b"G" and head[188:189] == b"G") or (head[4:5] == b"G" and head[196:197] == b"G"):
        return FileKind("an MPEG transport stream", "video")
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4):
        return FileKind("an MP3 file", "audio")
    if _MARKUP.match(head):
        return FileKind("an SVG image" if b"<svg" in head.lower() else "text with markup", "other")
    return next((kind for start, kind in _START if head.startswith(start)), None)
