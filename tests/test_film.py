"""A whole film as an agent makes it over real stdio, with nothing to go by but the results of its tools; measured."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import imageio_ffmpeg
import numpy as np
import pytest
from agents import data
from mcp import Client
from media_kit import ffmpeg, film, photo
from numpy.typing import NDArray
from test_stdio import LIMIT_S, a_server, finished

from ltx_mcp.media.footage import open_footage, read_audio
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.media.resize import cover
from ltx_mcp.types.frames import Frame

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FPS, SECONDS = 24, 20.0
WIDTH, HEIGHT = 416, 240
MUSIC_HZ, MUSIC_S = 100, 12.0  # below every voice, and shorter than the film
VOICE_AT_S, SPOKEN = 10.5, "The boats leave the harbour before dawn."
VOICE_HZ = (300, 4000)  # of speech, without the music


async def test_an_agent_makes_a_film_of_twenty_seconds(tmp_path: Path) -> None:
    music = tmp_path / "music.wav"
    ffmpeg("-f", "lavfi", "-i", f"sine={MUSIC_HZ}:d={MUSIC_S}", music)
    still, footage = photo("astronaut.png"), film("bikes.mp4")
    roots = os.pathsep.join(map(str, (tmp_path, still.parent, footage.parent)))
    server = a_server(tmp_path / "data", LTX_MCP_ROOTS=roots)
    with anyio.fail_after(LIMIT_S):
        async with Client(server) as agent:
            clips = await four_clips(agent, still, footage)
            proof = await finished(agent, "edit_video", a_proof(clips))
            final = await finished(agent, "edit_video", a_final(proof, music))
            found = data(await agent.call_tool("search_clips", {"query": "green", "clip": final["clip"]["clip_id"]}))[
                "moments"
            ]
            timeline = await agent.read_resource(f"clip://{final['clip']['clip_id']}/timeline")
        (tmp_path / "film.otio").write_text(getattr(timeline.contents[0], "text", ""))
        again = await by_command(tmp_path, server.env or {})
    made = Path(final["clip"]["path"])
    shots = final["effective"]["shots"]
    assert [shot["start_frame"] for shot in shots] == [0, 108, 228, 348]
    facts = probe(made)
    assert abs(facts.frames - SECONDS * FPS) <= 1
    assert abs((facts.audio_duration_s or 0) - SECONDS) <= 1 / FPS
    assert (facts.width, facts.height, facts.fps) == (WIDTH, HEIGHT, FPS)
    check_cuts(made, [Path(clip["path"]) for clip in clips])
    check_text(made, Path(clips[0]["path"]), Path(clips[2]["path"]))
    check_audio(made)
    assert shots[2]["start_s"] <= found[0]["peak_s"] <= shots[2]["end_s"], "the third shot, where it stands in the film"
    assert probe(Path(again["path"])).frames == facts.frames
    for mine, other in zip(every_second(made), every_second(Path(again["path"])), strict=True):
        assert difference(mine, other) < 1


async def four_clips(agent: Client, still: Path, footage: Path) -> list[dict[str, Any]]:
    """Two shots of the storyboard, a photograph brought to motion, and a real film of the user's."""
    board = await agent.get_prompt("storyboard", {"idea": "a harbour at dawn", "length_s": "20"})
    assert "edit_video" in str(board.messages[0].content)
    wanted: list[tuple[str, dict[str, Any]]] = [
        ("generate_video", {"prompt": "A red circle drifts over a dark sea."}),
        ("generate_video", {"prompt": "A blue square rises on a black background."}),
        ("animate_image", {"prompt": "A green screen lights up.", "image": str(still), "aspect": "16:9"}),
        ("import_video", {"title": "Bicycles in a park.", "video": str(footage)}),
    ]
    jobs = [await finished(agent, tool, arguments) for tool, arguments in wanted]
    return [job["clip"] for job in jobs]


def a_proof(clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Longer than it will be: its last shot is to be shortened once the agent has seen it."""
    first, second, third, imported = (clip["clip_id"] for clip in clips)
    shots: list[dict[str, Any]] = [
        {"source": first, "volume_db": -60},
        {"source": second, "volume_db": -60, "transition": "dissolve"},
        {"source": third, "volume_db": -60},
        {"source": f"{imported}@2-9.5"},
    ]
    return {"shots": shots, "resolution": "240p", "aspect": "16:9", "fps": FPS, "quality": "draft"}


def a_final(proof: dict[str, Any], music: Path) -> dict[str, Any]:
    return {
        "base": proof["clip"]["clip_id"],
        "changes": [{"shot": 4, "duration_s": 5.5}],
        "title": "A harbour at dawn",
        "titles": [{"text": "A harbour at dawn", "at_s": 0.5, "duration_s": 3}],
        "narration": [{"text": SPOKEN, "at_s": VOICE_AT_S}],
        "subtitles": {"from_narration": True},
        "music": {"source": str(music), "loop": False, "fade_s": 0},
    }


async def by_command(folder: Path, env: dict[str, str]) -> dict[str, Any]:
    """The film that `ltx-mcp edit` makes of the timeline."""
    command = [sys.executable, "-m", "ltx_mcp", "edit", "film.otio", "--json"]
    done = await anyio.run_process(command, cwd=folder, env=env, check=False)
    assert done.returncode == 0, done.stderr.decode()
    clip: dict[str, Any] = json.loads(done.stdout)
    return clip


def check_cuts(made: Path, clips: list[Path]) -> None:
    """Frames of the film beside cuts and dissolve, and those of the sources that they show."""
    last = round(SECONDS * FPS) - 1
    shown = [(108, 0, 108), (120, 1, 12), (227, 1, 119), (228, 2, 0), (347, 2, 119), (348, 3, None), (last, 3, None)]
    for place, source, source_place in shown:
        at_s = 2 + (place - 348) / FPS if source_place is None else (source_place + 0.5) / FPS
        frame, theirs = one(made, (place + 0.5) / FPS), fitted(one(clips[source], at_s + 1e-3))
        assert difference(frame, theirs) < 8, f"frame {place} is of shot {source + 1}"
        others = [fitted(one(clip, 2.5)) for clip in clips if clip != clips[source]]
        assert min(difference(frame, other) for other in others) > 16, f"frame {place} is of no other shot"


def check_text(made: Path, first: Path, third: Path) -> None:
    """The title over the first shot and the subtitle of what is spoken, each for its time and in its place."""
    for at_s, clip, into_s, rows in ((2.0, first, 2.0, slice(60, 180)), (11.5, third, 2.0, slice(180, 240))):
        text = bright(one(made, at_s + 0.02)[rows]) - bright(fitted(one(clip, into_s + 0.02))[rows])
        assert text > 200, f"white letters at {at_s} s"
    for at_s, clip, into_s in ((4.0, first, 4.0), (10.2, third, 0.7), (14.3, third, 4.8)):
        assert difference(one(made, at_s + 0.02), fitted(one(clip, into_s + 0.02))) < 4, f"no text at {at_s} s"


def check_audio(made: Path) -> None:
    loudness, peak = ebur128(made)
    assert abs(loudness + 14) <= 0.5
    assert peak <= -1
    spoken = level(made, VOICE_AT_S + 0.2, VOICE_AT_S + 1.8, *VOICE_HZ)
    assert spoken > -35
    for start_s, end_s in ((0.5, VOICE_AT_S - 0.1), (14.5, 19.9)):
        assert level(made, start_s, end_s, *VOICE_HZ) < spoken - 40, "the voice is in its window and nowhere else"
    assert level(made, 14.5, 19.9, 0, 24_000) < -70, "silence where nothing was asked"
    music = [level(made, start_s, end_s, 60, 140) for start_s, end_s in ((4, 10), (11, 11.8))]
    assert music[0] > -30
    assert music[1] < music[0] - 6, "the music gives way to the voice"


def ebur128(path: Path) -> tuple[float, float]:
    """Integrated loudness in LUFS and true peak in dBTP, as ffmpeg's own meter sums them up."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr
    summary = said[said.rindex("Summary:") :]
    found = re.search(r"I:\s+(\S+) LUFS.*Peak:\s+(\S+) dBFS", summary, re.DOTALL)
    assert found is not None
    return float(found[1]), float(found[2])


def level(path: Path, start_s: float, end_s: float, low_hz: float, high_hz: float) -> float:
    """RMS between two frequencies, in dB of full scale."""
    audio = read_audio(open_footage(path, "film", (start_s, end_s)))
    assert audio is not None
    window: NDArray[np.float64] = np.hanning(audio.shape[1])
    spectrum = np.abs(np.fft.rfft(audio[0] * window)) ** 2 / np.sum(window**2) / audio.shape[1] * 2
    hertz = np.fft.rfftfreq(audio.shape[1], 1 / 48_000)
    power = spectrum[(hertz >= low_hz) & (hertz <= high_hz)].sum()
    return float(10 * np.log10(power + 1e-12))


def one(path: Path, at_s: float) -> Frame:
    [(_, frame)] = read_frames(path, [at_s])
    return frame


def every_second(path: Path) -> list[Frame]:
    return [frame for _, frame in read_frames(path, [second + 0.02 for second in range(int(SECONDS))])]


def fitted(frame: Frame) -> Frame:
    return cover(frame, WIDTH, HEIGHT)


def bright(frame: Frame) -> int:
    """How many of its pixels are nearly white."""
    return int((frame.min(axis=2) > 200).sum())


def difference(one: Frame, other: Frame) -> float:
    return float(np.abs(one.astype(int) - other).mean())
