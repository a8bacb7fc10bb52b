"""MCP over Streamable HTTP: the same server and one studio for every client, behind one door.

Begins at `serving`. Nothing here is loaded by `serve` on stdio.
"""
