"""`ltx-mcp demo`: a short film, made and found again as an agent would do it, through the MCP server itself."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client
from rich.progress import Progress

from ltx_mcp.cli.demo_inputs import draw_evening, write_tone
from ltx_mcp.compose import open_studio
from ltx_mcp.errors import StudioError
from ltx_mcp.index.choice import EMBEDDED
from ltx_mcp.server.server import make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.types.value import Value

# What the micro model can draw, and a real model as well. The seeds keep the demo the same everywhere.
PROMPTS = (
    "A red circle drifts to the right over a dark background, with a soft hum.",
    "A blue square rises slowly on a black background while rain taps at the window.",
)
NARRATION = "Two clips and a picture, joined on your own machine."
QUESTIONS = ("an azure block", "a blue picture")
"""Of the second shot, in words that no prompt has: it is found by what it shows. An embedder of basic colours alone
understands the second question."""
DEMO_FOLDER = "demo"


class Story(Value):
    """What the demo did, for people and for scripts."""

    model: str
    shots: tuple[dict[str, Any], ...]
    film: dict[str, Any]
    question: str
    moments: tuple[dict[str, Any], ...]
    note: str

    def told(self) -> str:
        lines = [self.model, ""]
        for shot in self.shots:
            lines += [f'{shot["kind"]}: "{shot["title"]}"', f"  video  {shot['path']}"]
        lines += [
            f'film: "{self.film["title"]}", {self.film["duration_s"]:g} s',
            f"  video  {self.film['path']}",
            f"  sheet  {self.film['sheet_path']}",
            "",
            f'search_clips("{self.question}", clip="{self.film["clip_id"]}")',
        ]
        for moment in self.moments:
            lines.append(
                f"  {moment['rank']}. {moment['ref']}  {moment['start_s']:.1f}-{moment['end_s']:.1f} s  "
                f"by {moment['matched']}"
            )
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])


async def demo(settings: Settings, progress: Progress) -> Story:
    """Generate two shots, join them with a still, a title, a voice and music, and find the second shot in the film.

    Works in a data directory of its own, unless one was named: the user's archive is not the place for it. Fetches
    nothing: frames are looked at by the embedded embedder, unless another was named.
    Raises StudioError if any tool call does not do its work.
    """
    with TemporaryDirectory(prefix="ltx-mcp-demo-") as folder:
        still, tone = draw_evening(Path(folder) / "evening.png"), write_tone(Path(folder) / "tone.wav")
        settings = _for_demo(settings, Path(folder))
        async with Client(make_server(LazyStudio(lambda: open_studio(settings), settings.max_wait_s))) as agent:
            shots = [
                await _make(agent, "generate_video", _draft(prompt, seed), progress)
                for seed, prompt in enumerate(PROMPTS, 1)
            ]
            film = await _make(agent, "edit_video", _timeline(shots, still, tone), progress)
            question, found = await _ask(agent, film["clip_id"])
            capabilities = await agent.read_resource("ltx://capabilities")
    return Story(
        model=str(json.loads(getattr(capabilities.contents[0], "text", "{}"))["about"]),
        shots=tuple(shots),
        film=film,
        question=question,
        moments=tuple(found["moments"]),
        note=found["note"],
    )


def _for_demo(settings: Settings, inputs: Path) -> Settings:
    named = "data_dir" in settings.model_fields_set
    folder = settings.data_dir if named else settings.data_dir / DEMO_FOLDER
    embedder = EMBEDDED if settings.embedder == "auto" else settings.embedder
    own = {"data_dir": folder, "roots": (*settings.roots, inputs), "embedder": embedder, "downloads": "never"}
    return settings.model_copy(update=own)


def _draft(prompt: str, seed: int) -> dict[str, Any]:
    return {"prompt": prompt, "seed": seed, "duration_s": 2, "quality": "draft"}


def _timeline(shots: list[dict[str, Any]], still: Path, tone: Path) -> dict[str, Any]:
    first, second = (shot["clip_id"] for shot in shots)
    return {
        "title": "A first film",
        "shots": [
            {"source": first, "title": "A first film"},
            {"source": second, "transition": "dissolve"},
            {"source": str(still), "duration_s": 3, "motion": "push_in", "transition": "dissolve"},
        ],
        "narration": [{"text": NARRATION, "at_s": 0.5}],
        "music": {"source": str(tone)},
    }


async def _ask(agent: Client, film_id: str) -> tuple[str, dict[str, Any]]:
    """The first question that finds something in the film, and what it finds."""
    for question in QUESTIONS:
        found = await _call(agent, "search_clips", {"query": question, "clip": film_id})
        if found["moments"]:
            return question, found
    raise StudioError("The archive did not find the second shot again.", "Run ltx-mcp doctor.")


async def _make(agent: Client, tool: str, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    bar = progress.add_task("queued", total=1.0)

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        progress.update(bar, completed=done, description=(message or "").split(" ")[0])

    job = await _call(agent, tool, arguments, on_progress)
    while job["status"] in ("queued", "running"):
        job = await _call(agent, "get_job", {"job_id": job["job_id"]}, on_progress)
    progress.update(bar, completed=1.0, description="done")
    clip: dict[str, Any] = {**job["clip"], "effective": job["effective"]}
    if not Path(clip["path"]).is_file():
        raise StudioError(f"{clip['path']} is missing.", "Run ltx-mcp doctor.")
    return clip


async def _call(agent: Client, tool: str, arguments: dict[str, Any], on_progress: Any = None) -> dict[str, Any]:
    result = await agent.call_tool(tool, arguments, progress_callback=on_progress)
    if result.is_error or not isinstance(result.structured_content, dict):
        text = " ".join(getattr(block, "text", "") for block in result.content)
        raise StudioError(f"{tool} failed: {text}", "Run ltx-mcp doctor.")
    return result.structured_content
