"""`ltx-mcp import`: files and whole folders of footage and photos, taken into the archive where they are.

What is there already is not looked through again, so a run that was stopped goes on with the next file.
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from mimetypes import guess_type
from pathlib import Path

from anyio import to_thread
from rich.markup import escape
from rich.progress import Progress, TaskID

from ltx_mcp.archive.originals import is_there
from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value
from ltx_mcp.cli.waiting import finished, progress_bars
from ltx_mcp.compose import open_studio
from ltx_mcp.errors import BadInput, StudioError
from ltx_mcp.jobs.record import Job
from ltx_mcp.media.file_kinds import HEAD_BYTES, kind_of
from ltx_mcp.settings import Settings
from ltx_mcp.studio.studio import Studio
from ltx_mcp.types import states
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.texts import cut


@dataclass
class Imports:
    """What became of each file, by its path: the clip ids of new and of known ones, and why others were skipped."""

    new: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def told(self) -> str:
        """In words."""
        lines = [f"{path}: {clip_id}" for path, clip_id in self.new.items()]
        lines += [f"{path} was skipped: {reason}" for path, reason in self.skipped.items()]
        counts = f"{len(self.new)} imported, {len(self.known)} there already, {len(self.skipped)} skipped."
        return "\n".join([*lines, counts])


async def import_files(settings: Settings, arguments: argparse.Namespace) -> int:
    """The exit code is 1 if a file was skipped."""
    paths: list[str] = arguments.video
    first = read_options(ImportRequest, argparse.Namespace(**{**vars(arguments), "video": paths[0]}))
    files = list(dict.fromkeys(_files(Path(path).expanduser().absolute() for path in paths)))
    if not files:
        raise BadInput("There is no video and no photo in there.", "Name files, or folders that hold some.")
    if first.title is not None and len(files) > 1:
        raise BadInput(f"One title cannot name {len(files)} files.", "Leave --title out: they go by their names.")
    asked = first.model_copy(update={"copy_file": bool(first.copy_file)})
    imports = Imports()
    async with open_studio(settings, any_file=True) as studio:
        with progress_bars() as bars:
            alone = len(paths) == 1 and not Path(paths[0]).is_dir()
            requests = [asked.model_copy(update={"video": str(file)}) for file in files]
            await _import(studio, requests, imports, bars, alone)
    print_value(arguments, asdict(imports), lambda: out.print(imports.told(), markup=False))
    return 1 if imports.skipped else 0


async def _import(
    studio: Studio, requests: Sequence[ImportRequest], imports: Imports, bars: Progress, alone: bool
) -> None:
    """`alone`: a single file that was named, whose problem is the command's own. Raises StudioError for that."""
    known = {clip.original.path: clip for clip in await studio.archive.clips() if clip.original is not None}
    overall = bars.add_task("files", total=len(requests))
    for request in requests:
        clip = known.get(await to_thread.run_sync(Path(request.video).resolve))
        try:
            if clip is not None and clip.original is not None and is_there(clip.original):
                imports.known[request.video] = clip.clip_id
            else:
                await _import_one(studio, request, imports, bars)
        except StudioError as error:  # a broken file, or one that moderation refuses, does not cost the rest
            if alone:
                raise
            imports.skipped[request.video] = str(error)
        bars.advance(overall)


async def _import_one(studio: Studio, request: ImportRequest, imports: Imports, bars: Progress) -> None:
    bar = bars.add_task(escape(cut(Path(request.video).name, 40)), total=1.0)
    before = set(await studio.archive.clip_ids())
    try:
        clip_id = (await finished(studio, request, partial(_report, bars, bar))).clip_id
    finally:
        bars.remove_task(bar)
    (imports.known if clip_id in before else imports.new)[request.video] = clip_id


async def _report(bars: Progress, bar: TaskID, job: Job) -> None:
    if isinstance(job.state, states.Running):
        bars.update(bar, completed=job.state.progress)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Each file that was named, and the videos and photos of a folder and of those in it; hidden ones not."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
            if not hidden and found.is_file() and _is_media(found):
                yield found


def _is_media(file: Path) -> bool:
    """By its first bytes, whatever it is called; or by its name, so that a broken one is told of."""
    if (guess_type(file.name)[0] or "").startswith(("video/", "image/")):
        return True
    with suppress(OSError), file.open("rb") as opened:
        kind = kind_of(opened.read(HEAD_BYTES))
        return kind is not None and kind.family in ("video", "image")
    return False
