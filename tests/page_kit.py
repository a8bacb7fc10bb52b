"""The page in a real browser: a server of its own in this process, and Debian's Chromium driven by Playwright."""

import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx2
from agents import a_lazy_studio
from http_kit import bearer
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from ltx_mcp.http.address import Address
from ltx_mcp.http.app import Access, make_app
from ltx_mcp.http.serving import HttpServer
from ltx_mcp.settings import Settings

CHROMIUM = shutil.which("chromium")
ALONE = (  # nothing of the browser's own goes out, and none of its processes need a sandbox
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
expect.set_options(timeout=60_000)  # the first call of a process loads LanceDB and ffmpeg's helpers
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)


@asynccontextmanager
async def a_site(folder: Path, token: str = "", **studio: Any) -> AsyncGenerator[tuple[str, Client]]:
    """A server over HTTP on a free port: its address, and an agent that calls it."""
    lazy_studio, settings = a_lazy_studio(folder, **studio), Settings(data_dir=folder)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = Address(*listening.getsockname()[:2])
        access = Access.of(address, None, {"": token} if token else {})
        server = HttpServer(make_app(lazy_studio, settings, access), lazy_studio.stop_jobs)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [listening])
            http = httpx2.AsyncClient(headers=bearer(token) if token else {}, timeout=60)
            async with http, Client(streamable_http_client(f"http://{address}/mcp", http_client=http)) as agent:
                yield f"http://{address}/", agent
            server.should_exit = True


@asynccontextmanager
async def a_page(
    viewport: ViewportSize = DESK,
    scheme: Literal["dark", "light"] = "dark",
    motion: Literal["no-preference", "reduce"] = "no-preference",
    scale: float = 1,
) -> AsyncGenerator[Page]:
    """A page of a browser of its own. Leaving the block fails if a script of it failed, or its policy was violated."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ALONE))
        context = await browser.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion=motion, device_scale_factor=scale
        )
        page, failures = await context.new_page(), list[str]()
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None)
        yield page
        await browser.close()
        assert not failures


async def until(page: Page, condition: str) -> None:
    """Wait until a JavaScript expression is true. Playwright's own wait needs eval, which the page forbids."""
    await page.evaluate(f"async () => {{ while (!({condition})) await new Promise(requestAnimationFrame); }}")
