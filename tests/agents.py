"""A server with stand-ins for its models, an agent that talks to it, and readers of what it answers."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent

from ltx_mcp.compose import open_studio
from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.moderation.base import FrameClassifier
from ltx_mcp.moderation.meaning import MeaningReader
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.narration.stand_in import ToneNarrator
from ltx_mcp.provenance.base import Signer
from ltx_mcp.server.server import make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio

LIMIT_S = 30.0
SHORT = {"duration_s": 0.5, "quality": "draft"}


def a_lazy_studio(
    folder: Path,
    engine: Engine | None = None,
    max_wait_s: float = 45,
    roots: Sequence[Path] = (),
    lora_dir: Path | None = None,
    controls: Controls | None = None,
    classifier: FrameClassifier | None = None,
    reader: MeaningReader | None = None,
    watermark: bool = False,  # it is of the installation, and so other in each run: tests of it ask for it
    signer: Signer | None = None,
) -> LazyStudio:
    settings = Settings(
        data_dir=folder,
        max_wait_s=max_wait_s,
        max_queue=1,
        roots=tuple(roots),
        lora_dir=lora_dir,
        watermark=watermark,
    )
    return LazyStudio(
        lambda: open_studio(
            settings,
            engine=engine or StandInEngine(),
            classifier=classifier or MagentaClassifier(),
            reader=reader,
            embedder=ColourEmbedder(),
            controls=controls,
            narrator=ToneNarrator(),
            signer=signer,
            heartbeat_s=0.02,
            recovers=True,
        ),
        settings.max_wait_s,
    )


@asynccontextmanager
async def an_agent(
    folder: Path,
    mode: str = "auto",
    engine: Engine | None = None,
    max_wait_s: float = 45,
    roots: Sequence[Path] = (),
    limit_s: float = LIMIT_S,
    lora_dir: Path | None = None,
    controls: Controls | None = None,
    watermark: bool = False,  # it is of the installation, and so other in each run: tests of it ask for it
    signer: Signer | None = None,
) -> AsyncGenerator[Client]:
    lazy_studio = a_lazy_studio(
        folder, engine, max_wait_s, roots, lora_dir, controls, watermark=watermark, signer=signer
    )
    with anyio.fail_after(limit_s):
        async with Client(make_server(lazy_studio), mode=mode) as agent:
            yield agent


def data(result: CallToolResult) -> dict[str, Any]:
    assert isinstance(result.structured_content, dict), result.content
    return result.structured_content


def whole(clip: dict[str, Any]) -> dict[str, Any]:
    """Everything that is kept of a clip that a job gave, also what is null or was said before."""
    kept: dict[str, Any] = json.loads(Path(clip["path"]).with_name("clip.json").read_text(encoding="utf-8"))
    return kept


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
