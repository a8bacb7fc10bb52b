"""Decodes a still image with Pillow: from the bytes of a file to an upright RGB frame. The bytes may be hostile.

Runs in this process, or in one of its own (`main`), with limits: so it imports nothing of ours that imports more.
"""

import json
import sys
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.coded_colour import ADOBE_RGB, coded_colour, to_srgb
from ltx_mcp.media.colour import in_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

_CPU_S = 120
_MEMORY_BYTES = 4 * 2**30  # of addresses: an image of the largest size is held four times while its colours change
_MIN_IS_WHITE, _PHOTOMETRIC = 0, 262  # of TIFF
_OTHER_COLOURS = 3.0  # of 255, on average: less is another spelling of sRGB


class NotDecoded(Exception):
    """An image that cannot be used; its text ends the sentence that begins with the file's name."""


class TooManyPixels(NotDecoded):
    """More than the limit."""


@dataclass(frozen=True)
class Decoded:
    """`frame` is (height, width, 3), RGB, uint8; `notes` say what was changed, without the file's name."""

    frame: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def decode(content: bytes, formats: "Sequence[str]", max_pixels: int) -> Decoded:
    """By content, as one of Pillow's `formats`: the first frame, upright, in sRGB, on white where it is transparent.

    Raises NotDecoded, or whatever Pillow raises for a hostile file.
    """
    from PIL import Image

    if "HEIF" in formats:
        _admit_heif()
    try:
        with Image.open(BytesIO(content), formats=tuple(formats)) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooManyPixels(f"has {width}x{height} pixels")
            return _decoded(image, content)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's own limit, which opening applies
        raise TooManyPixels("has too many pixels") from None


def _admit_heif() -> None:
    try:
        import pi_heif
    except ImportError:
        raise NotDecoded(
            "is a HEIC image, and pi-heif, which reads those, is missing here: install it, or save a JPEG"
        ) from None
    pi_heif.register_heif_opener(thumbnails=False)


def _decoded(image: "Image", content: bytes) -> Decoded:
    from PIL import ImageOps

    notes = _several(image)
    profile = image.info.get("icc_profile")
    inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _MIN_IS_WHITE
    image.load()
    try:
        upright, is_adobe = ImageOps.exif_transpose(image), _is_adobe_rgb(image)
    except Exception:  # Exif that is broken in one of many ways says nothing
        upright, is_adobe = image, False
    if upright.mode == "F":
        raise NotDecoded("holds floating-point numbers: save it with 8 or 16 bits")
    if upright.mode == "LAB":
        upright = _from_lab(upright)
    if upright.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        grey = (np.clip(np.asarray(upright), 0, 0xFFFF) >> 8).astype(np.uint8)
        return Decoded(np.repeat((255 - grey if inverted else grey)[..., None], 3, axis=2), notes)
    upright, transparent = _on_white(upright)
    coded = None if profile else ADOBE_RGB if is_adobe else coded_colour(content)
    if coded is not None and coded.is_other:
        said = "HDR was tone-mapped to SDR." if coded.is_hdr else "Its wide colours were converted to sRGB."
        return Decoded(to_srgb(np.asarray(upright.convert("RGB")), coded), (*notes, *transparent, said))
    converted = in_srgb(upright, profile).convert("RGB")
    wide = ("Its colours were converted from its colour profile to sRGB.",) if _differ(upright, converted) else ()
    return Decoded(np.array(converted), (*notes, *transparent, *wide))


def _is_adobe_rgb(image: "Image") -> bool:
    """As the DCF rules for cameras have it: "R03" among the facts on interoperability."""
    from PIL.ExifTags import IFD

    index = image.getexif().get_ifd(IFD.Interop).get(1, "")
    return str(index).startswith("R03")


def _several(image: "Image") -> tuple[str, ...]:
    """Whether the file holds more than is used. A second one is looked for and no more: a file may claim any number."""
    if image.format == "TIFF":
        try:
            image.seek(1)
        except EOFError:
            return ()
        image.seek(0)
        return ("It has several pages: the first one was used.",)
    if image.format in ("PNG", "GIF", "WEBP", "AVIF") and getattr(image, "is_animated", False):
        return ("It is an animation: its first frame was used.",)
    return ()


def _from_lab(image: "Image") -> "Image":
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image


def _on_white(image: "Image") -> "tuple[Image, tuple[str, ...]]":
    from PIL import Image

    if image.has_transparency_data:
        above = image.convert("RGBA")
        seen = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above).convert("RGB")
        is_opaque = above.getchannel("A").getextrema() == (255, 255)
        return seen, () if is_opaque else ("Its transparent parts were put on white.",)
    return (image.convert("RGB") if image.mode in ("P", "1", "RGBX") else image), ()


def _differ(image: "Image", converted: "Image") -> bool:
    if image.mode != "RGB" or image is converted:
        return False
    small = [np.asarray(each.resize((64, 64)), dtype=np.int16) for each in (image, converted)]
    return bool(np.abs(small[0] - small[1]).mean() > _OTHER_COLOURS)


# -- in a process of its own ----------------------------------------------------------------------------------


def main(max_pixels: int, formats: "Sequence[str]") -> None:
    """Decodes what is on standard input. Answers on standard output: a line of JSON, and after it the pixels."""
    _limit_self()
    answer: dict[str, Any]
    pixels = b""
    try:
        decoded = decode(sys.stdin.buffer.read(), formats, max_pixels)
        height, width, _ = decoded.frame.shape
        answer = {"height": height, "width": width, "notes": decoded.notes}
        pixels = decoded.frame.tobytes()
    except NotDecoded as error:
        answer = {"problem": str(error), "too_many": isinstance(error, TooManyPixels)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + pixels)


def _limit_self() -> None:
    """What a hostile file may use. Windows has no such limits: there it is the time alone."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
