"""A hub for tests: what huggingface_hub asks of one, answered on a local port.

The network is off in the tests' own process (HF_HUB_OFFLINE), and huggingface_hub reads that once. So what asks this
hub runs in a process of its own, by `outside`.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40
Files = Mapping[str, Mapping[str, bytes]]
"""Content by repository and file."""


@dataclass
class FakeHub:
    """`files` are what it holds. Those of `gated` want a login; `sizes` are listed instead of the true ones.

    `damaged` are sent with another first byte than their SHA-256 says. `asked` gets every request for content, as
    file and first byte. `pages` answers every request with a page.
    """

    files: Files
    gated: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    pages: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)
    endpoint: str = ""


class _Answers(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if self.hub.pages:
            return self._send(200, b"<html>Log in to this network</html>", {"Content-Type": "text/html"}, body)
        if parts[:2] == ["api", "models"]:
            return self._listing("/".join(parts[2:4]), body)
        repo, file = "/".join(parts[:2]), "/".join(parts[4:])
        if repo in self.hub.gated:
            return self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "no"}, body)
        if repo not in self.hub.files:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        if file not in self.hub.files[repo]:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
        return self._content(repo, file, body)

    def _content(self, repo: str, file: str, body: bool) -> None:
        data = self.hub.files[repo][file]
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        sent = b"?" + data[1:] if file in self.hub.damaged else data
        start, end, code = 0, len(data) - 1, 200
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, code = int(first), min(int(last or len(data)), len(data) - 1), 206
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        if body:
            self.hub.asked.append((file, start))
        return self._send(code, sent[start : end + 1], headers, body)

    def _listing(self, repo: str, body: bool) -> None:
        if repo not in self.hub.files:
            return self._send(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        files = self.hub.files[repo]
        siblings = [
            {"rfilename": name, "size": self.hub.sizes.get(f"{repo}:{name}", len(data))} for name, data in files.items()
        ]
        answer = {"id": repo, "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
        return self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"}, body)

    def _send(self, code: int, data: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """The hub with its `endpoint`, until the block is left."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def outside(module: str, function: str, folder: Path) -> None:
    """Call `function(folder)` of a test module in a process where the network is on."""
    code = f"import pathlib, {module}; {module}.{function}(pathlib.Path({str(folder)!r}))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
