"""Colour: what the numbers of a frame mean (sRGB, full range), and how they become those of a video and back."""

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# Full-range RGB to the limited-range BT.709 that players expect of HD; swscale alone would use BT.601.
TO_BT709 = (
    "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=bicubic+accurate_rnd+full_chroma_inp,"
    "format=yuv420p,setsar=1,"
    "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
)
TO_RGB = "format=rgb24"


def scale_filter(width: int, height: int) -> str:
    """ffmpeg's scale to this size, exact enough that the conversion to RGB does not shift colours."""
    return f"scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int"


def in_srgb(image: "Image", icc_profile: bytes | None) -> "Image":
    """Phones write Display P3, print shops CMYK: their numbers mean other colours than ours."""
    from PIL import ImageCms

    if not icc_profile:
        return image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(icc_profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # broken, or of another kind of image: then it says nothing
        return image
    return converted or image
