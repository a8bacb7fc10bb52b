"""GET /healthz and GET /metrics: whether the server answers, and a few figures for Prometheus.

Health is told to anyone, for whoever restarts the server has no token. The figures are of all owners together, so they
are for the machine's own user.
"""

from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ltx_mcp.errors import StudioError
from ltx_mcp.studio.lazy_studio import LazyStudio
from ltx_mcp.types.owners import caller

_TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"  # of Prometheus

# Each figure with its type and what it says.
_FIGURES = {
    "ltx_mcp_jobs": ("gauge", "Jobs of the records by their status; queued ones are running."),
    "ltx_mcp_queued": ("gauge", "Jobs that wait in a lane of this process."),
    "ltx_mcp_busy": ("gauge", "Jobs of this process that a lane renders, or that are being published."),
    "ltx_mcp_render_seconds_total": ("counter", "Seconds that lanes worked on jobs that succeeded."),
    "ltx_mcp_clips": ("gauge", "Published clips."),
    "ltx_mcp_clip_bytes": ("gauge", "Bytes of the files of all published clips."),
}


async def healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


class Metrics:
    """Opens the studio, as any call does."""

    def __init__(self, lazy_studio: LazyStudio) -> None:
        self._lazy_studio = lazy_studio

    async def get(self, _: Request) -> Response:
        if caller():
            return PlainTextResponse("Not Found", 404)
        try:
            studio = await self._lazy_studio.studio()
            by_status, rendered_s = studio.jobs.totals()
            queued, busy = studio.jobs.load()
            clips, clip_bytes = await studio.archive.size()
        except StudioError as error:
            return PlainTextResponse(str(error), 503)
        figures: dict[str, Mapping[str, float]] = {
            "ltx_mcp_jobs": {f'{{status="{status}"}}': count for status, count in sorted(by_status.items())},
            "ltx_mcp_queued": {"": queued},
            "ltx_mcp_busy": {"": busy},
            "ltx_mcp_render_seconds_total": {"": rendered_s},
            "ltx_mcp_clips": {"": clips},
            "ltx_mcp_clip_bytes": {"": clip_bytes},
        }
        return Response("".join(_lines(figures)), media_type=_TEXT_FORMAT)


def _lines(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    for name, values in figures.items():
        kind, text = _FIGURES[name]
        yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
        yield from (f"{name}{label} {value:.17g}\n" for label, value in values.items())
