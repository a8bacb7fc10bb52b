"""The ltx-mcp command."""
