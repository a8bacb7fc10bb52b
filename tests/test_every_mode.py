"""Every way to make a clip, from an MCP client, on the micro model, of a real photograph and a real film."""

import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agents import an_agent, data, text
from mcp import Client
from media_kit import film, photo
from safetensors.torch import save_file

from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.engine.weights.source import MicroSource
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.media.probe import probe

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SOURCE_S, SOURCE_FPS = 1.0, 24.0
SHOT = {"prompt": "a red circle moving right", "duration_s": 0.5, "seed": 1}
LORAS = {"structure": "ic-lora-union-control", "reference": "ic-lora-clay"}
RESTYLE = {"prompt": "the same in green", "quality": "draft", "seed": 1}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncGenerator[Client]:
    media = tmp_path / "media"
    media.mkdir()
    shutil.copy(photo("astronaut.png"), media / "photo.png")
    frames, size = round(SOURCE_S * SOURCE_FPS), (320, 180)
    tone = 0.2 * np.sin(np.arange(round(SOURCE_S * 48_000)) / 20)
    with VideoWriter(
        media / "film.mp4", *size, SOURCE_FPS, frames, audio=np.stack([tone, tone]).astype("f4")
    ) as writer:
        for frame in read_video(open_footage(film("bikes.mp4"), "film"), *size, SOURCE_FPS, frames):
            writer.write(frame)
    loras = tmp_path / "loras"
    loras.mkdir()
    noise = torch.Generator().manual_seed(7)
    layer = "diffusion_model.transformer_blocks.0.attn1.to_q"
    halves = {"A": torch.randn(4, 256, generator=noise), "B": 0.01 * torch.randn(256, 4, generator=noise)}
    content = {f"{layer}.lora_{half}.weight": values for half, values in halves.items()}
    for name in LORAS.values():
        save_file(content, loras / f"{name}.safetensors", {"reference_downscale_factor": "2"})
    engine = LtxEngine(MicroSource(), device="cpu", installed=InstalledLoras(loras))
    async with an_agent(tmp_path / "data", engine=engine, roots=[media], lora_dir=loras, limit_s=280) as client:
        yield client


async def made(agent: Client, tool: str, shape: tuple[int, float, int, int], **asked: Any) -> dict[str, Any]:
    """The clip, held to its frames, rate, width and height, moderated, and found again by its words."""
    done = await agent.call_tool(tool, asked)
    job = data(done)
    while job["status"] in ("queued", "running"):
        done = await agent.call_tool("get_job", {"job_id": job["job_id"]})
        job = data(done)
    assert job["status"] == "succeeded", text(done)
    clip: dict[str, Any] = job["clip"]
    facts = probe(Path(clip["path"]))
    assert (facts.frames, facts.fps, facts.width, facts.height) == shape
    assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=0.03)
    assert clip["moderation"]["verdict"] == "passed"
    assert clip["searchable"]
    found = data(await agent.call_tool("search_clips", {"query": clip["title"], "limit": 20, "images": False}))
    assert clip["clip_id"] in {moment["clip_id"] for moment in found["moments"]}
    return clip


async def test_every_mode_makes_what_was_asked(agent: Client, tmp_path: Path) -> None:
    wide, media, length = (416, 240), tmp_path / "media", round(SOURCE_S * SOURCE_FPS)
    short, whole, joined = (12, 24.0, *wide), (length, SOURCE_FPS, *wide), (length + 24, SOURCE_FPS, *wide)
    draft = await made(agent, "generate_video", short, **SHOT, quality="draft")
    final = await made(agent, "finalize_draft", (12, 24.0, 832, 480), clip=draft["clip_id"])
    assert (final["recipe"], final["source"]) == ("final", draft["clip_id"])
    best = await made(agent, "generate_video", short, **SHOT, quality="best", negative_prompt="blue")
    assert best["recipe"] == "best"
    await made(agent, "generate_video", (25, 50.0, *wide), **SHOT, quality="draft", fps=50)
    image = f"{media}/photo.png"
    still = await made(
        agent, "animate_image", (12, 24.0, 240, 240), **SHOT, quality="draft", image=image, end_image=image
    )
    assert (still["kind"], still["source"]) == ("animated", image)
    source = f"{media}/film.mp4"
    for mode, recipe in (("repaint", "repaint"), ("structure", "structure (canny)"), ("reference", "reference")):
        named = [{"name": LORAS[mode]}] if mode in LORAS else []
        control = {"control": "canny"} if mode == "structure" else {}
        asked = {**RESTYLE, **control, "video": source, "mode": mode, "loras": named}
        clip = await made(agent, "restyle_video", whole, **asked)
        assert (clip["kind"], clip["recipe"], clip["source"]) == ("restyled", recipe, source)
    going_on = {**SHOT, "quality": "draft", "extend": source, "then": ["it stops"]}
    longer = await made(agent, "generate_video", joined, **going_on)
    assert longer["source"] == source
    span = f"{longer['clip_id']}@0.5-1.0"
    again = {name: value for name, value in SHOT.items() if name != "duration_s"}
    retaken = await made(agent, "generate_video", joined, **again, quality="draft", retake=span)
    assert (retaken["recipe"], retaken["source"]) == ("retake", span)
