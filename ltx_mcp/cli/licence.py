"""`ltx-mcp licence`: what the weights' licence asks, and the record of what the user said to it."""

import argparse

from anyio import to_thread

from ltx_mcp.cli.licence_options import LicenceOptions
from ltx_mcp.cli.options import read_options
from ltx_mcp.cli.output import out, print_value
from ltx_mcp.errors import ArchiveError
from ltx_mcp.licences import FFMPEG, OF_WEIGHTS, events, is_accepted, record, terms
from ltx_mcp.settings import Settings


async def licence(settings: Settings, arguments: argparse.Namespace) -> int:
    """Raises ArchiveError where the record cannot be written."""
    options = read_options(LicenceOptions, arguments)
    if options.accept or options.revoke:
        try:
            await to_thread.run_sync(record, settings.data_dir, "accepted" if options.accept else "revoked")
        except OSError as error:
            raise ArchiveError(
                f"The licence's record cannot be written: {error}.", "Check LTX_MCP_DATA_DIR."
            ) from error
    accepted = is_accepted(settings.data_dir)
    value = {"accepted": accepted, "said": events(settings.data_dir), "licences": [vars(each) for each in OF_WEIGHTS]}
    return print_value(arguments, value, lambda: out.print(_text(accepted, settings), markup=False))


def _text(accepted: bool, settings: Settings) -> str:
    state = (
        "Accepted: ltx-mcp licence --revoke takes that back." if accepted else "Not accepted: ltx-mcp licence --accept"
    )
    if settings.accept_licence and not accepted:
        state = "Accepted by LTX_MCP_ACCEPT_LICENCE."
    return "\n".join([*terms(), state, FFMPEG])
