"""The twin that signs nothing, as where the library is missing: everything goes on, and says that it is not signed."""

from pathlib import Path

from ltx_mcp.errors import SigningFailed
from ltx_mcp.provenance.base import NO_MANIFEST, Claim, Manifest


class Unsigned:
    """A Signer without a key."""

    def sign(self, path: Path, claim: Claim) -> str:
        raise SigningFailed("Nothing is signed here.")

    def read(self, path: Path) -> Manifest:
        return NO_MANIFEST
