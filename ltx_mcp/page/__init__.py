"""The page of the archive: `index.html` with its style, and ES modules that begin at `main.js`.

Nothing is built: a browser is given the files as they are.
"""

from importlib.resources import files

FILES = {
    "index.html": "text/html; charset=utf-8",
    "studio.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    **{
        f"{name}.js": "text/javascript; charset=utf-8"
        for name in ("dom", "clips", "connection", "cards", "clip_view", "facts", "timeline", "jobs", "main")
    },
}
"""Each file, with its media type."""


def page_file(name: str) -> bytes:
    """One of FILES."""
    return files(__name__).joinpath(name).read_bytes()
