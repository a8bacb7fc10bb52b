"""What should not meet in one film meets, or the error names the shot and the remedy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import an_agent, data, text
from media_kit import ffmpeg
from PIL import Image

from ltx_mcp.media.footage import open_footage, read_audio
from ltx_mcp.media.probe import probe, read_frames

pytestmark = pytest.mark.anyio

SMALL = {"resolution": "240p", "aspect": "16:9", "fps": 12}
GREY = (90, 90, 90)


@pytest.fixture
def grey(tmp_path: Path) -> str:
    Image.new("RGB", (416, 240), GREY).save(tmp_path / "grey.png")
    return str(tmp_path / "grey.png")


def footage(path: Path, colour: str, fps: float, channels: int, *more: str) -> str:
    """A second in one colour, with a tone in all its channels."""
    ffmpeg("-f", "lavfi", "-i", f"color={colour}:s=208x120:r={fps}:d=1", "-f", "lavfi", "-i", "sine=440:d=1",
           "-af", f"pan={'mono' if channels == 1 else '5.1'}|" + "|".join(f"c{at}=c0" for at in range(channels)),
           *more, path)  # fmt: skip
    return str(path)


@pytest.mark.slow
async def test_every_rate_sound_layout_range_and_size_meets_in_one_film(tmp_path: Path) -> None:
    hdr = ("-vf", "format=yuv420p10le,lutyuv=y=572:u=512:v=512,"
           "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc", "-c:v", "libx265",
           "-x265-params", "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc")  # fmt: skip
    Image.new("RGB", (1, 1), (40, 80, 220)).save(tmp_path / "dot.png")
    Image.new("L", (8000, 8000), 128).save(tmp_path / "huge.jpg")
    sources = [
        footage(tmp_path / "slow.mp4", "red", 8, 6),
        footage(tmp_path / "fast.mp4", "green", 60, 1),
        footage(tmp_path / "hdr.mp4", "gray", 12, 1, *hdr),
        str(tmp_path / "dot.png"),
        str(tmp_path / "huge.jpg"),
    ]
    shots = [{"source": source, "duration_s": 0.5} for source in sources]
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=90) as agent:
        film = data(await agent.call_tool("edit_video", {"shots": shots, **SMALL}))
    path = Path(film["clip"]["path"])
    assert probe(path).frames == 30
    means = [frame.mean(axis=(0, 1)) for _, frame in read_frames(path, [0.25, 0.75, 1.25, 1.75, 2.25])]
    assert [int(np.argmax(mean)) for mean in (means[0], means[1], means[3])] == [0, 1, 2], "red, green, blue"
    assert min(means[2]) > 190, "HDR's white is SDR's"
    assert max(abs(means[4] - 128)) < 6
    audio = read_audio(open_footage(path, "film"))
    assert audio is not None
    levels = [float(np.sqrt(np.mean(audio[:, round(at * 48_000) :][:, :14_400] ** 2))) for at in (0.1, 0.6, 1.1, 1.6)]
    assert min(levels[:3]) > 0.05, "a sound of 5.1 beside one of mono"
    assert levels[3] < 0.01 * levels[1], "a still is silent"


async def test_texts_of_any_length_and_script_are_set_and_none_acts(tmp_path: Path, grey: str) -> None:
    titles = [("مرحبا بالعالم هذا عنوان طويل " * 18)[:500], "夜の東京はとても長い。" * 45, "🎬🚀😀" * 160]
    hostile = r"{\an8\fs900\p1}m 0 0 l 9999 0 9999 9999 {\p0}%{eif:1}\N[[x]]';drawtext=/etc/hostname"
    cues = [f"{n + 1}\n00:00:00,000 --> 00:00:{9 + n % 50:02},000\n{hostile if n else 'One.'}\n" for n in range(3)]
    later = "".join(
        f"{n}\n{n // 3600 + 1:02}:{n // 60 % 60:02}:{n % 60:02},000 --> 09:00:00,000\nLine {n}\n\n"
        for n in range(9_990)
    )
    shots = [{"source": grey, "duration_s": 0.5, "title": title[:500]} for title in titles]
    arguments: dict[str, Any] = {"shots": shots, "subtitles": {"text": "\n".join(cues) + "\n" + later}, **SMALL}
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=90) as agent:
        result = await agent.call_tool("edit_video", arguments)
    film = data(result)["clip"]
    assert film["frames"] == 18, text(result)
    for _, frame in read_frames(Path(film["path"]), [0.25, 0.75, 1.25]):
        white = frame.min(axis=2) > 200
        assert 100 < white.sum() < white.size / 2, "letters, and not a drawing over the whole"
        assert not white[:8].any()
        assert not white[:, :30].any()


async def test_what_is_too_much_names_what_it_is(tmp_path: Path, grey: str) -> None:
    shot = {"source": grey, "duration_s": 0.1}
    Image.new("1", (9_400, 9_400)).save(tmp_path / "vast.png")
    joined = {**shot, "transition": "dissolve", "transition_s": 0.1}
    words = "We leave at dawn. " * 300
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"shots": [shot] * 101}, "shots cannot be used: it has 101 items, and at most 100 are taken."),
        ({"shots": [shot, {**shot, "source": str(tmp_path / "vast.png")}]}, "Shot 2: vast.png has 9400x9400 pixels."),
        ({"shots": [shot, *[joined] * 30]}, "Use a cut, or make shot 2 longer."),
        ({"shots": [shot], "narration": [{"text": words[:5000]}]}, "Narration 1: it lasts"),
        ({"shots": [shot], "narration": [{"text": words}]}, "Narration 1: text"),
        ({"shots": [shot], "titles": [{"text": "a" * 501, "at_s": 0}]}, "Title 1: text"),
        ({"shots": [shot], "subtitles": {"text": "1\n00:00:01,000 --> 00:00:02,000\nx\n\n" * 10_001}}, "10,000"),
    ]
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        for arguments, problem in refusals:
            result = await agent.call_tool("edit_video", {**arguments, **SMALL})
            assert result.is_error, problem
            assert problem in text(result), json.dumps(arguments)[:200]
    assert not list((tmp_path / "data" / "clips").glob("*"))
