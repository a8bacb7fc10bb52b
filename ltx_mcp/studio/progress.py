"""How far a job is, by the stage that it is at."""

from ltx_mcp.jobs.lane_job import Step
from ltx_mcp.types.stages import Stage

# Where each stage begins and ends in the job's progress, 0..1. Denoising is most of the work of a real model, and
# rendering that of a job without one.
_SHARES: dict[Stage, tuple[float, float]] = {
    Stage.QUEUED: (0.0, 0.0),
    Stage.LOADING: (0.01, 0.05),
    Stage.ENCODING_PROMPT: (0.05, 0.08),
    Stage.DENOISING: (0.08, 0.80),
    Stage.DECODING: (0.80, 0.95),
    Stage.RENDERING: (0.05, 0.95),
    Stage.EXPORTING: (0.01, 0.99),
    Stage.MODERATING: (0.95, 0.97),
    Stage.PUBLISHING: (0.97, 0.98),
    Stage.INDEXING: (0.98, 0.99),
}


def progress_of(step: Step) -> float:
    """Progress of the whole job, 0..1. Several renders divide the share of a single one equally."""
    start, end = _SHARES[step.stage]
    alone = start + (end - start) * step.done / step.total
    first, last = _SHARES[Stage.ENCODING_PROMPT][0], _SHARES[Stage.DECODING][1]
    if not first <= alone <= last:
        return alone
    return first + (step.part * (last - first) + alone - first) / step.parts
