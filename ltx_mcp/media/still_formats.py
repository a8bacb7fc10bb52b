"""The formats of still images that are read: the one list that errors, README and capabilities agree with.

`inside` are decoded in this process; the others, whose decoders are large or slow, in one of their own.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class StillFormat:
    """`name` as people say it, `pillow` as Pillow does; `suffixes` of files that hold nothing else."""

    name: str
    pillow: str
    suffixes: tuple[str, ...]
    inside: bool = False


STILL_FORMATS = (
    StillFormat("PNG", "PNG", (".png", ".apng"), inside=True),  # APNG too
    StillFormat("JPEG", "JPEG", (".jpg", ".jpeg"), inside=True),
    StillFormat("WebP", "WEBP", (".webp",), inside=True),
    StillFormat("GIF", "GIF", (), inside=True),
    StillFormat("AVIF", "AVIF", (".avif",)),
    StillFormat("HEIC", "HEIF", (".heic", ".heif")),
    StillFormat("TIFF", "TIFF", (".tif", ".tiff")),
    StillFormat("BMP", "BMP", (".bmp",)),
)

NAMES = f"{', '.join(each.name for each in STILL_FORMATS[:-1])} or {STILL_FORMATS[-1].name}"
HINT = f"Use a whole {NAMES} file."
SUFFIXES = tuple(suffix for each in STILL_FORMATS for suffix in each.suffixes)
MAX_PIXELS = 65_000_000  # a 64-megapixel phone camera (9248x6936); 195 MB once decoded
