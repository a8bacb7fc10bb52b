"""MCP over Streamable HTTP: the same server and one studio for every client, behind one door.

Begins at `app`. Of all this `serve` on stdio loads nothing but `address`.
"""
