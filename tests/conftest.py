"""Fixtures that every test may use. Tests run on anyio's asyncio backend and never reach the network."""

import os

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny tensors: a second thread costs more than it brings, and many times more where the cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    """The protocol's two eras, as mcp.Client names them."""
    return str(request.param)
