"""docs/deploy: what its files name is there, and the commands that they start are understood."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema

from ltx_mcp import __version__
from ltx_mcp.cli.main import _parser
from ltx_mcp.http.address import read_address
from ltx_mcp.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
UNIT = (ROOT / "docs" / "deploy" / "ltx-mcp.service").read_text(encoding="utf-8")
MANIFEST = (ROOT / "docs" / "deploy" / "manifest.json").read_text(encoding="utf-8")
SERVER = (ROOT / "docs" / "deploy" / "server.json").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "docs" / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def an_object(required: str, **properties: Any) -> dict[str, Any]:
    """The schema of an object with no other properties: the registry's own lets any pass, also a slip."""
    return {"type": "object", "properties": properties, "required": required.split(), "additionalProperties": False}


def texts(least: int, most: int, **rules: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most, **rules}


ENTRY = an_object(  # the rules of the registry's schema of 2025-12-11, for what our entry has of it
    "$schema name title description version packages",
    **{"$schema": {"const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"}},
    name=texts(3, 200, pattern="^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$"),
    title=texts(1, 100),
    description=texts(1, 100),
    version=texts(1, 255, pattern=r"^\d+\.\d+\.\d+$"),
    packages={
        "type": "array",
        "items": an_object(
            "registryType identifier version transport",
            registryType={"const": "pypi"},
            identifier=texts(1, 255),
            version=texts(1, 255, pattern=r"^\d+\.\d+\.\d+$"),
            runtimeHint={"const": "uvx"},
            transport=an_object("type", type={"const": "stdio"}),
            packageArguments={
                "type": "array",
                "items": an_object("type value", type={"const": "positional"}, value=texts(1, 255)),
            },
            environmentVariables={
                "type": "array",
                "items": an_object(
                    "name description isRequired",
                    name=texts(1, 255),
                    description=texts(1, 255),
                    default=texts(1, 255),
                    format={"enum": ["string", "number", "boolean", "filepath"]},
                    isRequired={"type": "boolean"},
                    isSecret={"type": "boolean"},
                ),
            },
        ),
    },
)


def test_both_start_a_server_that_listens_where_they_say() -> None:
    [unit] = re.findall(r"^ExecStart=\S*/ltx-mcp (.*)$", UNIT, re.MULTILINE)
    command, *docker = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[0])
    assert command == "ltx-mcp"
    assert read_address(_parser().parse_args(unit.split()).http).is_loopback
    assert not read_address(_parser().parse_args(docker).http).is_loopback, (
        "what is in a container is reached from outside"
    )
    assert f"EXPOSE {read_address(docker[-1]).port}\n" in DOCKERFILE


def test_the_image_is_made_of_what_the_package_is_made_of() -> None:
    copied = {source for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "ltx_mcp", "tools", "index"}
    assert all((ROOT / source).exists() for source in copied)


def test_the_settings_that_they_name_exist() -> None:
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", UNIT + DOCKERFILE + MANIFEST + SERVER))
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_the_bundle_and_the_registry_entry_start_this_version() -> None:
    """mcpb checks the manifest whole (tests/protocol)."""
    manifest, entry = json.loads(MANIFEST), json.loads(SERVER)
    [package] = entry["packages"]
    assert {manifest["version"], entry["version"], package["version"]} == {__version__}
    command = manifest["server"]["mcp_config"]
    assert _parser().parse_args(command["args"][command["args"].index("ltx-mcp") + 1 :]).command == "serve"
    assert _parser().parse_args([argument["value"] for argument in package["packageArguments"]]).command == "serve"
    assert {f"${{user_config.{name}}}" for name in manifest["user_config"]} == set(command["env"].values())
    assert Settings.load(command["env"]) == Settings.load({}), "what a host does not fill in is left out"
    jsonschema.validate(entry, ENTRY)
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text(encoding="utf-8"), "the registry looks for it"
