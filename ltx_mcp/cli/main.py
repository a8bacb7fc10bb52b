"""The `ltx-mcp` command: the same studio for people and scripts.

Exit codes: 0 done, 1 failed, 2 what was typed cannot be used (an option, a setting, a path, a clip that is not there),
3 refused by moderation, 130 interrupted. Results go to standard output (one JSON value with --json), progress and
errors to standard error.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

import anyio

from ltx_mcp import __version__
from ltx_mcp.cli.clip_options import add_clip_commands
from ltx_mcp.cli.options import add_options
from ltx_mcp.errors import BadInput, Refused, SettingsError, StudioError
from ltx_mcp.settings import Settings
from ltx_mcp.types.exports import ExportRequest
from ltx_mcp.types.requests import AnimateRequest, FinalizeOptions, GenerateRequest, ImportRequest, RestyleRequest
from ltx_mcp.types.searches import SearchRequest
from ltx_mcp.types.timeline import EditRequest
from ltx_mcp.types.value import Value

if TYPE_CHECKING:
    from ltx_mcp.studio.studio import Studio

OK, FAILED, USAGE, REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

COMMANDS = {
    "serve": "serve MCP on stdio (what an MCP host starts)",
    "demo": "make a short film through the MCP server, then find its second shot in other words",
    "generate": "make a clip from a description",
    "animate": "bring a still image to motion",
    "restyle": "give a video a new style",
    "finalize": "finish a draft: the same clip at twice its size",
    "edit": "join shots into a film, from a .json of edit_video's arguments or an .otio timeline",
    "import": "copy a video file into the archive: moderated, searchable",
    "export": "write a clip as a file for other programs, never over one that is there",
    "search": "find moments by what is seen or heard",
    "jobs": "list the recent jobs",
    "models": "list the model families: which fit this machine, which are here, their licences",
    "doctor": "say what this machine will use and why, and what is missing",
    "reindex": "make the search index match the clips on disk",
}

REQUESTS: dict[str, type[Value]] = {
    "generate": GenerateRequest,
    "animate": AnimateRequest,
    "restyle": RestyleRequest,
    "finalize": FinalizeOptions,
    "edit": EditRequest,
    "import": ImportRequest,
    "export": ExportRequest,
    "search": SearchRequest,
}
"""The commands that take options, and the request that declares them."""


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load(os.environ)
        _log_to_stderr(settings.log_level)
        return _run(settings, arguments)
    except SettingsError as error:
        return _failed(f"The settings cannot be used:\n{error}", USAGE)
    except Refused as error:
        return _failed(str(error), REFUSED)
    except BadInput as error:
        return _failed(str(error), USAGE)
    except StudioError as error:
        return _failed(str(error), FAILED)
    except KeyboardInterrupt:
        return _failed("Cancelled; nothing unfinished was kept.", INTERRUPTED)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        if arguments.command == "serve":
            return anyio.run(_serve, settings)
        from ltx_mcp.cli import commands  # not before: `serve` must answer tools/list at once

        return anyio.run(commands.COMMANDS[arguments.command], settings, arguments)
    except BaseExceptionGroup as group:  # task groups wrap even a single error
        raise _innermost(group) from None


async def _serve(settings: Settings) -> int:
    from ltx_mcp.server.server import make_server
    from ltx_mcp.studio.lazy_studio import LazyStudio

    def studio() -> "AbstractAsyncContextManager[Studio]":
        from ltx_mcp.compose import open_studio

        return open_studio(settings)

    await make_server(LazyStudio(studio, settings.max_wait_s)).run_stdio_async()
    return OK


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _failed(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


def _log_to_stderr(level: str) -> None:
    """Our own lines at the chosen level; of the libraries only what is wrong."""
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("ltx_mcp").setLevel(level)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ltx-mcp", description="A film studio and archive for LLM agents.")
    parser.add_argument("--version", action="version", version=f"ltx-mcp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        if name != "serve":
            sub.add_argument("--json", action="store_true", help="one JSON value on standard output")
        if name == "edit":
            sub.add_argument("film", help="a .json or .otio file; paths in it start at its folder")
        if name in REQUESTS:
            add_options(sub, REQUESTS[name])
        return sub

    for name, text in COMMANDS.items():
        command(name, text)
    add_clip_commands(command)
    return parser
