"""The watermark: what is put into frames is read again from what an encoder leaves of them, and from nothing else."""

import wave
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_kit import ffmpeg, photo
from PIL import Image

from ltx_mcp.errors import ArchiveError
from ltx_mcp.media.audio import SAMPLE_RATE
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import Footage, open_footage
from ltx_mcp.types.frames import Audio, Frame
from ltx_mcp.watermark.base import CLIP_BITS, INSTALLATION_BITS, Mark, Watermarker
from ltx_mcp.watermark.convolution import SYMBOLS, decode, encode
from ltx_mcp.watermark.identity import NAME, Identity, own_identity
from ltx_mcp.watermark.payload import from_bits, to_bits
from ltx_mcp.watermark.reading import marks_in, marks_in_audio
from ltx_mcp.watermark.spread_spectrum import SpreadSpectrum
from ltx_mcp.watermark.stand_in import VisibleMark

WIDTH, HEIGHT, FPS = 640, 360, 24.0
FIRST, SECOND = Mark(0x01234567, 0x89ABCD), Mark(0xFFFFFFFF, 0)
MARKS = st.builds(Mark, st.integers(0, 2**INSTALLATION_BITS - 1), st.integers(0, 2**CLIP_BITS - 1))


def panned(name: str, count: int) -> Iterator[Frame]:
    """A photograph under a moving camera."""
    image = Image.open(photo(name)).convert("RGB").resize((WIDTH + count, HEIGHT + count))
    for number in range(count):
        yield np.asarray(image.crop((number, number, number + WIDTH, number + HEIGHT)))


def written(path: Path, frames: list[Frame]) -> Footage:
    with VideoWriter(path, WIDTH, HEIGHT, FPS, len(frames)) as writer:
        for frame in frames:
            writer.write(frame)
    return open_footage(path, path.name)


def marked(watermarker: Watermarker, mark: Mark, frames: Iterator[Frame]) -> list[Frame]:
    marker = watermarker.marker(mark, WIDTH, HEIGHT, FPS)
    return [marker(number, frame) for number, frame in enumerate(frames)]


@pytest.mark.parametrize("watermarker", [SpreadSpectrum(), VisibleMark()])
def test_each_clip_of_a_film_is_told_by_its_mark_after_crf_28(watermarker: Watermarker, tmp_path: Path) -> None:
    frames = [
        *marked(watermarker, FIRST, panned("coffee.png", 60)),
        *panned("chelsea.png", 60),
        *marked(watermarker, SECOND, panned("astronaut.png", 60)),
    ]
    written(tmp_path / "film.mp4", frames)
    ffmpeg("-i", tmp_path / "film.mp4", "-crf", 28, tmp_path / "copy.mp4")
    first, second = marks_in(open_footage(tmp_path / "copy.mp4", "copy.mp4"), watermarker)
    assert (first.text, second.text) == (FIRST.text, SECOND.text) == ("01234567-89abcd", "ffffffff-000000")
    assert first.start_s == 0
    assert 2 <= first.end_s <= 5
    assert 2.5 <= second.start_s <= 6
    assert second.end_s >= 7
    assert min(first.agreement, second.agreement) > 0.9


@pytest.mark.parametrize("watermarker", [SpreadSpectrum(), VisibleMark()])
def test_no_mark_is_read_where_none_is(watermarker: Watermarker, tmp_path: Path) -> None:
    grey = np.full((HEIGHT, WIDTH, 3), 128, dtype=np.uint8)
    footage = written(tmp_path / "plain.mp4", [*panned("coffee.png", 48), *[grey] * 12])
    assert marks_in(footage, watermarker) == ()


def noise(seconds: float) -> Audio:
    """Pink, in stereo at 48 kHz."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal((2, round(seconds * SAMPLE_RATE))))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.shape[1]) + 1), round(seconds * SAMPLE_RATE))
    return np.asarray(pink / np.abs(pink).max() / 2, dtype=np.float32)


def encoded(audio: Audio, folder: Path) -> Path:
    """As an agent's editor would write it, from 0.7 s on, at another rate."""
    with wave.open(str(folder / "audio.wav"), "wb") as file:
        file.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((audio.T * 32767).astype("<i2").tobytes())
    ffmpeg("-i", folder / "audio.wav", "-af", "volume=-6dB", "-ar", 44100, "-b:a", "96k", folder / "copy.m4a")
    return folder / "copy.m4a"


@pytest.mark.parametrize("watermarker", [SpreadSpectrum(), VisibleMark()])
def test_audio_is_told_by_its_mark_after_an_encoder_and_only_what_was_made_is_changed(
    watermarker: Watermarker, tmp_path: Path
) -> None:
    audio, made = noise(9), range(2 * SAMPLE_RATE, 9 * SAMPLE_RATE)
    assert marks_in_audio(encoded(audio, tmp_path), watermarker) == ()
    kept = audio.copy()
    marked = watermarker.mark_audio(FIRST, audio, made)
    assert np.array_equal(audio, kept)
    assert np.array_equal(marked[:, : made.start], audio[:, : made.start])
    [found] = marks_in_audio(encoded(marked, tmp_path), watermarker)
    assert (found.text, found.medium) == (FIRST.text, "audio")
    assert found.end_s > 7
    assert watermarker.read_audio([np.zeros((2, 48_000), np.float32)]) == watermarker.read_audio([]) == ()


def test_marked_audio_is_as_long_and_lies_within_its_bands_at_20_db_below_what_is_there() -> None:
    audio = noise(4)
    marked = SpreadSpectrum().mark_audio(SECOND, audio, range(audio.shape[1]))
    change = marked - audio
    assert marked.shape == audio.shape
    assert marked.dtype == np.float32
    assert 20 < 10 * np.log10((audio**2).sum() / (change**2).sum()) < 40
    spectrum = np.abs(np.fft.rfft(change[0])) ** 2
    hertz = np.fft.rfftfreq(change.shape[1], 1 / SAMPLE_RATE)
    assert spectrum[(hertz > 350) & (hertz < 7200)].sum() > 0.999 * spectrum.sum()


def test_a_marked_frame_looks_as_it_did_and_the_unmarked_one_stays_as_it_was() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    flat = [np.full_like(noise, level) for level in (0, 1, 254, 255)]
    for frame in (noise, *flat, *islice(panned("chelsea.png", 9), 9)):
        kept = frame.copy()
        [seen] = marked(SpreadSpectrum(), FIRST, iter([frame]))
        assert np.array_equal(frame, kept)
        assert seen.flags.c_contiguous
        assert 0 < np.mean((seen.astype(float) - frame) ** 2) < 255**2 / 10**4.2, "42 dB"
        assert np.abs(seen.astype(int) - frame).max() <= 5, "no byte may wrap around"


@given(mark=MARKS, seed=st.integers(0, 2**32 - 1))
def test_any_eight_wrong_symbols_are_corrected_and_one_wrong_bit_is_no_message(mark: Mark, seed: int) -> None:
    rng, bits = np.random.default_rng(seed), to_bits(mark)
    read = encode(bits)
    read[rng.choice(SYMBOLS, 8, replace=False)] *= -1  # of a free distance of 18
    assert from_bits(decode(read)) == mark
    bits[rng.integers(len(bits))] ^= 1
    assert from_bits(bits) is None


def test_an_installation_marks_the_same_clip_alike_and_no_other_one_does(tmp_path: Path) -> None:
    own, other = own_identity(tmp_path), Identity(bytes(32))
    mark = own_identity(tmp_path).mark("a red circle")
    assert mark == own.mark("a red circle")
    assert mark.installation == own.mark("a ring").installation
    assert mark.clip != own.mark("a ring").clip
    assert mark.installation != other.mark("a red circle").installation
    (tmp_path / NAME).write_text("mine")
    with pytest.raises(ArchiveError, match="damaged"):
        own_identity(tmp_path)
    (tmp_path / "a file").write_text("")
    with pytest.raises(ArchiveError, match="cannot be used"):
        own_identity(tmp_path / "a file")
