"""The images that an agent sees: what is on them, how large they are, in pixels and bytes."""

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.errors import MediaError
from ltx_mcp.media.contact_sheet import MAX_BYTES, MAX_HEIGHT, MAX_WIDTH, ContactSheet, board

SIZES = [(416, 240), (3840, 2160), (720, 1280), (540, 540), (720, 540), (64, 48)]  # width, height


def flat(width: int, height: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def opened(jpeg: bytes) -> NDArray[np.int64]:
    """(height, width, 3), as the agent sees it."""
    image = Image.open(BytesIO(jpeg))
    assert image.format == "JPEG"
    return np.asarray(image).astype(np.int64)


def share(image: NDArray[np.int64], colour: tuple[int, int, int]) -> float:
    """How much of the image is within JPEG's error of this colour, 0..1."""
    return float((np.abs(image - colour).max(axis=2) < 24).mean())


def sheet_of(frames: list[NDArray[np.uint8]], fps: float = 24) -> bytes:
    maker = ContactSheet(len(frames), fps)
    for index, frame in enumerate(frames):
        maker.see(index, frame)
    return maker.jpeg()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_sheet_fits_its_page_and_its_bytes(width: int, height: int) -> None:
    jpeg = sheet_of([flat(width, height, (index * 20, 90, 60)) for index in range(9)])
    image = opened(jpeg)
    assert image.shape[0] <= MAX_HEIGHT
    assert image.shape[1] <= MAX_WIDTH
    assert len(jpeg) <= 150_000


def test_a_sheet_shows_nine_frames_spread_from_the_first_to_the_last() -> None:
    chosen = {0: (255, 0, 0), 15: (0, 255, 0), 60: (0, 0, 255), 105: (255, 255, 0), 120: (0, 255, 255)}
    image = opened(sheet_of([flat(416, 240, chosen.get(index, (128, 128, 128))) for index in range(121)]))
    tile = share(image, chosen[0])
    assert 0.08 < tile < 0.11, "a ninth of the page, less gaps and captions"
    for colour in chosen.values():
        assert share(image, colour) == pytest.approx(tile, rel=0.1)
    assert share(image, (128, 128, 128)) == pytest.approx(4 * tile, rel=0.1)


def test_a_sheet_reads_from_left_to_right_and_then_down() -> None:
    image = opened(sheet_of([flat(416, 240, (index * 28, 0, 0)) for index in range(9)]))
    height, width, _ = image.shape
    reds = [
        image[round(height * (row + 0.4) / 3), round(width * (column + 0.5) / 3), 0]
        for row in range(3)
        for column in range(3)
    ]
    assert reds == sorted(reds)
    assert reds[-1] > 200


def test_each_frame_of_a_sheet_has_its_time_under_it() -> None:
    """The caption of the last tile differs when only the rate, and so only the times, differ."""
    frames = [flat(416, 240, (0, 0, 0))] * 9
    slow, fast = opened(sheet_of(frames, fps=1)), opened(sheet_of(frames, fps=24))
    rows = np.flatnonzero(np.abs(slow - fast).max(axis=(1, 2)) > 100)
    assert rows.size > 0
    assert (slow > 200).any(), "light ink"


@pytest.mark.parametrize("frames", [1, 2, 4, 8])
def test_a_clip_of_few_frames_shows_each_once(frames: int) -> None:
    image = opened(sheet_of([flat(416, 240, (200, 0, 0))] * frames))
    assert share(image, (200, 0, 0)) > 0.5
    assert image.shape[1] <= MAX_WIDTH


def test_noise_the_worst_case_of_jpeg_stays_under_the_limit() -> None:
    random = np.random.default_rng(0)
    blocks = random.integers(0, 2, (240, 336, 3), dtype=np.uint8) * 255
    assert len(sheet_of([blocks] * 9)) < MAX_BYTES
    assert len(board([(blocks, "noise")] * 20)) < MAX_BYTES


def test_a_sheet_without_frames_is_an_error() -> None:
    with pytest.raises(MediaError):
        ContactSheet(9, 24).jpeg()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9, 10, 20, 25])
@pytest.mark.parametrize(("width", "height"), [(416, 240), (720, 1280)])
def test_a_board_shows_up_to_twenty_frames_within_its_page(count: int, width: int, height: int) -> None:
    jpeg = board([(flat(width, height, (200, 0, 0)), f"a clip\nclip-{rank} @ 1.0 s") for rank in range(count)])
    image = opened(jpeg)
    assert image.shape[0] <= MAX_HEIGHT
    assert image.shape[1] <= MAX_WIDTH
    assert len(jpeg) < MAX_BYTES
    assert share(image, (200, 0, 0)) > 0.2


def test_a_board_numbers_its_frames() -> None:
    image = opened(board([(flat(416, 240, (0, 0, 0)), "")] * 3))
    badge = (255, 197, 61)
    thirds = np.array_split(image, 3, axis=1)
    assert all(0.004 < share(third, badge) < 0.05 for third in thirds)
    assert np.abs(thirds[0][8:34, 8:34] - thirds[1][8:34, 7:33]).max() > 100, "1 does not look like 2"


def test_portrait_and_landscape_share_a_board_without_changing_their_shape() -> None:
    image = opened(board([(flat(720, 1280, (200, 0, 0)), "tall"), (flat(1280, 720, (0, 0, 200)), "wide")]))
    for colour, ratio in (((200, 0, 0), 720 / 1280), ((0, 0, 200), 1280 / 720)):
        rows, columns = np.nonzero(np.abs(image - colour).max(axis=2) < 24)
        assert np.ptp(columns) / np.ptp(rows) == pytest.approx(ratio, rel=0.05)


@pytest.mark.parametrize("label", ["x" * 5000, "", "x\n" * 500, "日本語 😀", "a\x00b\tc", "W" * 200 + "\n" + "i" * 200])
def test_any_label_is_cut_to_its_place(label: str) -> None:
    image = opened(board([(flat(416, 240, (0, 0, 200)), label), (flat(416, 240, (0, 200, 0)), "second")]))
    assert image.shape[1] <= MAX_WIDTH
    assert image.shape[0] < 500


def test_a_long_label_does_not_run_into_its_neighbour() -> None:
    def right_half(label: str) -> NDArray[np.int64]:
        return opened(board([(flat(416, 240, (0, 0, 0)), label), (flat(416, 240, (0, 0, 0)), "")]))[:, 516:]

    assert np.abs(right_half("W" * 500) - right_half("W")).max() < 24


def test_an_empty_board_is_an_error() -> None:
    with pytest.raises(MediaError):
        board([])
