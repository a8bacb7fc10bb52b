"""How long jobs should still take: from past jobs of their kind, their own pace, and what is in front of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ltx_mcp.jobs.lane import Lane
from ltx_mcp.jobs.lane_job import LaneJob
from ltx_mcp.jobs.record import Job
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.types import states
from ltx_mcp.types.plans import Plan
from ltx_mcp.types.requests import Request, is_joined

OWN_PACE_FROM = 0.1  # of a job's progress: before that, its own pace tells little


@dataclass(frozen=True)
class Submitted:
    """A job in the lane that has it."""

    lane: Lane
    lane_job: LaneJob[Any]


class Estimates:
    """Seconds, by clocks that nobody sets; None while nothing is known. `submitted` are the jobs in lanes, by id."""

    def __init__(self, jobs: JobStore, submitted: Mapping[str, Submitted]) -> None:
        self._jobs = jobs
        self._submitted = submitted

    def expected_s(self, plan: Plan, request: Request) -> float | None:
        """How long such a job should run here."""
        return self._jobs.expected_s(plan, request.tool, joined=is_joined(request))

    def expected_shot_s(self, plan: Plan) -> float | None:
        """The same for one shot from words alone."""
        return self._jobs.expected_s(plan)

    def eta_s(self, job: Job) -> float | None:
        """Until the job should end."""
        left_s = self._left_s(job)
        submitted = self._submitted.get(job.job_id)
        if left_s is None or submitted is None:
            return left_s
        ahead = submitted.lane.ahead(submitted.lane_job)
        return left_s + sum(self._left_of(each, left_s) for each in ahead)

    def free_s(self, lane: Lane, like_s: float | None) -> float | None:
        """Until a full lane takes another job, which is when the one that runs ends. Where nothing is known of that, it
        takes `like_s`.
        """
        running = lane.running
        return like_s if running is None or like_s is None else self._left_of(running, like_s)

    def _left_of(self, lane_job: LaneJob[Any], unknown_s: float) -> float:
        for job_id, each in self._submitted.items():
            if each.lane_job is lane_job and (left_s := self._left_s(self._jobs.get(job_id))) is not None:
                return left_s
        return unknown_s

    def _left_s(self, job: Job) -> float | None:
        """Of the job itself, without what is in front of it."""
        if not isinstance(job.state, states.Running):
            return None
        expected = None if job.plan is None else self.expected_s(job.plan, job.request)
        elapsed = self._jobs.elapsed_s(job.job_id)
        if job.state.progress > OWN_PACE_FROM:
            own_pace = elapsed * (1 - job.state.progress) / job.state.progress
            return own_pace if expected is None else max(expected - elapsed, min(own_pace, expected))
        return None if expected is None else max(1.0, expected - elapsed)
