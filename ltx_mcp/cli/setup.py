"""`ltx-mcp setup`: fetch what this machine will want, in one go, with sizes and licences said before."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio import to_thread
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import err, out, print_value
from ltx_mcp.cli.setup_options import SetupOptions
from ltx_mcp.engine.plan.memory import Machine, pick, probe_machine, resolve_device
from ltx_mcp.engine.weights.family_files import INSTEAD as INSTEAD_OF_FAMILY
from ltx_mcp.engine.weights.family_files import family_files
from ltx_mcp.engine.weights.model_families import DEFAULT, FAMILIES, Family
from ltx_mcp.errors import BadInput, Cancelled, ModelUnavailable, StudioError
from ltx_mcp.hub.cache import Hub, local_hub
from ltx_mcp.hub.download import fetch
from ltx_mcp.moderation.fetched import NSFW_384, QWEN3_GUARD, FetchedModel
from ltx_mcp.moderation.open_nsfw import OpenNsfw
from ltx_mcp.parts import choose_embedder, choose_transcriber
from ltx_mcp.settings import Settings
from ltx_mcp.types.callbacks import BytesProgress, Check
from ltx_mcp.types.value import Value

Fetch = Callable[[Check, BytesProgress], object]


class Part(Value):
    """What one part of ltx-mcp would use. `missing_bytes` are about what is missing; `why_not` says why it stays so."""

    part: str
    name: str
    licence: str
    missing_bytes: int = 0
    here: bool = False
    why_not: str = ""

    @property
    def line(self) -> str:
        state = "here" if self.here else self.why_not or f"{self.missing_bytes / 1e9:.1f} GB to fetch"
        return f"{self.part:12} {self.name}: {state}. Licence: {self.licence}."


@dataclass(frozen=True)
class Planned:
    """A part, and how it is fetched; None where there is nothing to fetch or it may not be."""

    part: Part
    fetch: Fetch | None = None


async def setup(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show what would be fetched, ask, and fetch it. Exit code 1 if something could not be had."""
    options = read_options(SetupOptions, arguments)
    planned = await to_thread.run_sync(plan, settings, local_hub())
    wanted = [each for each in planned if each.fetch is not None]
    parts = [each.part for each in planned]
    if not arguments.json:
        out.print("\n".join(part.line for part in parts), markup=False)
    if wanted and not options.dry_run and _agreed(wanted, options, settings):
        failed = await _fetched(wanted)
        if failed:
            raise StudioError("\n".join(failed), "What was fetched is kept: run ltx-mcp setup again to go on.")
        parts = [each.part for each in await to_thread.run_sync(plan, settings, local_hub())]
        if not arguments.json:
            out.print("All of it is here.", markup=False)
    return print_value(arguments, [part.model_dump() for part in parts], lambda: None)


def plan(settings: Settings, hub: Hub) -> list[Planned]:
    """What this machine will want, by its settings. Reads the cache; asks nothing of the network."""
    return [
        _embedder(settings, hub),
        *_transcriber(settings, hub),
        *_moderation(settings, hub),
        *_video(settings, hub, probe_machine()),
    ]


def _embedder(settings: Settings, hub: Hub) -> Planned:
    choice = choose_embedder(settings)
    if choice.best is None:
        return Planned(Part(part="search", name=choice.weights, licence="its own", here=True))
    best = choice.best
    held = hub.cached_bytes([best.repo])[best.repo]
    missing = max(0, best.bytes - held)
    part = Part(part="search", name=best.name, licence=best.licence, missing_bytes=missing)
    return Planned(part, lambda check, progress: best.fetch(hub, check, progress))


def _moderation(settings: Settings, hub: Hub) -> list[Planned]:
    """What is installed, and what sees and reads more where the user wants it."""
    embedded = Planned(Part(part="moderation", name=OpenNsfw.name, licence="BSD-2-Clause", here=True))
    wanted = [NSFW_384] if settings.moderation == "auto" else []
    wanted += [QWEN3_GUARD] if settings.guard == "auto" else []
    return [embedded, *(_moderator(model, hub) for model in wanted)]


def _moderator(model: FetchedModel, hub: Hub) -> Planned:
    if model.folder(hub) is not None:
        return Planned(Part(part="moderation", name=model.name, licence=model.licence, here=True))
    missing = Part(part="moderation", name=model.name, licence=model.licence, missing_bytes=model.bytes)
    return Planned(missing, lambda check, progress: model.fetch(hub, check, progress))


def _transcriber(settings: Settings, hub: Hub) -> list[Planned]:
    """What transcribes speech; nothing where it is off, or where it would be too slow."""
    choice = choose_transcriber(settings)
    if choice.best is None:
        here = Part(part="speech", name=choice.name, licence="its own", here=True)
        return [] if choice.folder is None else [Planned(here)]
    best = choice.best
    missing = max(0, best.bytes - hub.cached_bytes([best.repo])[best.repo])
    part = Part(part="speech", name=best.name, licence=best.licence, missing_bytes=missing)
    return [Planned(part, lambda check, progress: best.fetch(hub, check, progress))]


def _video(settings: Settings, hub: Hub, machine: Machine) -> list[Planned]:
    """The video model that this machine would run; none where that is the micro model, or a folder of the user's."""
    named = next((family for family in FAMILIES if family.name == settings.model), None)
    family = named or (DEFAULT if settings.model == "auto" and machine.cuda_bytes is not None else None)
    if family is None:
        return []
    missing = family.missing_bytes(hub.cached_bytes(family.repos))
    part = Part(part="video", name=family.name, licence=family.licence, missing_bytes=missing, here=missing == 0)
    if part.here:
        return [Planned(part)]
    try:
        pick(resolve_device(settings.device, machine), machine, family.loaded_bytes, settings.memory)
    except ModelUnavailable as obstacle:
        return [Planned(part.model_copy(update={"why_not": obstacle.message.rstrip(".")}))]
    if not settings.licence_is_accepted:
        terms = f"not fetched before you read {family.licence_url} and run ltx-mcp licence --accept"
        return [Planned(part.model_copy(update={"why_not": terms}))]
    return [Planned(part, lambda check, progress: _fetch_family(family, hub, check, progress))]


def _fetch_family(family: Family, hub: Hub, check: Check, progress: BytesProgress) -> None:
    fetch(hub, family_files(family, hub), INSTEAD_OF_FAMILY, check, progress)


def _agreed(wanted: Sequence[Planned], options: SetupOptions, settings: Settings) -> bool:
    """Whether the user wants it. Raises BadInput where nobody can be asked."""
    if settings.downloads == "never":
        raise BadInput("LTX_MCP_DOWNLOADS=never forbids it.", "Set it to auto or ask.")
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise BadInput("Nobody is here to agree to it.", "--yes fetches it; --dry-run only shows it.")
    gigabytes = sum(each.part.missing_bytes for each in wanted) / 1e9
    return err.input(f"Fetch {gigabytes:.1f} GB under these licences? [y/N] ").strip().lower() in ("y", "yes")


async def _fetched(wanted: Sequence[Planned]) -> list[str]:
    """Fetch each, with a bar; why those that could not be had could not. What is cancelled goes on the next time."""
    failed = []
    columns = (TextColumn("{task.description:>16}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err) as bars:
        for each in wanted:
            bar = bars.add_task(each.part.name, total=each.part.missing_bytes or None)

            def progress(done: int, of: int, bar: object = bar) -> None:
                bars.update(bar, completed=done, total=of)  # type: ignore[arg-type]

            try:
                await _until_cancelled(each.fetch, progress)
            except (StudioError, OSError) as error:
                failed.append(f"{each.part.name} could not be fetched: {error}")
    return failed


async def _until_cancelled(work: Fetch | None, progress: BytesProgress) -> None:
    stopped = False

    def check() -> None:
        if stopped:
            raise Cancelled

    if work is None:
        return
    try:
        await to_thread.run_sync(work, check, progress, abandon_on_cancel=True)
    except anyio.get_cancelled_exc_class():
        stopped = True
        raise
