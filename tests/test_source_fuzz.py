"""Sources at random are imported right: flash and click at one time, length, upright, colours; or refused in words.

LTX_MCP_FUZZ sets how many, and the slow lane's first seed is printed with what is wrong: `source_fuzz.py --seed`.
"""

import os
from pathlib import Path

import pytest
from source_fuzz import run


def assert_right(seeds: range, folder: Path) -> None:
    counted, wrong = run(seeds, folder)
    assert not wrong, "\n".join(wrong)
    assert counted["right"] > 0.8 * len(seeds), counted


def test_sources_at_random_are_read_right(tmp_path: Path) -> None:
    assert_right(range(1, 5), tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_sources_at_random_are_read_right(tmp_path: Path) -> None:
    assert_right(range(100, 100 + int(os.environ.get("LTX_MCP_FUZZ", "25"))), tmp_path)
