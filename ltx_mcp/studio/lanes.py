"""The lanes of a studio, by name: each runs its jobs one at a time, and none waits for another."""

from collections.abc import Mapping
from typing import TypeVar

from ltx_mcp.jobs.lane import Lane, LaneJob, LaneName, OnProgress, Render, Write

T = TypeVar("T")


class Lanes:
    """What needs no device has a lane of its own, so that it never waits for a render."""

    def __init__(self, lanes: Mapping[LaneName, Lane]) -> None:
        self._lanes = dict(lanes)

    def submit(self, name: LaneName, render: Render, write: Write[T], on_progress: OnProgress) -> LaneJob[T]:
        """Raises QueueFull."""
        return self._lanes[name].submit(render, write, on_progress)

    def cancel(self, job: LaneJob[T]) -> None:
        """End a job in whichever lane it is."""
        for lane in self._lanes.values():
            lane.cancel(job)

    def position(self, job: LaneJob[T]) -> int | None:
        """0 for the next to run in its lane, None for a job that does not wait."""
        positions = (lane.position(job) for lane in self._lanes.values())
        return next((position for position in positions if position is not None), None)
