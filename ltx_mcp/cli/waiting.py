"""How a command waits for its job: progress on standard error, Ctrl-C cancels it."""

from pathlib import Path

import anyio
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ltx_mcp.cli.interrupt import interruptible
from ltx_mcp.cli.output import err
from ltx_mcp.errors import HeldForReview, Refused, StudioError
from ltx_mcp.jobs.record import Job
from ltx_mcp.preparation.reference_grammar import names_clip
from ltx_mcp.studio.studio import Studio
from ltx_mcp.studio.tracking import OnJob
from ltx_mcp.types import states
from ltx_mcp.types.requests import Request


async def finished(studio: Studio, request: Request, on_job: OnJob | None = None) -> states.Succeeded:
    """Start a job and see it to its end, with a bar or with `on_job`. Raises Refused, BadInput, StudioError."""
    with interruptible():
        with anyio.CancelScope(shield=True):  # or its record would be left to the next server, which would run it
            job = await studio.start(request)
        try:
            job = await (_waited(studio, job) if on_job is None else studio.jobs.wait(job.job_id, float("inf"), on_job))
        except anyio.get_cancelled_exc_class():
            studio.jobs.cancel(job.job_id)
            raise
    match job.state:
        case states.Succeeded():
            return job.state
        case states.Refused(_, message, hint):
            raise Refused(message, hint)
        case states.Held(_, message, hint):
            raise HeldForReview(message, hint)
        case states.Failed(_, message, hint):
            raise StudioError(message, hint)
        case _:
            raise StudioError(f"{job.job_id} was cancelled by another process.")


def progress_bars() -> Progress:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:>16}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
    )
    return Progress(*columns, TimeElapsedColumn(), console=err, transient=True)


def from_here(reference: str, folder: Path = Path()) -> str:
    """A reference as it was typed; a path starts at the folder, and is kept as an absolute one."""
    path = folder / Path(reference).expanduser()
    is_path = path.exists() or "/" in reference or ("." in reference and "@" not in reference)
    if names_clip(reference) or "://" in reference or not is_path:
        return reference
    return str(path.absolute())


async def _waited(studio: Studio, job: Job) -> Job:
    with progress_bars() as progress:
        bar = progress.add_task("queued", total=1.0)

        async def report(job: Job) -> None:
            if isinstance(job.state, states.Running):
                progress.update(bar, completed=job.state.progress, description=job.state.stage)

        return await studio.jobs.wait(job.job_id, float("inf"), report)
