"""OAuth: access tokens of an issuer elsewhere, which signs people in. Here they are checked, by its published keys.

A token is a JWT (RFC 9068) for this server's audience. Each person, by issuer and subject, is an owner; whoever has the
scope OWNER_SCOPE is the machine's own user.
"""

import json
import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import jwt
from anyio import CapacityLimiter, to_thread
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.routing import Route

from ltx_mcp.http.address import Address
from ltx_mcp.http.tokens import SCOPE

log = logging.getLogger(__name__)

OWNER_SCOPE = f"{SCOPE}:owner"
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")  # with public keys alone
TYPES = ("at+jwt", "application/at+jwt", "jwt", "")  # RFC 9068's; many issuers say plain JWT, or nothing
LEEWAY_S = 30  # by which clocks may differ
KEYS_S = 3600.0  # until keys are fetched again
UNKNOWN_KEY_S = 30.0  # the same, where a token names a key that is not among them
FETCH_S = 10.0
MAX_BYTES = 256 * 1024  # of the issuer's metadata and keys
_UNREACHABLE = (OSError, HTTPException, ValueError)  # the last for an answer that is something else


class Issued:
    """The SDK's TokenVerifier for the tokens of one issuer, and before them for those of `others`.

    `issuer` is without a slash at its end. It may call itself with one: its tokens and metadata then have it.
    """

    def __init__(self, issuer: str, audience: str, others: TokenVerifier | None = None) -> None:
        self._issuer, self._audience, self._others = issuer, audience, others
        self._keys = IssuerKeys(issuer)
        self._slots = CapacityLimiter(8)  # its own: an issuer that is slow holds up nothing else

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose token it is; None for one that does not hold, or that cannot be checked now."""
        if self._others is not None and (known := await self._others.verify_token(token)) is not None:
            return known
        try:
            claims = await to_thread.run_sync(self._claims, token, limiter=self._slots)
        except (jwt.PyJWTError, ValueError) as error:
            log.info("a token was refused: %s", type(error).__name__)
            return None
        scopes = str(claims.get("scope", "")).split()
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id", claims["sub"])),
            subject="" if OWNER_SCOPE in scopes else owner_of(self._issuer, claims["sub"]),
            scopes=scopes,
            expires_at=int(claims["exp"]),
            resource=self._audience,
            claims={"iss": self._issuer},
        )

    def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if str(header.get("typ", "")).lower() not in TYPES:
            raise jwt.InvalidTokenError("it is signed for another use: a logout, a proof of possession")
        key = self._keys.key(str(header.get("kid", "")))
        options: Any = {"require": ["exp", "iss", "aud", "sub"]}
        return jwt.decode(
            token,
            key,
            list(ALGORITHMS),
            options,
            audience=self._audience,
            issuer=[self._issuer, f"{self._issuer}/"],
            leeway=LEEWAY_S,
        )


@dataclass(frozen=True)
class ProtectedResource:
    """Where this server is, and whose tokens it wants, as RFC 9728 publishes it."""

    url: str
    issuer: str

    @property
    def metadata_url(self) -> AnyHttpUrl:
        return build_resource_metadata_url(AnyHttpUrl(self.url))

    @property
    def routes(self) -> list[Route]:
        """Beside the resource's path, and at the root, where some clients look."""
        [beside] = create_protected_resource_routes(
            AnyHttpUrl(self.url), [AnyHttpUrl(self.issuer)], [SCOPE], "LTX film studio"
        )  # clients ask for every scope that is named here: OWNER_SCOPE is not, its issuer gives it to whom it chooses
        return [beside, Route("/.well-known/oauth-protected-resource", beside.endpoint, methods=["GET", "OPTIONS"])]


def owner_of(issuer: str, subject: str) -> str:
    """A name that is a folder's too, whatever the issuer calls people."""
    return f"oauth-{sha256(json.dumps([issuer, subject]).encode()).hexdigest()[:32]}"


class IssuerKeys:
    """The public keys that an issuer publishes. Blocks while they are fetched, which is seldom, whoever asks."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._first = Lock()  # who comes while the first are fetched waits for them
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_s = -KEYS_S

    def key(self, key_id: str) -> jwt.PyJWK:
        """By its id; the only one needs none. Raises PyJWTError."""
        with nullcontext() if self._keys else self._first:
            self._look(key_id)
        if key_id == "" and len(self._keys) == 1:
            [only] = self._keys.values()
            return only
        if key_id not in self._keys:
            raise jwt.InvalidKeyError(key_id)
        return self._keys[key_id]

    def _look(self, key_id: str) -> None:
        """Fetch the keys if that is due. Where it fails those that are known hold on, until the next look."""
        age_s = time.monotonic() - self._fetched_s
        if age_s < (KEYS_S if key_id in self._keys else UNKNOWN_KEY_S):
            return
        self._fetched_s = time.monotonic()
        try:
            self._keys = {key.key_id or "": key for key in jwt.PyJWKSet.from_dict(self._published()).keys}
        except (jwt.PyJWTError, *_UNREACHABLE) as error:
            log.warning("the keys of %s could not be fetched: %s", self._issuer, error)

    def _published(self) -> dict[str, Any]:
        metadata = self._metadata()
        if str(metadata.get("issuer")).removesuffix("/") != self._issuer:
            raise ValueError("the metadata is another issuer's")
        return _fetched(str(metadata.get("jwks_uri", "")))

    def _metadata(self) -> dict[str, Any]:
        """By RFC 8414, or where OpenID has it."""
        parts = urlsplit(self._issuer)
        try:
            return _fetched(f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}")
        except _UNREACHABLE:  # some answer with a page of their site
            return _fetched(f"{self._issuer}/.well-known/openid-configuration")


def is_trusted(url: str) -> bool:
    """Whether nobody on the way can change what comes from there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and Address(parts.hostname or "").is_loopback)


def _fetched(url: str) -> dict[str, Any]:
    if not is_trusted(url):
        raise ValueError("keys come over https alone")
    with urlopen(Request(url, headers={"accept": "application/json"}), timeout=FETCH_S) as answer:
        if not is_trusted(answer.url):
            raise ValueError("it leads to where anybody on the way can change it")
        found = json.loads(answer.read(MAX_BYTES))
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found
