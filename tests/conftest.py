"""Fixtures that every test may use. Tests run on anyio's asyncio backend and never reach the network."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
