"""The key and certificate that files are signed with: the user's own, or one that is made on first use.

    <data>/provenance/signer.pem    key, certificate and the authority that issued it; readable by the user alone

C2PA asks for a certificate that an authority issued, so an authority is made too, and its key is forgotten at once: it
issues nothing else. Readers elsewhere call such a signature valid and its signer unknown, which is the truth.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ltx_mcp.errors import SigningFailed
from ltx_mcp.private_files import write_private

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

FOLDER, KEY_FILE = "provenance", "signer.pem"
# Without a time stamp, for which a server would have to be asked, a manifest is valid as long as its certificate.
_VALID = timedelta(days=365 * 30)
_ORGANIZATION = "self-issued"
_BEGIN = b"-----BEGIN CERTIFICATE-----"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credentials:
    """PEM texts. `chain` begins with the signing certificate; `algorithm` is C2PA's name of how its key signs."""

    key: bytes
    chain: bytes
    algorithm: str

    @property
    def anchor(self) -> str:
        """The last certificate of the chain: a reader that is given it trusts what was signed here."""
        return (_BEGIN + self.chain.rpartition(_BEGIN)[2]).decode()

    @property
    def serial(self) -> str:
        """Of the certificate that signs: with a public authority, others have certificates of the same anchor."""
        from cryptography.x509 import load_pem_x509_certificate

        return str(load_pem_x509_certificate(self.chain).serial_number)


def read_credentials(certificate: Path | None, key: Path | None) -> Credentials:
    """The user's own: a chain and an unencrypted key, as PEM. Raises SigningFailed."""
    try:
        if certificate is None or key is None:
            raise ValueError("one without the other signs nothing")
        return _credentials(key.read_bytes(), certificate.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        hint = "Both are PEM files, the key without a password; the certificate's chain follows it."
        raise SigningFailed(f"LTX_MCP_SIGN_CERTIFICATE and LTX_MCP_SIGN_KEY cannot be used: {error}.", hint) from error


def own_credentials(data_dir: Path) -> Credentials:
    """Those of this installation, made if there are none yet. Raises SigningFailed."""
    folder = data_dir / FOLDER
    path = folder / KEY_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "lock"):  # another process may be about to make them
            if not path.exists():
                write_private(path, _self_issued())
        text = path.read_bytes()
        return _credentials(text, text[text.index(_BEGIN) :])
    except (OSError, ValueError, TypeError) as error:
        raise SigningFailed(f"The key in {path} cannot be used: {error}.", "Delete it: a new one is made.") from error


def _credentials(key: bytes, chain: bytes) -> Credentials:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    match load_pem_private_key(key, password=None):
        case ec.EllipticCurvePrivateKey() as private if private.curve.name in _CURVES:
            algorithm = _CURVES[private.curve.name]
        case rsa.RSAPrivateKey():
            algorithm = "ps256"
        case ed25519.Ed25519PrivateKey():
            algorithm = "ed25519"
        case _:
            raise ValueError("its kind is not one that C2PA knows")
    if _BEGIN not in chain:
        raise ValueError("there is no certificate")
    return Credentials(key.partition(_BEGIN)[0], chain, algorithm)


def _self_issued() -> bytes:
    """A new key, its certificate, and that of its authority."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("ltx-mcp authority", authority_key, "ltx-mcp authority", authority_key, is_authority=True)
    certificate = _certificate("ltx-mcp", key, "ltx-mcp authority", authority_key, is_authority=False)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return text + certificate.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)


def _certificate(
    name: str, key: "EllipticCurvePrivateKey", issuer: str, issuer_key: "EllipticCurvePrivateKey", *, is_authority: bool
) -> "x509.Certificate":
    """As C2PA's profile of certificates asks: of an authority, or for signing with the purpose emailProtection."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    begin = datetime.now(UTC) - timedelta(days=1)  # clocks differ
    usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
    usage |= dict.fromkeys(("encipher_only", "decipher_only"), False)
    usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
    builder = (
        x509.CertificateBuilder(_named(issuer), _named(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _VALID)
        .add_extension(x509.BasicConstraints(is_authority, 0 if is_authority else None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not is_authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(issuer_key, SHA256())


def _named(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    names = ((NameOID.ORGANIZATION_NAME, _ORGANIZATION), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in names])
