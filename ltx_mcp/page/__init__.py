"""The page of the archive: `index.html` with its style, and ES modules that begin at `main.js`.

Nothing is built: a browser is given the files as they are. A host that shows MCP Apps is given one document, into
which the same style and modules are put; it begins at `app.js`.
"""

import re
from functools import cache
from importlib.resources import files

# Each after what it imports.
_SHARED = ("dom", "clips", "timeline", "connection", "cards", "facts", "export_form", "clip_view", "jobs")
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_MODULE_LINES = re.compile(r"^import [^;]*;\n|^export ", re.MULTILINE)

FILES = {
    name: f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8"
    for name in ("index.html", "studio.css", "icon.svg", *(f"{module}.js" for module in (*_SHARED, "main")))
}
"""Each file that a browser is given, with its media type."""


def page_file(name: str) -> bytes:
    """One of the files here."""
    return files(__name__).joinpath(name).read_bytes()


@cache
def app_html() -> str:
    """The player and the board as one document, which loads nothing."""
    modules = [page_file(f"{module}.js").decode() for module in (*_SHARED, "host", "app")]
    script = "\n".join(_MODULE_LINES.sub("", module) for module in modules)
    page = page_file("app.html").decode()
    return page.replace("STYLE", page_file("studio.css").decode(), 1).replace("SCRIPT", script, 1)
