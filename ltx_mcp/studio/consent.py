"""What only the user may say, through the host: the consent to a licence, and to fetching weights."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from ltx_mcp.engine.weights.choice import Withheld
from ltx_mcp.errors import ArchiveError
from ltx_mcp.licences import OF_WEIGHTS, record, terms
from ltx_mcp.types.owners import caller


class Consent(ABC):
    """Shared by all clients. Whoever asks holds `turn`, so that a person is asked once at a time."""

    def __init__(self) -> None:
        self._is_declined = False
        self.turn = anyio.Lock()

    @property
    @abstractmethod
    def key(self) -> str:
        """Names the question: an answer to another one is none."""

    async def question(self) -> str:
        """What to ask the user, "" for nothing. Only the machine's own user is asked, and not again after a no."""
        return "" if self._is_declined or caller() else await self._question()

    @abstractmethod
    async def _question(self) -> str: ...

    @abstractmethod
    async def accept(self) -> None:
        """The user said yes. Raises ArchiveError."""

    def decline(self) -> None:
        """Ask nobody again while this process runs."""
        self._is_declined = True


class LicenceConsent(Consent):
    """To the video model's licence. `withheld` says what waits for it, `accepted` is called once it is recorded."""

    def __init__(self, folder: Path, withheld: Callable[[], Withheld | None], accepted: Callable[[], None]) -> None:
        super().__init__()
        self._folder, self._withheld, self._accepted = folder, withheld, accepted

    @property
    def key(self) -> str:
        return "-".join(("accept", *(each.version for each in OF_WEIGHTS)))

    async def _question(self) -> str:
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


class Weights(Protocol):
    """`said` is their name, with size and licence."""

    @property
    def name(self) -> str: ...
    @property
    def said(self) -> str: ...


class Arrival(Protocol):
    """Of weights that could be fetched (hub/arrival.py)."""

    @property
    def offered(self) -> Weights | None: ...
    def permit(self) -> None: ...


class DownloadConsent(Consent):
    """To fetching better models for searches, where LTX_MCP_DOWNLOADS says that a person is asked first."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        super().__init__()
        self._arrivals = arrivals

    @property
    def key(self) -> str:
        return "-".join(("fetch", *(each.name for arrival in self._arrivals if (each := arrival.offered))))

    async def _question(self) -> str:
        offered = [each.said for arrival in self._arrivals if (each := arrival.offered)]
        return "\n".join(["Searches find more with a model that is to be fetched first:", *offered]) if offered else ""

    async def accept(self) -> None:
        """Fetch them in the background."""
        for arrival in self._arrivals:
            arrival.permit()


@dataclass(frozen=True)
class Consents:
    """What a person may be asked."""

    licence: LicenceConsent
    downloads: DownloadConsent
