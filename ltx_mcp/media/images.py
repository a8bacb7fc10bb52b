"""Decodes still images: from the bytes of a file to an upright RGB frame. The bytes may be hostile."""

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from ltx_mcp.errors import BadInput
from ltx_mcp.media.colour import in_srgb
from ltx_mcp.types.frames import Frame

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 65_000_000  # a 64-megapixel phone camera (9248x6936); 195 MB once decoded
HINT = "Use a whole PNG, JPEG, WebP or GIF file."
_KINDS = ("PNG", "JPEG", "WEBP", "GIF")  # the few decoders that hostile bytes may reach


def read_image(content: bytes, name: str) -> Frame:
    """Decode by content, never by name: the first frame, upright, sRGB, on white where it is transparent.

    Raises BadInput that calls the file `name`.
    """
    from PIL import Image

    try:
        with Image.open(BytesIO(content), formats=_KINDS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_large(f"{name} has {width}x{height} pixels")
            return _rgb(image)
    except BadInput:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow's own limit, which opening applies
        raise _too_large(f"{name} has too many pixels") from None
    except Exception as error:  # a hostile file raises anything, from struct.error to MemoryError
        raise BadInput(f"{name} cannot be read as an image.", HINT) from error


def _too_large(what: str) -> BadInput:
    return BadInput(f"{what}.", f"The largest is {MAX_PIXELS // 10**6} megapixels: save a smaller copy.")


def _rgb(image: "Image") -> Frame:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):  # 16-bit grey, which Pillow would clip to white
        return np.repeat((np.asarray(upright) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if upright.has_transparency_data:
        above = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", above.size, "white"), above).convert("RGB")
    elif upright.mode in ("P", "1"):
        upright = upright.convert("RGB")
    return np.array(in_srgb(upright, image.info.get("icc_profile")).convert("RGB"))
