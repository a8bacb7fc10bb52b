"""Opening what the system has a program for: a clip, an image, the page of the archive."""

import os
import shutil
import subprocess
import sys
from threading import Thread

from ltx_mcp.errors import StudioError

_OPENERS = {"darwin": "open"}  # of the system's own programs; elsewhere xdg-open, and Windows has a call for it


def open_with_system(what: str) -> None:
    """A path or a URL. Raises StudioError, with it, where there is nothing that opens it."""
    if sys.platform == "win32":
        os.startfile(what)
        return
    opener = shutil.which(_OPENERS.get(sys.platform, "xdg-open"))
    if opener is None:
        raise StudioError(f"Nothing here opens files by itself: {what}", "--print only says where it is.")
    viewer = subprocess.Popen(
        [opener, what],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    Thread(target=viewer.wait, daemon=True).start()  # a viewer may stay open longer than this command
