"""MCP over Streamable HTTP: the same server and one studio for every client, behind the same checks.

Begins at `app`. Of all this `serve` on stdio loads nothing but `address`.
"""
