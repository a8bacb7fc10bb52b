"""Access tokens of an OAuth issuer, which runs in this process: whom they let in, as whom, and which are refused."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from agents import SHORT, data, text
from cryptography.hazmat.primitives.asymmetric import ec
from http_kit import HERE, URL, an_agent_of, an_app, asked, client_of
from pydantic import ValidationError

from ltx_mcp.http.app import Access
from ltx_mcp.http.oauth import OWNER_SCOPE
from ltx_mcp.http.tokens import SCOPE
from ltx_mcp.settings import Settings

pytestmark = pytest.mark.anyio

AUDIENCE = f"{URL}/mcp"
STATIC = "s" * 32


class IssuerServer:
    """Publishes its metadata and one key. `fetches` counts how often the keys were asked for."""

    def __init__(self) -> None:
        self.fetches = 0
        self.key = ec.generate_private_key(ec.SECP256R1())
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = outer.published(self.path)
                self.send_response(404 if found is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: tests are silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def published(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            self.fetches += 1
            return {"keys": [{**jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k1"}]}
        return None

    def token(self, key: Any = None, algorithm: str = "ES256", kid: str = "k1", **claims: Any) -> str:
        """One that holds, but for what is given."""
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "anna", "scope": SCOPE, "exp": int(time.time()) + 600}
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm, {"kid": kid})


@pytest.fixture
def issuer() -> Iterator[IssuerServer]:
    issuer = IssuerServer()
    thread = threading.Thread(target=issuer.server.serve_forever, daemon=True)
    thread.start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()
    thread.join()


def access(issuer: IssuerServer) -> Access:
    return Access.of(HERE, None, {"": STATIC}, issuer.url)


async def test_each_person_has_a_studio_of_their_own_and_the_owner_scope_the_machines(
    tmp_path: Path, issuer: IssuerServer
) -> None:
    tokens = {"anna": issuer.token(), "bert": issuer.token(sub="../bert"), "own": STATIC}
    tokens["chief"] = issuer.token(sub="chief", scope=f"{SCOPE} {OWNER_SCOPE}")
    async with an_app(tmp_path, access(issuer)) as app:
        seen = {}
        for name, token in tokens.items():
            async with client_of(app, token) as client, an_agent_of(client) as agent:
                if name in ("anna", "own"):
                    assert data(await agent.call_tool("generate_video", {"prompt": f"of {name}", **SHORT}))["clip"]
                seen[name] = text(await agent.call_tool("get_job", {}))
    owners = {who: {name for name in tokens if f"of {name}" in said} for who, said in seen.items()}
    assert owners == {"anna": {"anna"}, "bert": set(), "own": {"own"}, "chief": {"own"}}
    assert issuer.fetches == 1


async def test_what_does_not_hold_is_refused_and_says_where_to_sign_in(tmp_path: Path, issuer: IssuerServer) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    tokens = {
        "none": "",
        "not a token": "x.y.z",
        "another's key": issuer.token(key=stranger),
        "an unknown key": issuer.token(key=stranger, kid="k2"),
        "a shared secret": issuer.token(key="0" * 32, algorithm="HS256"),
        "expired": issuer.token(exp=int(time.time()) - 600),
        "without an end": issuer.token(exp=None),
        "without a subject": issuer.token(sub=None),
        "for another server": issuer.token(aud="https://other.example/mcp"),
        "of another issuer": issuer.token(iss="https://other.example"),
    }
    async with an_app(tmp_path, access(issuer)) as app, client_of(app) as client:
        for name, token in tokens.items():
            request = asked("tools/list")
            request["headers"]["authorization"] = f"Bearer {token}"
            answer = await client.post("/mcp", **request)
            assert answer.status_code == 401, name
            assert (
                f'resource_metadata="{URL}/.well-known/oauth-protected-resource/mcp"'
                in answer.headers["www-authenticate"]
            )
        request["headers"]["authorization"] = f"Bearer {issuer.token(scope='other')}"
        assert (await client.post("/mcp", **request)).status_code == 403, "it lacks the scope"
        for path in ("", "/mcp"):
            found = (await client.get(f"/.well-known/oauth-protected-resource{path}")).json()
            assert (found["resource"], found["authorization_servers"]) == (AUDIENCE, [f"{issuer.url}/"])
            assert found["scopes_supported"] == [SCOPE, OWNER_SCOPE]
    assert issuer.fetches <= 2, "strangers cannot have the keys fetched again and again"


def test_an_issuer_is_reached_by_https() -> None:
    assert Settings.model_validate({"http_issuer": "https://id.example/"}).http_issuer == "https://id.example"
    with pytest.raises(ValidationError, match="https"):
        Settings.model_validate({"http_issuer": "http://id.example"})
