"""`ltx-mcp demo`: the whole loop as an agent would do it, through the MCP server itself."""

from pathlib import Path
from typing import Any

from mcp import Client
from rich.progress import Progress

from ltx_mcp.compose import open_studio
from ltx_mcp.errors import StudioError
from ltx_mcp.server.server import make_server
from ltx_mcp.settings import Settings
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.types.value import Value

# What the micro model can draw, and a real model as well. The seeds keep the demo the same everywhere.
SHOTS = (
    "A red circle drifts to the right over a dark background, with a soft hum.",
    "A blue square rises slowly on a black background while rain taps at the window.",
)
QUESTIONS = ("an azure block", "rainy windows")
"""Of the second clip. The first is in words that no prompt has: it is found by its frames, if the embedder knows such
drawings. The second is in other forms of the prompt's words."""
MOTION = "A blue square moves to the left on a black background."
STYLE = "A green circle moves to the right on a black background."
DRAFT = {"duration_s": 2, "quality": "draft"}


class Story(Value):
    """What the demo did, for people and for scripts."""

    model: str
    made: tuple[dict[str, Any], ...]
    question: str
    moments: tuple[dict[str, Any], ...]
    note: str

    def told(self) -> str:
        lines = [self.model, ""]
        for clip in self.made:
            lines += [
                f'{clip["kind"]}: "{clip["prompt"]}"' + (f" from {clip['source']}" if clip["source"] else ""),
                f"  video  {clip['path']}",
                f"  sheet  {clip['sheet_path']}",
            ]
        lines += ["", f'search_clips("{self.question}")']
        for moment in self.moments:
            lines.append(
                f"  {moment['rank']}. {moment['ref']}  {moment['start_s']:.1f}-{moment['end_s']:.1f} s  "
                f'by {moment["matched"]}: "{moment["title"]}"'
            )
        return "\n".join([*lines, *([f"  {self.note}"] if self.note else [])])


async def demo(settings: Settings, progress: Progress) -> Story:
    """Make two clips, find one again, animate the moment found, restyle the other.

    Raises StudioError if any tool call does not do its work.
    """
    async with Client(make_server(LazyStudio(lambda: open_studio(settings), settings.max_wait_s))) as agent:
        made = [
            await _make(agent, "generate_video", {**DRAFT, "prompt": prompt, "seed": seed}, progress)
            for seed, prompt in enumerate(SHOTS, 1)
        ]
        question, found = await _ask(agent)
        moment = {"image": found["moments"][0]["ref"], "prompt": MOTION, "seed": 3}
        made.append(await _make(agent, "animate_image", {**DRAFT, **moment}, progress))
        source = {"video": made[0]["clip_id"], "prompt": STYLE, "seed": 4}
        made.append(await _make(agent, "restyle_video", {**source, "mode": "repaint"}, progress))
        capabilities = await agent.read_resource("ltx://capabilities")
    about = getattr(capabilities.contents[0], "text", "{}")
    return Story(
        model=_about(about),
        made=tuple(made),
        question=question,
        moments=tuple(found["moments"]),
        note=found["note"],
    )


async def _ask(agent: Client) -> tuple[str, dict[str, Any]]:
    """The first question that finds something, and what it finds."""
    for question in QUESTIONS:
        found = await _call(agent, "search_clips", {"query": question})
        if found["moments"]:
            return question, found
    raise StudioError("The archive did not find the clip again.", "Run ltx-mcp doctor.")


async def _make(agent: Client, tool: str, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    bar = progress.add_task("queued", total=1.0)

    async def report(done: float, total: float | None, message: str | None) -> None:
        progress.update(bar, completed=done, description=(message or "").split(" ")[0])

    job = await _call(agent, tool, arguments, report)
    while job["status"] in ("queued", "running"):
        job = await _call(agent, "get_job", {"job_id": job["job_id"]}, report)
    progress.update(bar, completed=1.0, description="done")
    clip: dict[str, Any] = job["clip"]
    if not Path(clip["path"]).is_file():
        raise StudioError(f"{clip['path']} is missing.", "Run ltx-mcp doctor.")
    return clip


async def _call(agent: Client, tool: str, arguments: dict[str, Any], report: Any = None) -> dict[str, Any]:
    result = await agent.call_tool(tool, arguments, progress_callback=report)
    if result.is_error or not isinstance(result.structured_content, dict):
        text = " ".join(getattr(block, "text", "") for block in result.content)
        raise StudioError(f"{tool} failed: {text}", "Run ltx-mcp doctor.")
    return result.structured_content


def _about(capabilities: str) -> str:
    import json

    return str(json.loads(capabilities)["about"])
