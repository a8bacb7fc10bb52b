"""How long a job should run, from how long others like it ran here."""

import statistics
from collections.abc import Callable
from typing import Any

from ltx_mcp.jobs.record import REQUEST
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import is_joined

PAST_JOBS = 20  # of a kind, from which the next one's time is estimated
LIKE_SIZE = 2.0  # at most this much larger or smaller: time per pixel changes with size

_PAST = (
    "SELECT plan, request, ran_s FROM jobs WHERE status = 'succeeded' AND ran_s IS NOT NULL"
    " AND json_extract(plan, '$.model') = ? AND json_extract(plan, '$.quality') = ?"
    " AND json_extract(request, '$.tool') = ? ORDER BY created_at DESC LIMIT 100"
)


def expected_s(read: Callable[..., list[Any]], plan: Plan, tool: str, joined: bool) -> float | None:
    """Seconds: the median per pixel-frame of past jobs of the kind, of those of like size where there are any.

    Jobs of one kind take the same work per pixel: they have the same tool, model and quality, and agree in whether
    they are joined from several parts, double the rate, render in tiles, are scaled up, and show a reference. None
    without any. `read` reads rows of the job records.
    """
    past = [
        (made.pixel_frames, seconds / made.pixel_frames)
        for made, request, seconds in ((Plan.model_validate_json(row[0]), *row[1:]) for row in _past(read, plan, tool))
        if _work(made) == _work(plan) and is_joined(REQUEST.validate_json(request)) is joined
    ]
    alike = [rate for size, rate in past if 1 / LIKE_SIZE <= size / plan.pixel_frames <= LIKE_SIZE]
    rates = (alike or [rate for _, rate in past])[:PAST_JOBS]
    return statistics.median(rates) * plan.pixel_frames if rates else None


def _past(read: Callable[..., list[Any]], plan: Plan, tool: str) -> list[Any]:
    return read(_PAST, plan.model, plan.quality, tool)


def _work(plan: Plan) -> tuple[bool, ...]:
    return plan.doubled_rate, plan.tiles is not None, plan.upscaled, plan.reference is not None
