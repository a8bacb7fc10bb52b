"""Packets of a source put back into a film: bit for bit, or the film stays as it was."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltx_mcp.errors import MediaError
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.media.splice import UnchangedFrames, splice
from ltx_mcp.types.codecs import Codec
from ltx_mcp.types.frames import Frame

SIZE = (64, 48)


def write(
    path: Path, seed: int, frames: int = 50, fps: float = 8, codec: Codec = "h264", with_audio: bool = True
) -> Path:
    random = np.random.default_rng(seed)
    base = random.integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    audio = random.uniform(-0.5, 0.5, (2, round(frames / fps * 48_000))).astype(np.float32) if with_audio else None
    with VideoWriter(
        path, *SIZE, fps, frames, codec=codec, audio=audio, metadata={"comment": f"film {seed}"}
    ) as writer:
        for index in range(frames):
            writer.write(np.roll(base, index * 2, axis=1))
    return path


def decoded(path: Path, fps: float = 8, frames: int = 50) -> Sequence[Frame]:
    return list(read_video(open_footage(path, ""), *SIZE, fps, frames))


def same(one: Sequence[Frame], other: Sequence[Frame], places: Any) -> bool:
    return all(np.array_equal(one[place], other[place]) for place in places)


@pytest.mark.parametrize(("codec", "fps", "every"), [("h264", 8.0, 16), ("hevc", 8.0, 16), ("h264", 9.99, 20)])
def test_the_rest_decodes_bit_for_bit_as_the_source_and_the_span_as_the_film(
    tmp_path: Path, codec: Codec, fps: float, every: int
) -> None:
    """In a folder whose name would end a quoted name in ffmpeg's script."""
    folder = tmp_path / "it's one"
    folder.mkdir()
    source, film = (write(folder / f"{seed}.mp4", seed, fps=fps, codec=codec) for seed in (1, 2))
    before = [decoded(path, fps) for path in (source, film)]
    assert splice(film, UnchangedFrames(source, every + 3, every + 6)) == (every, 2 * every)
    after = decoded(film, fps)
    outside = [*range(every), *range(2 * every, 50)]
    assert same(after, before[0], outside)
    assert not any(same(after, before[1], [place]) for place in outside)
    assert same(after, before[1], range(every, 2 * every))
    found = probe(film)
    assert (found.frames, found.has_audio) == (50, True)
    assert found.fps == pytest.approx(fps)
    assert found.audio_duration_s == pytest.approx(found.duration_s, abs=1 / 48_000)
    times_s = [time_s for time_s, _ in read_frames(film, [place / fps for place in range(50)])]
    assert times_s == pytest.approx([place / fps for place in range(50)], abs=1e-4)
    assert all(later > earlier for earlier, later in pairwise(times_s))
    assert b"film 2" in film.read_bytes(), "it says what it is"
    assert sorted(path.name for path in folder.iterdir()) == ["1.mp4", "2.mp4"]


def test_the_source_of_a_longer_film_is_its_beginning(tmp_path: Path) -> None:
    source, film = write(tmp_path / "1.mp4", 1, frames=36, with_audio=False), write(tmp_path / "2.mp4", 2)
    shown = decoded(source, frames=36)
    assert splice(film, UnchangedFrames(source, 35)) == (32, None)
    assert same(decoded(film), shown, range(32))
    assert probe(film).has_audio


def test_what_no_key_frame_parts_from_the_span_is_left_alone(tmp_path: Path) -> None:
    source, film = write(tmp_path / "1.mp4", 1), write(tmp_path / "2.mp4", 2)
    content = film.read_bytes()
    assert splice(film, UnchangedFrames(source, 15, 49)) == (0, None)
    assert film.read_bytes() == content


@pytest.mark.parametrize("other", [{"codec": "hevc"}, {"fps": 10.0}])
def test_a_source_that_was_encoded_in_another_way_leaves_the_film_as_it_was(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    source, film = write(tmp_path / "1.mp4", 1, **other), write(tmp_path / "2.mp4", 2)
    content = film.read_bytes()
    with pytest.raises(MediaError, match="another way"):
        splice(film, UnchangedFrames(source, 20, 25))
    assert film.read_bytes() == content
    assert len(list(tmp_path.iterdir())) == 2


def test_a_source_that_is_gone_leaves_the_film_as_it_was(tmp_path: Path) -> None:
    film = write(tmp_path / "2.mp4", 2)
    content = film.read_bytes()
    with pytest.raises(MediaError):
        splice(film, UnchangedFrames(tmp_path / "gone.mp4", 20, 25))
    assert film.read_bytes() == content
