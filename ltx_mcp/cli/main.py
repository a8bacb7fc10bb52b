"""The `ltx-mcp` command: the same studio for people and scripts.

Exit codes: 0 done, 1 failed, 2 what was typed cannot be used (an option, a setting, a path, a clip that is not there),
3 refused or held by moderation, 130 interrupted. Results go to standard output (one JSON value with --json), progress
and errors to standard error.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

import anyio

from ltx_mcp import __version__
from ltx_mcp.cli.command_table import COMMANDS, Command
from ltx_mcp.cli.options import add_options
from ltx_mcp.errors import BadInput, HeldForReview, Refused, SettingsError, StudioError
from ltx_mcp.settings import Settings
from ltx_mcp.types.texts import harmless

FAILED, USAGE, REFUSED, INTERRUPTED = 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        settings = Settings.load(os.environ)
        _log_to_stderr(settings.log_level)
        return _run(settings, arguments)
    except SettingsError as error:
        return _failed(f"The settings cannot be used:\n{error}", USAGE)
    except (Refused, HeldForReview) as error:
        return _failed(str(error), REFUSED)
    except BadInput as error:
        return _failed(str(error), USAGE)
    except StudioError as error:
        return _failed(str(error), FAILED)
    except KeyboardInterrupt:
        return _failed("Cancelled; nothing unfinished was kept.", INTERRUPTED)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        return anyio.run(COMMANDS[arguments.command].function(), settings, arguments)
    except BaseExceptionGroup as group:  # task groups wrap even a single error
        raise _innermost(group) from None


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _failed(text: str, code: int) -> int:
    sys.stderr.write(f"{harmless(text)}\n")
    return code


def _log_to_stderr(level: str) -> None:
    """Our own lines at the chosen level; of the libraries only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_HarmlessLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("ltx_mcp").setLevel(level)


class _HarmlessLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return harmless(super().format(record))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ltx-mcp", description="A film studio and archive for LLM agents.")
    parser.add_argument("--version", action="version", version=f"ltx-mcp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")

    for name, command in COMMANDS.items():
        shown = argparse.RawDescriptionHelpFormatter if command.more else argparse.HelpFormatter  # keeps its lines
        sub = commands.add_parser(
            name, help=command.text, description=command.text, epilog=command.more, formatter_class=shown
        )
        _add(sub, command)
    return parser


def _add(parser: argparse.ArgumentParser, command: Command) -> None:
    if command.json:
        parser.add_argument("--json", action="store_true", help="one JSON value on standard output")
    if command.opens:
        parser.add_argument("--print", action="store_true", help=f"only say where {command.opens} is")
    if command.takes_file:
        parser.add_argument("file", help=command.takes_file)
    if command.request is not None:
        add_options(parser, command.request)
