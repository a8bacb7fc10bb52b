"""All settings, as one frozen value built from an injected mapping: no module reads the environment itself.

Names are `LTX_MCP_*` in the environment, or the same names in `config.toml` of the data directory; the
environment wins. A value that a host failed to fill in (`${user_config.data_dir}`) counts as not set. Folders are
written as in a shell: with quotes, ~ and variables; hosts pass such text on as it is.
Hugging Face's own variables keep their meaning and are read by its libraries.
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

from ltx_mcp.errors import SettingsError
from ltx_mcp.licences import is_accepted

PREFIX = "LTX_MCP_"
CONFIG_NAME = "config.toml"
_PLACEHOLDER = re.compile(r"^\$\{[^}]*\}$")
_VARIABLE = re.compile(r"\$\{([^}]*)\}|\$([A-Za-z_]\w*)|%([A-Za-z_]\w*)%")
_QUOTES = "\"'"
_FOLDERS = ("data_dir", "roots", "lora_dir", "policy", "index", "sign_certificate", "sign_key")
_SECRETS = ("http_token",)  # no error shows them
MIN_TOKEN_CHARS = 32  # 128 bits even where a token is written in hexadecimal
_TOKEN = re.compile(
    rf"(?:(?P<owner>[a-z0-9_-]{{1,40}}):)?(?P<token>[A-Za-z0-9._~+/=-]{{{MIN_TOKEN_CHARS},}})"
)  # RFC 6750


def _folders(value: object) -> object:
    """PATH-like text or a list in JSON to folders; a TOML list passes as it is."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("["):
        with suppress(ValueError):
            return json.loads(value)
    # The colon of a URI, or of a drive, does not separate.
    parts = re.split(rf"{os.pathsep}(?!//)|\n", value)
    return [part for part in parts if part.strip()]


def _folder(value: object, info: ValidationInfo) -> object:
    """An absolute path. Raises ValueError for what cannot be meant."""
    if not isinstance(value, str) or not value.strip():
        return value or None
    environ: Mapping[str, str] = info.context or {}
    plain = value.strip().strip(_QUOTES).strip()
    if plain.startswith("file://"):
        plain = unquote(urlsplit(plain).path)
    plain = _VARIABLE.sub(lambda found: _filled(found, environ), plain)
    if plain.startswith("~") and "HOME" in environ and plain[1:2] in ("", "/", os.sep):
        plain = environ["HOME"] + plain[1:]
    if "\0" in plain:
        raise ValueError("a path has no NUL character")
    return Path(plain).expanduser().absolute()


def _place(value: object, info: ValidationInfo) -> object:
    """A folder, or a URI such as s3://bucket/folder."""
    plain = value.strip().strip(_QUOTES).strip() if isinstance(value, str) else ""
    return plain if "://" in plain and not plain.startswith("file://") else _folder(value, info)


def _filled(found: re.Match[str], environ: Mapping[str, str]) -> str:
    name = next(part for part in (*found.groups(), "") if part is not None)
    if found[1] is not None and name not in environ:
        raise ValueError(f"the variable {name} is not set")
    return environ.get(name, found[0])


def _tokens(value: object) -> object:
    """Tokens by their owners: one alone is that of the owner "", others have a name and a colon before them."""
    if isinstance(value, Mapping):
        value = " ".join(f"{owner}:{token}" if owner else str(token) for owner, token in value.items())
    if not isinstance(value, str):
        raise ValueError("tokens are written as text")
    tokens: dict[str, str] = {}
    for part in re.split(r"[\s,]+", value.strip()):
        found = _TOKEN.fullmatch(part)
        if found is None:
            form = f"{MIN_TOKEN_CHARS} or more letters, digits and -._~+/="
            raise ValueError(f"a token has {form}; several are written name:token, with a space between them")
        owner = found["owner"] or ""
        if owner in tokens or found["token"] in tokens.values():
            raise ValueError("two tokens are the same, or have the same name")
        tokens[owner] = found["token"]
    return tokens


def _url(value: str) -> str:
    """Without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("it is such as https://films.example.org")
    return value.rstrip("/")


def _issuer(value: str) -> str:
    """By https, but on this machine. Raises ValueError."""
    parts = urlsplit(url := _url(value))
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("it is reached by https, for its keys decide who may call")
    return url


Folder = Annotated[Path, BeforeValidator(_folder)]
_LOWER = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
_UPPER = BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value)


class Settings(BaseModel):
    """What the user chose. Every field is a setting of the same name in capitals after `LTX_MCP_`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Folder = Field(default_factory=lambda: Path(platformdirs.user_data_dir("ltx-mcp", appauthor=False)))
    roots: Annotated[tuple[Folder, ...], BeforeValidator(_folders)] = ()
    model: str = "auto"
    lora_dir: Folder | None = None
    accept_licence: bool | None = None
    device: str = "auto"
    memory: str = "auto"
    embedder: str = "auto"
    speech: str = "auto"
    index: Annotated[Path | str | None, BeforeValidator(_place)] = None
    downloads: Annotated[Literal["auto", "ask", "never"], _LOWER] = "auto"
    moderation: Annotated[Literal["auto", "open-nsfw"], _LOWER] = "auto"
    guard: Annotated[Literal["auto", "off"], _LOWER] = "auto"
    policy: Folder | None = None
    sign_certificate: Folder | None = None
    sign_key: Folder | None = None
    sign_prompts: bool = False
    watermark: bool = True
    narrator: Annotated[Literal["auto", "hibari", "kokoro", "stand-in"], _LOWER] = "auto"
    max_wait_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 45.0
    max_queue: Annotated[int, Field(ge=1, le=1000)] = 8
    max_bytes: Annotated[int, Field(ge=0)] | None = None
    keep_latents_days: Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)] = 7.0
    keep_loaded_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 900.0
    linger_s: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)] = 10.0
    keep_jobs_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] = 90.0
    keep_jobs: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    max_upload_bytes: Annotated[int, Field(ge=0)] = 4_000_000_000
    http_token: Annotated[dict[str, str], BeforeValidator(_tokens), Field(repr=False)] = Field(default_factory=dict)
    http_url: Annotated[str, AfterValidator(_url)] | None = None
    http_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    http_audience: str = ""
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _UPPER] = "INFO"

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment, then the config file under it. Raises SettingsError with every problem."""
        chosen = {
            name: value if name in _FOLDERS else value.strip().strip(_QUOTES).strip()
            for variable, value in environ.items()
            if variable.startswith(PREFIX) and _is_filled(name := variable.removeprefix(PREFIX).lower(), value.strip())
        }
        try:
            folder = cls._checked({"data_dir": chosen.get("data_dir") or cls().data_dir}, environ).data_dir
        except SettingsError:  # told with the rest
            return cls._checked(chosen, environ)
        return cls._checked({**_config(folder / CONFIG_NAME), **chosen}, environ)

    @property
    def licence_is_accepted(self) -> bool:
        """What the setting says, and where it says nothing, what `ltx-mcp licence` or a host has recorded by now."""
        return is_accepted(self.data_dir) if self.accept_licence is None else self.accept_licence

    @classmethod
    def _checked(cls, values: Mapping[str, Any], environ: Mapping[str, str]) -> "Settings":
        try:
            return cls.model_validate(values, context=environ)
        except ValidationError as error:
            raise SettingsError("\n".join(_problem(cls, problem) for problem in error.errors())) from None


def _is_filled(name: str, value: str) -> bool:
    """Whether a host filled it in. Its own names have a dot; those of variables, which folders may hold, have none."""
    if not _PLACEHOLDER.match(value):
        return bool(value)
    return name in _FOLDERS and "." not in value


def _config(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
    return {name.removeprefix(PREFIX).lower(): value for name, value in table.items()}


def _problem(cls: type[BaseModel], problem: Any) -> str:
    name = str(problem["loc"][0])
    if name not in cls.model_fields:
        return f"{PREFIX}{name.upper()} is not a setting; the settings are {', '.join(_names(cls))}."
    reason = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]
    shown = "" if name in _SECRETS else f"={problem['input']!r}"
    return f"{PREFIX}{name.upper()}{shown} cannot be used: {reason}."


def _names(cls: type[BaseModel]) -> list[str]:
    return [f"{PREFIX}{name.upper()}" for name in cls.model_fields]
