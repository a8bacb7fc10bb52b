"""Still images: every kind of file becomes an upright RGB frame in its own colours, and fills the asked size."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from media_kit import GREEN, encoded, photo
from numpy.typing import NDArray
from PIL import Image, ImageCms

from ltx_mcp.errors import BadInput
from ltx_mcp.media.framing import fit, nearest_aspect
from ltx_mcp.media.images import read_image
from ltx_mcp.types.sizes import ASPECTS, RESOLUTIONS, delivered_size

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def near(frame: NDArray[Any], colour: Sequence[int], tolerance: int = 6) -> bool:
    return bool((np.abs(frame.astype(int) - colour) <= tolerance).all())


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# -- colours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", "RGB"), ("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "CMYK")),
        *(("WEBP", "RGB"), ("WEBP", "RGBA"), ("GIF", "RGB"), ("GIF", "P")),
    ],
)
def test_every_kind_and_mode_keeps_its_colour(kind: str, mode: str) -> None:
    frame = read_image(encoded((16, 12), kind, mode), "a")
    assert frame.shape == (12, 16, 3)
    assert frame.dtype == np.uint8
    assert frame.flags.c_contiguous
    assert near(frame.mean(axis=(0, 1)), GREEN)  # the mean, for a palette is dithered


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    frame = read_image(saved(Image.new("L", (8, 8), 255).convert(mode)), "a")
    assert near(frame, WHITE, 0)


@pytest.mark.parametrize("level", [0x0000, 0x4080, 0xFFFF])
def test_sixteen_bit_grey_keeps_its_brightness(level: int) -> None:
    frame = read_image(saved(Image.fromarray(np.full((4, 4), level, dtype=np.uint16))), "a")
    assert (frame == level >> 8).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_become_white_and_half_transparent_ones_half(mode: str) -> None:
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0, :, 3] = (0, 128, 255)
    frame = read_image(saved(Image.fromarray(pixels).convert(mode), "WEBP" if mode == "PA" else "PNG"), "a")
    assert near(frame[0, 0], WHITE, 2)
    assert near(frame[0, 2], BLACK, 2)
    assert near(frame[0, 1], (127, 127, 127), 4)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palettes_transparent_colour_becomes_white(kind: str) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    frame = read_image(saved(image, kind, transparency=0), "a")
    assert frame[0].tolist() == [[*WHITE], [*BLUE]]


def test_a_transparent_colour_of_a_png_without_alpha_becomes_white() -> None:
    frame = read_image(saved(Image.new("RGB", (2, 2), RED), transparency=RED), "a")
    assert near(frame, WHITE, 0)


def swapped_profile() -> bytes:
    """A colour profile that calls red what others call green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_colour_profile_is_honoured(kind: str) -> None:
    quality = {"lossless": True} if kind == "WEBP" else {"quality": 95}
    content = saved(Image.new("RGB", (8, 8), RED), kind, icc_profile=swapped_profile(), **quality)
    assert near(read_image(content, "a"), (0, 255, 0), 12)


@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(2000), swapped_profile()[:200]])
def test_a_broken_colour_profile_says_nothing(profile: bytes) -> None:
    assert near(read_image(saved(Image.new("RGB", (8, 8), RED), icc_profile=profile), "a"), RED, 0)


def test_a_profile_for_another_kind_of_image_says_nothing() -> None:
    assert near(read_image(saved(Image.new("L", (8, 8), 99), icc_profile=swapped_profile()), "a"), (99, 99, 99), 0)


# -- which image, and which way up ----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "corner"),  # where the stored top left corner is shown
    [(1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0)), (5, (0, 0)), (6, (0, -1)), (7, (-1, -1)), (8, (-1, 0))],
)
def test_every_orientation_stands_upright(kind: str, orientation: int, corner: tuple[int, int]) -> None:
    image = Image.new("RGB", (64, 32), WHITE)
    image.paste(RED, (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    frame = read_image(saved(image, kind, exif=exif), "a")
    assert frame.shape == ((32, 64, 3) if orientation < 5 else (64, 32, 3))
    assert near(frame[corner], RED, 30)
    others = [frame[y, x] for y in (0, -1) for x in (0, -1) if (y, x) != corner]
    assert all(near(other, WHITE, 30) for other in others)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    first, second = Image.new("RGB", (16, 16), GREEN), Image.new("RGB", (16, 16), BLUE)
    content = saved(first, kind, save_all=True, append_images=[second, second], duration=100)
    with Image.open(BytesIO(content)) as image:
        assert image.n_frames > 1  # type: ignore[attr-defined]
    assert near(read_image(content, "a"), GREEN)


def test_of_a_phones_several_images_in_one_jpeg_the_first_counts() -> None:
    first, second = Image.new("RGB", (16, 16), GREEN), Image.new("RGB", (8, 8), BLUE)
    content = saved(first, "MPO", save_all=True, append_images=[second])
    assert near(read_image(content, "a"), GREEN)


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png", "retina.jpg", "camera.png", "logo.png"])
def test_real_photographs_are_read_as_they_are(name: str) -> None:
    frame = read_image(photo(name).read_bytes(), name)
    with Image.open(photo(name)) as image:
        assert frame.shape == (image.height, image.width, 3)
        if image.mode == "RGB":
            assert np.abs(frame.astype(int) - np.asarray(image)).mean() < 2
    assert frame.std() > 20


def test_a_real_animation_is_read_at_its_beginning() -> None:
    assert read_image(photo("no_time_for_that_tiny.gif").read_bytes(), "a").shape == (25, 14, 3)


def test_what_is_too_large_is_refused_by_its_header() -> None:
    with pytest.raises(BadInput, match=r"a has 9000x9000 pixels\. The largest is 65 megapixels: save"):
        read_image(saved(Image.new("1", (9000, 9000))), "a")


# -- filling a frame --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "target", "part", "cropped"),
    [
        ((1920, 1080), (1280, 720), (0, 0, 1920, 1080), 0.0),
        ((400, 300), (300, 300), (50, 0, 300, 300), 0.25),
        ((300, 400), (1600, 900), (0, 115.625, 300, 168.75), 0.578125),
        ((100, 50), (200, 200), (25, 0, 50, 50), 0.5),
        ((1, 1), (160, 90), (0, 0.21875, 1, 0.5625), 0.4375),
    ],
)
def test_a_fit_covers_and_crops_the_middle(
    source: tuple[int, int], target: tuple[int, int], part: tuple[float, ...], cropped: float
) -> None:
    found = fit(source, target)
    assert (found.left, found.top, found.width, found.height) == pytest.approx(part)
    assert found.cropped == pytest.approx(cropped)


def test_a_fit_says_in_words_what_is_lost() -> None:
    assert fit((400, 300), (300, 300)).note == "Cropped from the centre to fit: 25% is lost, at the left and right."
    assert fit((300, 400), (300, 300)).note == "Cropped from the centre to fit: 25% is lost, at the top and bottom."
    assert fit((1920, 1088), (1920, 1080)).note == ""  # 0.7%: not worth noting


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_the_nearest_aspect_of_a_delivered_size_is_its_own(aspect: str, resolution: str) -> None:
    assert nearest_aspect(*delivered_size(aspect, resolution)) == aspect  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("size", "aspect"),
    [((4032, 3024), "4:3"), ((3024, 4032), "3:4"), ((3000, 2000), "4:3"), ((2400, 1080), "16:9"), ((9, 9000), "9:16")],
)
def test_other_shapes_have_a_nearest_aspect(size: tuple[int, int], aspect: str) -> None:
    assert nearest_aspect(*size) == aspect
