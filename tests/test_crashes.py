"""Sixty servers die by SIGKILL, one after another, and nothing is lost. `crash_harness.py` says how, and takes more."""

import random
from pathlib import Path

import crash_harness
import pytest


@pytest.mark.slow
@pytest.mark.anyio
@pytest.mark.timeout(1200)
async def test_a_server_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    await crash_harness.run(60, random.randrange(10**6), tmp_path)
