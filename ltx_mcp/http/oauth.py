"""OAuth: access tokens of an issuer elsewhere, which signs people in. Here they are checked, by its published keys.

A token is a JWT (RFC 9068) for this server's audience. Each person, by issuer and subject, is an owner; whoever has the
scope OWNER_SCOPE is the machine's own user.
"""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import jwt
from anyio import to_thread
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.routing import Route

from ltx_mcp.http.address import Address
from ltx_mcp.http.tokens import SCOPE

log = logging.getLogger(__name__)

OWNER_SCOPE = f"{SCOPE}:owner"
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")  # with public keys alone
LEEWAY_S = 30  # by which clocks may differ
KEYS_S = 3600.0  # until keys are fetched again
UNKNOWN_KEY_S = 30.0  # the same, where a token names a key that is not among them
FETCH_S = 10.0
MAX_BYTES = 256 * 1024  # of the issuer's metadata and keys


class Issued:
    """The SDK's TokenVerifier for the tokens of one issuer, and before them for those of `others`."""

    def __init__(self, issuer: str, audience: str, others: TokenVerifier | None = None) -> None:
        self._issuer, self._audience, self._others = issuer, audience, others
        self._keys = IssuerKeys(issuer)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whose token it is; None for one that does not hold, or that cannot be checked now."""
        if self._others is not None and (known := await self._others.verify_token(token)) is not None:
            return known
        try:
            claims = await to_thread.run_sync(self._claims, token)
        except (jwt.PyJWTError, URLError, OSError, ValueError) as error:
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
        key = self._keys.key(str(jwt.get_unverified_header(token).get("kid", "")))
        options: Any = {"require": ["exp", "iss", "aud", "sub"]}
        return jwt.decode(
            token,
            key,
            list(ALGORITHMS),
            options,
            audience=self._audience,
            issuer=self._issuer,
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
            AnyHttpUrl(self.url), [AnyHttpUrl(self.issuer)], [SCOPE, OWNER_SCOPE], "LTX film studio"
        )
        return [beside, Route("/.well-known/oauth-protected-resource", beside.endpoint, methods=["GET", "OPTIONS"])]


def owner_of(issuer: str, subject: str) -> str:
    """A name that is a folder's too, whatever the issuer calls people."""
    return f"oauth-{sha256(json.dumps([issuer, subject]).encode()).hexdigest()[:32]}"


class IssuerKeys:
    """The public keys that an issuer publishes. Blocks while they are fetched, which is seldom, whoever asks."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_s = -KEYS_S

    def key(self, key_id: str) -> jwt.PyJWK:
        """By its id; the only one needs none. Raises PyJWTError, OSError, ValueError."""
        age_s = time.monotonic() - self._fetched_s
        if age_s >= (KEYS_S if key_id in self._keys else UNKNOWN_KEY_S):
            self._fetched_s = time.monotonic()  # also where that fails
            self._keys = {key.key_id or "": key for key in jwt.PyJWKSet.from_dict(self._published()).keys}
        if key_id == "" and len(self._keys) == 1:
            [only] = self._keys.values()
            return only
        if key_id not in self._keys:
            raise jwt.InvalidKeyError(key_id)
        return self._keys[key_id]

    def _published(self) -> dict[str, Any]:
        metadata = self._metadata()
        if metadata.get("issuer") != self._issuer:
            raise ValueError("the metadata is another issuer's")
        return _fetched(str(metadata.get("jwks_uri", "")))

    def _metadata(self) -> dict[str, Any]:
        """By RFC 8414, or where OpenID has it."""
        parts = urlsplit(self._issuer)
        try:
            return _fetched(f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}")
        except URLError:
            return _fetched(f"{self._issuer}/.well-known/openid-configuration")


def is_trusted(url: str) -> bool:
    """Whether nobody on the way can change what comes from there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and Address(parts.hostname or "").is_loopback)


def _fetched(url: str) -> dict[str, Any]:
    if not is_trusted(url):
        raise ValueError("keys come over https alone")
    with urlopen(Request(url, headers={"accept": "application/json"}), timeout=FETCH_S) as answer:
        found = json.loads(answer.read(MAX_BYTES))
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found
