"""What each command does, for a person at a terminal or a script that asks for --json."""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

import anyio.to_thread

from ltx_mcp.cli.command_table import COMMANDS
from ltx_mcp.cli.demo import demo
from ltx_mcp.cli.doctor import Check, examine
from ltx_mcp.cli.models import known_families
from ltx_mcp.cli.options import given_options, read_options
from ltx_mcp.cli.output import out, print_value, show_rows
from ltx_mcp.cli.rendering import rendered
from ltx_mcp.cli.setup_options import ReindexOptions
from ltx_mcp.cli.waiting import finished, from_here, progress_bars
from ltx_mcp.compose import open_studio
from ltx_mcp.edit.film_file import read_film_file
from ltx_mcp.settings import Settings
from ltx_mcp.types.clips import Clip
from ltx_mcp.types.film_request import film_request
from ltx_mcp.types.references import map_references
from ltx_mcp.types.requests import (
    AnimateRequest,
    FinalizeOptions,
    GenerateRequest,
    RestyleRequest,
)
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.timeline import EditRequest

_MADE = (GenerateRequest, AnimateRequest, RestyleRequest)


async def run_demo(settings: Settings, arguments: argparse.Namespace) -> int:
    with progress_bars() as bar:
        story = await demo(settings, bar)
    return print_value(arguments, story.model_dump(mode="json"), lambda: out.print(story.told(), markup=False))


async def make(settings: Settings, arguments: argparse.Namespace) -> int:
    """generate, animate, restyle."""
    kind = COMMANDS[arguments.command].request
    assert kind is not None
    assert issubclass(kind, _MADE)
    request = map_references(read_options(kind, arguments), from_here)
    return _print_clip(await rendered(settings, request.tool, request), arguments)


async def finalize(settings: Settings, arguments: argparse.Namespace) -> int:
    draft = read_options(FinalizeOptions, arguments)
    return _print_clip(await rendered(settings, "finalize_draft", draft), arguments)


async def edit(settings: Settings, arguments: argparse.Namespace) -> int:
    film = map_references(_film(arguments), partial(from_here, folder=Path(arguments.file).parent))
    async with open_studio(settings, any_file=True) as studio:
        done = await finished(studio, await studio.admission.to_edit(film))
        return _print_clip(await studio.archive.clip(done.clip_id), arguments)


def _film(arguments: argparse.Namespace) -> EditRequest:
    """The film that a file describes, with what the command line says in its place."""
    request = read_film_file(Path(arguments.file))
    return film_request({**request.model_dump(exclude_unset=True), **given_options(EditRequest, arguments)})


def _print_clip(clip: Clip, arguments: argparse.Namespace) -> int:
    return print_value(arguments, clip.model_dump(mode="json"), lambda: _show_clip(clip))


async def search(settings: Settings, arguments: argparse.Namespace) -> int:
    asked = map_references(read_options(SearchRequest, arguments), from_here)
    async with open_studio(settings, any_file=True) as studio:
        found = await studio.search(asked)
    rows = [
        {
            "moment": moment.ref,
            "span": f"{moment.start_s:.1f}-{moment.end_s:.1f} s",
            "matched": moment.matched,
            "score": f"{moment.score:.2f}",
            "title": moment.title + (f" (+{moment.alike_count} alike)" if moment.alike_count else ""),
            "path": moment.path,
        }
        for moment in found.moments
    ]
    return print_value(arguments, found.model_dump(mode="json"), lambda: show_rows(rows, found.note))


async def jobs(settings: Settings, arguments: argparse.Namespace) -> int:
    async with open_studio(settings) as studio:
        jobs = studio.jobs.recent()
    rows = [{"job_id": job.job_id, "status": job.state.status, "prompt": job.request.prompt} for job in jobs]
    shown = [{**row, "prompt": f'"{row["prompt"]}"'} for row in rows]
    return print_value(arguments, rows, lambda: show_rows(shown, "" if rows else "No jobs yet."))


async def models(settings: Settings, arguments: argparse.Namespace) -> int:
    families = await anyio.to_thread.run_sync(known_families, settings)
    rows = [
        {
            "model": family.name,
            "here": "here" if family.here else f"{family.missing_bytes / 1e9:.1f} GB to fetch",
            "fits": family.fits,
            "qualities": ", ".join(family.qualities),
            "licence": family.licence,
        }
        for family in families
    ]
    text = "LTX_MCP_MODEL names the one to use. Nothing is fetched before LTX_MCP_ACCEPT_LICENCE is set."
    return print_value(arguments, [family.model_dump() for family in families], lambda: show_rows(rows, text))


async def doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    checks = await anyio.to_thread.run_sync(examine, settings)
    text = "\n".join(map(_examined, checks))
    print_value(arguments, [check.model_dump() for check in checks], lambda: out.print(text, markup=False))
    return 0 if all(check.ok for check in checks) else 1


async def reindex(settings: Settings, arguments: argparse.Namespace) -> int:
    options = read_options(ReindexOptions, arguments)
    async with open_studio(settings) as studio:
        with progress_bars() as bars:
            bar = bars.add_task("embedding", total=None)
            report = await studio.archive.reconcile(lambda done, of: bars.update(bar, completed=done, total=of))
            if studio.archive.hearing.model:
                heard = bars.add_task("hearing speech", total=None)
                await studio.archive.hearing.transcribe_all(
                    lambda done, of: bars.update(heard, completed=done, total=of)
                )
        pruned = await studio.archive.prune() if options.prune else []
    text = f"{len(report.added)} added, {len(report.removed)} removed, {len(report.failed)} failed."
    if pruned:
        text += f" Dropped what {', '.join(pruned)} saw."
    print_value(arguments, {**asdict(report), "pruned": pruned}, lambda: out.print(text, markup=False))
    return 1 if report.failed else 0


def _examined(check: Check) -> str:
    line = f"{'ok' if check.ok else 'NOT OK':7} {check.what:17} {check.found}"
    return f"{line}\n{'':25} {check.remedy}" if check.remedy else line


def _show_clip(clip: Clip) -> None:
    sound = "with sound" if clip.has_audio else "silent"
    seed = "" if clip.seed is None else f", seed {clip.seed}"
    facts = f"{clip.duration_s:g} s, {clip.width}x{clip.height}, {clip.fps:g} fps, {sound}{seed}"
    lines = [
        str(clip.path),
        facts,
        f"contact sheet: {clip.sheet_path}",
        *clip.film_facts,
        *clip.effective.get("notes", ()),
    ]
    out.print("\n".join(lines), markup=False)
