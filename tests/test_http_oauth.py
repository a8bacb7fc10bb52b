"""Access tokens of an OAuth issuer, which runs in this process: whom they let in, as whom, and which are refused."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
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
from ltx_mcp.http.oauth import KEYS_S, OWNER_SCOPE, Issued, IssuerKeys, owner_of
from ltx_mcp.http.tokens import SCOPE
from ltx_mcp.settings import Settings

pytestmark = pytest.mark.anyio

LED = "0.0.0.0"
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
                self.send_response(404 if found is None else 302 if self.path == "/moved" else 200)
                if self.path == "/moved":
                    self.send_header("location", str(found))
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: tests are silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.pages: dict[str, Any] = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/.well-known/oauth-authorization-server": "Welcome.",  # a page of its site
        }

    def published(self, path: str) -> Any:
        if path == "/keys":
            self.fetches += 1
            return {"keys": [{**jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True), "kid": "k1"}]}
        return self.pages.get(path)

    def token(self, key: Any = None, algorithm: str = "ES256", kid: str = "k1", typ: str = "JWT", **claims: Any) -> str:
        """One that holds, but for what is given."""
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "anna", "scope": SCOPE, "exp": int(time.time()) + 600}
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(kept, key or self.key, algorithm, {"kid": kid, "typ": typ})


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
    tokens["chief"] = issuer.token(typ="at+jwt", sub="chief", scope=f"{SCOPE} {OWNER_SCOPE}")
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
        "for a logout": issuer.token(typ="logout+jwt"),
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
            assert found["scopes_supported"] == [SCOPE], "clients ask for all of them: nobody is to ask to be the owner"
    assert issuer.fetches <= 2, "strangers cannot have the keys fetched again and again"


def test_an_issuer_is_reached_by_https() -> None:
    assert Settings.model_validate({"http_issuer": "https://id.example/"}).http_issuer == "https://id.example"
    with pytest.raises(ValidationError, match="https"):
        Settings.model_validate({"http_issuer": "http://id.example"})


class AskedMeanwhile(IssuerKeys):
    """While it fetches the keys another asks for one, and has the time to be refused."""

    def __init__(self, issuer: str, others: Executor) -> None:
        super().__init__(issuer)
        self.others, self.answers = others, list[Future[jwt.PyJWK]]()

    def _published(self) -> dict[str, Any]:
        self.answers.append(self.others.submit(self.key, "k1"))
        wait(self.answers, 0.5)
        return super()._published()


def test_who_comes_while_the_first_keys_are_fetched_waits_for_them_and_they_hold_on_while_their_issuer_is_away(
    issuer: IssuerServer,
) -> None:
    with ThreadPoolExecutor() as others:
        keys = AskedMeanwhile(issuer.url, others)
        assert keys.key("k1") is keys.answers[0].result()
        keys._fetched_s -= KEYS_S
        issuer.pages.clear()
        assert keys.key("k1") is keys.answers[0].result()
    assert issuer.fetches == 1


async def test_an_issuer_may_end_its_name_with_a_slash_and_its_keys_stay_where_nobody_changes_them(
    issuer: IssuerServer,
) -> None:
    metadata = issuer.pages["/.well-known/openid-configuration"]
    metadata["issuer"] = f"{issuer.url}/"
    token = issuer.token(iss=f"{issuer.url}/")
    known = await Issued(issuer.url, AUDIENCE).verify_token(token)
    assert known is not None
    assert known.subject == owner_of(issuer.url, "anna")
    # A name that leads to this server and is not loopback's by its form stands for one that others can change.
    issuer.pages["/moved"] = f"http://{LED}:{issuer.server.server_port}/keys"
    metadata["jwks_uri"] = f"{issuer.url}/moved"
    assert await Issued(issuer.url, AUDIENCE).verify_token(token) is None
