"""Large clips from an MCP client on the micro model: in tiles, scaled up, and what is said of both."""

from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest
from agents import an_agent, data, text
from mcp import Client
from media_kit import photo

from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.plan.memory import GB, Machine
from ltx_mcp.engine.plan.tiling import spans
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.media.footage import open_footage, read_audio, read_video
from ltx_mcp.media.images import read_image
from ltx_mcp.media.probe import probe
from ltx_mcp.media.resize import cover

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LARGE = {"prompt": "an astronaut smiles", "resolution": "2160p", "duration_s": 0.5, "fps": 8, "seed": 1}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncGenerator[Client]:
    """On a machine of 4 GB: 2160p cannot be decoded there, and 1440p can."""
    engine = LtxEngine(MicroSource(), device="cpu", machine=Machine(4 * GB))
    async with an_agent(tmp_path, engine=engine, roots=[photo("astronaut.png").parent], limit_s=280) as client:
        yield client


async def test_a_photograph_becomes_2160p_portrait_in_tiles_and_scaled_up(agent: Client) -> None:
    image = photo("astronaut.png")
    asked = {**LARGE, "image": str(image), "aspect": "9:16"}
    done = await agent.call_tool("animate_image", asked)
    while data(done)["status"] in ("queued", "running"):
        done = await agent.call_tool("get_job", {"job_id": data(done)["job_id"]})
    assert data(done)["status"] == "succeeded", text(done)
    effective, clip = data(done)["effective"], data(done)["clip"]
    assert (effective["tiles"], effective["upscaled"], effective["upscaled_from"]) == ([1, 2], True, [1440, 2560])
    assert (effective["made_width"], effective["made_height"], effective["beyond_training"]) == (1472, 2560, True)
    for note in ("1 x 2 tiles", "scaled up, which adds no detail", "expect repeated or broken forms"):
        assert note in text(done)
    facts = probe(Path(clip["path"]))
    assert (facts.width, facts.height, facts.fps, facts.frames, facts.codec) == (2160, 3840, 8, 4, "hevc")
    assert (clip["moderation"]["verdict"], clip["searchable"], clip["source"]) == ("passed", True, str(image))
    footage = open_footage(Path(clip["path"]), "clip")
    audio = read_audio(footage)
    assert audio is not None
    assert audio.shape[1] == pytest.approx(0.5 * 48_000, abs=1024)
    shown = np.stack(list(read_video(footage, 2160, 3840, 8, 4))).astype(np.float32)
    first = cover(read_image(image.read_bytes(), "photo"), 2160, 3840)
    assert np.abs(shown[0] - first).mean() < 12, "the first frame is the photograph"
    assert_no_seam(shown[1:], 2560, 3840 / 2560)


def assert_no_seam(frames: np.ndarray, made: int, scale: float) -> None:
    """What changes across the edges of the tiles' shared rows is no more than across the edges of cells near them."""
    change = np.abs(np.diff(frames.mean(axis=3), axis=1)).mean(axis=(0, 2))
    edges = {cell: change[round(32 * cell * scale) - 1 :][:2].mean() for cell in range(1, made // 32)}
    (_, end), (start, _) = spans(made // 32, 2)
    for edge in (start, end):
        near = [edges[edge + away] for away in (-2, -1, 1, 2)]
        assert edges[edge] < 1.5 * max(near), (edges[edge], near)
