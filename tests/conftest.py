"""Fixtures that every test may use. Tests run on anyio's asyncio backend and never reach the network."""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny tensors: a second thread costs more than it brings, and many times more where the cores are shared.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["auto", pytest.param("legacy", marks=pytest.mark.slow)])
def mode(request: pytest.FixtureRequest) -> str:
    """The protocol's two eras, as mcp.Client names them. test_prompts.py holds both in every run."""
    return str(request.param)


@pytest.fixture(scope="session")
def micro_engine() -> "LtxEngine":
    """The micro model, loaded once for all tests of this process: leave it as you find it."""
    from engine_kit import Listener

    from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
    from ltx_mcp.engine.weights.source import MicroSource

    engine = LtxEngine(MicroSource(), device="cpu")
    engine.load(Listener())
    return engine
