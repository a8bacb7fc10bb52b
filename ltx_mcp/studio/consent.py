"""The user's consent to a model's licence, and to fetching its weights: what is still to be asked, what was said."""

import logging
from collections.abc import Callable
from pathlib import Path

import anyio
from anyio import to_thread

from ltx_mcp.engine.weights.choice import Withheld
from ltx_mcp.errors import ArchiveError
from ltx_mcp.licences import OF_WEIGHTS, record, terms
from ltx_mcp.types.owners import caller


class Consent:
    """Shared by all clients. Whoever asks holds `turn`, so that a person is asked once at a time.

    `withheld` says what waits for consent; `accepted` is called once it is given and recorded.
    """

    def __init__(self, folder: Path, withheld: Callable[[], Withheld | None], accepted: Callable[[], None]) -> None:
        self._folder, self._withheld, self._accepted = folder, withheld, accepted
        self._is_declined = False
        self.turn = anyio.Lock()

    @property
    def key(self) -> str:
        """Names the question: an answer to that of another version of a licence is none."""
        return "-".join(("accept", *(each.version for each in OF_WEIGHTS)))

    async def question(self) -> str:
        """What to ask the user, "" for nothing. Only the machine's own user is asked, and not again after a no."""
        if self._is_declined or caller():
            return ""
        found = await to_thread.run_sync(self._withheld)
        if found is None:
            return ""
        size = f"About {found.missing_bytes / 1e9:.0f} GB would be fetched once." if found.missing_bytes else ""
        lines = [f"{found.name} makes the video here, and comes under a licence of its own.", *terms(), size]
        return "\n".join(line for line in lines if line)

    async def accept(self) -> None:
        """Record it, in the licences' versions, as `ltx-mcp licence` does. Raises ArchiveError."""
        try:
            await to_thread.run_sync(record, self._folder, "accepted")
        except OSError as error:
            raise ArchiveError(f"Consent cannot be recorded: {error}.", "Check LTX_MCP_DATA_DIR.") from error
        logging.getLogger(__name__).info("the licence of the weights was accepted through the host")
        self._accepted()

    def decline(self) -> None:
        """Ask nobody again while this process runs."""
        self._is_declined = True
