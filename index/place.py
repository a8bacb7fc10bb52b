"""Where the index lies: a folder of this machine, or any URI that LanceDB opens, such as s3://bucket/folder."""

import shutil
from pathlib import Path

from anyio import to_thread

from ltx_mcp.errors import IndexUnavailable

REMEDY = "No clip is lost. Run `ltx-mcp reindex` to rebuild the search index from the clips."


class Place:
    """Of a folder it is known whether its files are broken. Elsewhere a network that fails looks the same."""

    def __init__(self, place: Path | str) -> None:
        self.uri = str(place)
        self._folder = None if "://" in self.uri else Path(place)

    def __str__(self) -> str:
        return self.uri

    @property
    def is_folder(self) -> bool:
        return self._folder is not None

    async def make(self) -> None:
        """Make the folder. Raises OSError."""
        if (folder := self._folder) is not None:
            await to_thread.run_sync(lambda: folder.mkdir(parents=True, exist_ok=True))

    async def move_aside(self) -> None:
        """Leave the folder free; the last one that was moved aside is kept. Raises IndexUnavailable."""
        if (folder := self._folder) is None:
            raise IndexUnavailable(f"The search index in {self} cannot be read.", REMEDY)
        aside = folder.with_name(f"{folder.name}.damaged")

        def move() -> None:
            if aside.is_dir():
                shutil.rmtree(aside)
            if folder.exists():
                folder.replace(aside)

        try:
            await to_thread.run_sync(move)
        except OSError as error:
            raise IndexUnavailable(
                f"The broken search index {folder} cannot be moved to {aside}: {error}", REMEDY
            ) from error
