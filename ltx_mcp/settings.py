"""All settings, as one frozen value built from an injected mapping: no module reads the environment itself.

Names are `LTX_MCP_*` in the environment, or the same names in `config.toml` of the data directory; the
environment wins. A value that a host failed to fill in (`${user_config.data_dir}`) counts as not set.
Hugging Face's own variables keep their meaning and are read by its libraries.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ltx_mcp.errors import SettingsError

PREFIX = "LTX_MCP_"
CONFIG_NAME = "config.toml"
_PLACEHOLDER = re.compile(r"^\$\{[^}]*\}$")


def _folders(value: object) -> object:
    """PATH-like text to folders; a TOML list passes as it is."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


Folder = Annotated[Path, BeforeValidator(lambda value: _absolute(Path(value)) if value else value)]


class Settings(BaseModel):
    """What the user chose. Every field is a setting of the same name in capitals after `LTX_MCP_`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Folder = Field(default_factory=lambda: Path(platformdirs.user_data_dir("ltx-mcp", appauthor=False)))
    roots: Annotated[tuple[Folder, ...], BeforeValidator(_folders)] = ()
    model: str = "auto"
    lora_dir: Folder | None = None
    accept_licence: bool = False
    device: str = "auto"
    memory: str = "auto"
    embedder: str = "auto"
    downloads: Literal["auto", "ask", "never"] = "auto"
    moderation: Literal["auto", "open-nsfw"] = "auto"
    policy: Folder | None = None
    narrator: Literal["auto", "hibari", "kokoro", "stand-in"] = "auto"
    max_wait_s: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 45.0
    max_queue: Annotated[int, Field(ge=1, le=1000)] = 8
    max_bytes: Annotated[int, Field(ge=0)] | None = None
    keep_latents_days: Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)] = 7.0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the environment, then the config file under it. Raises SettingsError with every problem."""
        chosen = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environ.items()
            if name.startswith(PREFIX) and value.strip() and not _PLACEHOLDER.match(value.strip())
        }
        folder = Path(chosen.get("data_dir") or cls().data_dir).expanduser()
        return cls._checked({**_config(folder / CONFIG_NAME), **chosen})

    @classmethod
    def _checked(cls, values: Mapping[str, Any]) -> "Settings":
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("\n".join(_problem(cls, problem) for problem in error.errors())) from None


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
    return f"{PREFIX}{name.upper()}={problem['input']!r} cannot be used: {problem['msg']}."


def _names(cls: type[BaseModel]) -> list[str]:
    return [f"{PREFIX}{name.upper()}" for name in cls.model_fields]
