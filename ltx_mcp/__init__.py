"""ltx-mcp: a film studio and film archive that LLM agents use over MCP."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("ltx-mcp")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
