"""The `ltx-mcp` command: the same studio for people and scripts.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by moderation, 130 interrupted. Results go to standard
output (one JSON value with --json), progress and errors to standard error.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any, get_args

import anyio
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from ltx_mcp import __version__, states
from ltx_mcp.clips import Camera, Clip, Codec, GenerateRequest, Kind, Quality
from ltx_mcp.errors import Refused, SettingsError, StudioError
from ltx_mcp.jobs import Job
from ltx_mcp.settings import Settings
from ltx_mcp.sizes import ASPECTS, RESOLUTIONS

OK, FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load(os.environ)
        _log_to_stderr(settings.log_level)
        run: Callable[[Settings, argparse.Namespace], Awaitable[int]] = arguments.run
        return anyio.run(run, settings, arguments)
    except SettingsError as error:
        err.print(f"The settings cannot be used:\n{error}", style="red", markup=False)
        return USAGE
    except Refused as error:
        err.print(str(error), style="yellow", markup=False)
        return REFUSED
    except StudioError as error:
        err.print(str(error), style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        err.print("Interrupted; nothing unfinished was kept.")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ltx-mcp", description="A film studio and archive for LLM agents.")
    parser.add_argument("--version", action="version", version=f"ltx-mcp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., Awaitable[int]], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        if name != "serve":
            sub.add_argument("--json", action="store_true", help="one JSON value on standard output")
        return sub

    command("serve", _serve, "serve MCP on stdio (what an MCP host starts)")
    command("demo", _demo, "make clips through the MCP server, then find a moment in other words")
    generate = command("generate", _generate, "make a clip from a description")
    generate.add_argument("prompt")
    generate.add_argument("--duration", type=float, dest="duration_s", metavar="SECONDS")
    generate.add_argument("--aspect", choices=ASPECTS)
    generate.add_argument("--resolution", choices=RESOLUTIONS)
    generate.add_argument("--fps", type=float)
    generate.add_argument("--quality", choices=get_args(Quality))
    generate.add_argument("--camera", choices=get_args(Camera))
    generate.add_argument("--codec", choices=get_args(Codec))
    generate.add_argument("--seed", type=int)
    generate.add_argument("--no-audio", action="store_false", dest="audio", default=None)
    search = command("search", _search, "find moments by what is seen or heard")
    search.add_argument("query", nargs="?", help="left out: the newest clips")
    search.add_argument("--image", help="find what looks like this: clip_id@seconds or an image file in a root")
    search.add_argument("--clip", help="search inside this clip only")
    search.add_argument("--kind", choices=get_args(Kind))
    search.add_argument("--limit", type=int, default=5)
    command("jobs", _jobs, "list the recent jobs")
    command("clips", _clips, "list the clips of the archive, newest first")
    command("doctor", _doctor, "say what this machine will use and why, and what is missing")
    command("reindex", _reindex, "make the search index match the clips on disk")
    return parser


def _log_to_stderr(level: str) -> None:
    """Our own lines at the chosen level; of the libraries only what is wrong."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("ltx_mcp").setLevel(level)


# Heavy rooms are imported by the command that needs them: `serve` must answer tools/list at once.


async def _serve(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_desk
    from ltx_mcp.server import make_server

    await make_server(lambda: open_desk(settings)).run_stdio_async()
    return OK


async def _demo(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.demo import demo

    with _progress() as bar:
        story = await demo(settings, bar)
    _print(arguments, story.model_dump(mode="json"), lambda: out.print(story.told(), markup=False))
    return OK


async def _generate(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_studio

    names = GenerateRequest.model_fields.keys() & vars(arguments).keys()
    asked = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    try:
        request = GenerateRequest(**asked)
    except ValidationError as error:
        err.print("\n".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors()), style="red")
        return USAGE
    async with open_studio(settings) as studio:
        job = await studio.start(request)
        with _progress() as progress:
            bar = progress.add_task("queued", total=1.0)

            async def report(job: Job) -> None:
                if isinstance(job.state, states.Running):
                    progress.update(bar, completed=job.state.progress, description=job.state.stage)

            job = await studio.wait(job.job_id, float("inf"), report)
        match job.state:
            case states.Succeeded(clip_id):
                clip = await studio.clip(clip_id)
                _print(arguments, clip.model_dump(mode="json"), lambda: _show_clip(clip))
                return OK
            case states.Refused(_, message, hint):
                raise Refused(message, hint)
            case states.Failed(_, message, hint):
                raise StudioError(message, hint)
            case _:
                return INTERRUPTED


async def _search(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_studio
    from ltx_mcp.index.query import SearchQuery

    async with open_studio(settings) as studio:
        image = None if arguments.image is None else await studio.still(arguments.image)
        query = SearchQuery(
            query=arguments.query, image=image, clip_id=arguments.clip, kind=arguments.kind, limit=arguments.limit
        )
        found = await studio.search(query)
    table = _table("rank", "moment", "span", "matched", "prompt", "path")
    for moment in found.moments:
        span = f"{moment.start_s:.1f}-{moment.end_s:.1f} s"
        table.add_row(str(moment.rank), moment.ref, span, moment.matched, moment.title, str(moment.path))
    _print(arguments, found.model_dump(mode="json"), lambda: out.print(*([table] if found.moments else []), found.note))
    return OK


async def _jobs(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_studio

    async with open_studio(settings) as studio:
        jobs = studio.recent_jobs()
    rows = [{"job_id": job.job_id, "status": job.state.status, "prompt": job.request.prompt} for job in jobs]
    _print_rows(arguments, rows, "No jobs yet.")
    return OK


async def _clips(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_studio

    async with open_studio(settings) as studio:
        clips = await studio.clips()
    fields = {"clip_id", "title", "duration_s", "width", "height", "path"}
    rows = [clip.model_dump(mode="json", include=fields) for clip in clips]
    _print_rows(arguments, rows, 'No clips yet. `ltx-mcp generate "a red circle"` makes one.')
    return OK


async def _doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.doctor import examine

    findings = await anyio.to_thread.run_sync(examine, settings)
    table = _table("what", "is", "remedy")
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[red]✗[/]"
        table.add_row(f"{mark} {finding.what}", finding.found, finding.remedy)
    _print(arguments, [finding.model_dump() for finding in findings], lambda: out.print(table))
    return OK if all(finding.ok for finding in findings) else FAILED


async def _reindex(settings: Settings, arguments: argparse.Namespace) -> int:
    from ltx_mcp.compose import open_studio

    async with open_studio(settings) as studio:
        report = await studio.reconcile()
    text = f"{len(report.added)} added, {len(report.removed)} removed, {len(report.failed)} failed."
    _print(arguments, asdict(report), lambda: out.print(text))
    return FAILED if report.failed else OK


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(), TextColumn("{task.description:>16}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(), console=err, transient=True,
    )  # fmt: skip


def _print(arguments: argparse.Namespace, value: Any, show: Callable[[], None]) -> None:
    if arguments.json:
        sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
    else:
        show()


def _print_rows(arguments: argparse.Namespace, rows: list[dict[str, Any]], empty: str) -> None:
    table = _table(*rows[0]) if rows else None
    for row in rows:
        assert table is not None
        table.add_row(*(str(value) for value in row.values()))
    _print(arguments, rows, lambda: out.print(table or empty))


def _show_clip(clip: Clip) -> None:
    out.print(str(clip.path), markup=False)
    sound = "with sound" if clip.has_audio else "silent"
    out.print(f"{clip.duration_s:g} s, {clip.width}x{clip.height}, {clip.fps:g} fps, {sound}, seed {clip.seed}")
    out.print(f"contact sheet: {clip.sheet_path}", markup=False)
    for note in clip.effective.get("notes", ()):
        out.print(note, style="yellow", markup=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    return table
