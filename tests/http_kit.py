"""A server over HTTP in this process, and clients that call it: raw requests, and the SDK's own of both eras."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from agents import LIMIT_S, a_lazy_studio
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette

from ltx_mcp.http.address import Address
from ltx_mcp.http.app import Access, make_app
from ltx_mcp.settings import Settings

HERE = Address("127.0.0.1", 8765)
URL = f"http://{HERE}"
MAX_UPLOAD_BYTES = 2_000_000
MODERN, LEGACY = "2026-07-28", "2025-11-25"
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@asynccontextmanager
async def an_app(folder: Path, access: Access | None = None, **studio: Any) -> AsyncGenerator[Starlette]:
    """A server's app, which runs until the block is left."""
    lazy_studio, settings = (
        a_lazy_studio(folder, **studio),
        Settings(data_dir=folder, max_upload_bytes=MAX_UPLOAD_BYTES),
    )
    app = make_app(lazy_studio, settings, access or Access.of(HERE, None, {}))
    with anyio.fail_after(LIMIT_S):
        async with app.router.lifespan_context(app):
            yield app


def client_of(app: Starlette, token: str = "") -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL, headers=headers)


@asynccontextmanager
async def a_server(folder: Path, access: Access | None = None, **studio: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client of a server of its own."""
    async with an_app(folder, access, **studio) as app, client_of(app) as client:
        yield client


@asynccontextmanager
async def an_agent_of(client: httpx2.AsyncClient, mode: str = "auto") -> AsyncGenerator[Client]:
    async with Client(streamable_http_client(f"{URL}/mcp", http_client=client), mode=mode) as agent:
        yield agent


def asked(method: str, params: dict[str, Any] | None = None, name: str = "") -> dict[str, Any]:
    """The arguments of a POST that asks for a method, in the stateless era."""
    meta = {f"io.modelcontextprotocol/{key}": value for key, value in _ENVELOPE.items()}
    headers = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method, **({"mcp-name": name} if name else {})}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**(params or {}), "_meta": meta}}
    return {"json": body, "headers": headers}


_ENVELOPE: dict[str, Any] = {"protocolVersion": MODERN, "clientCapabilities": {}}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
