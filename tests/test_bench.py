"""The measuring scripts still run: a figure that cannot be measured again is a rumour."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.mark.parametrize(
    ("script", "options", "words"),
    [
        ("decode_memory.py", ["--seconds", "1", "--width", "64", "--height", "64"], ["stream", "whole", "ratio"]),
        ("startup.py", ["--runs", "1"], ["ltx-mcp serve", "bare server", "ratio"]),
        ("edit.py", ["--dry-run"], ["2 shots", "ours", "plain", "memory at 3 shots"]),
        ("large.py", ["--quick"], ["416x240, 12 frames", "tiles 1 x 1", "seams none", "GiB"]),
        ("micro_audio.py", ["--scenes", "1"], ["core, 30%", "wide, 0%", "silence", "5 s: encoded"]),
        ("micro_upsampler.py", ["--quick"], ["upsampler", "pixels", "ceiling", "astronaut"]),
        ("micro_eval.py", ["--quick", "--modes", "generate"], ["by chance", "colour", "motion", "sound"]),
        ("micro_retrieval.py", ["--clips", "6", "--films", "1"], ["clip R@1", "moment R1@0.5"]),
        ("micro_speed.py", ["--quick"], ["draft", "final", "load the model", "decode alone", "ratio"]),
    ],
)
def test_a_script_runs_and_prints_its_command_its_machine_and_its_ratio(
    script: str, options: list[str], words: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, BENCH / script, *options], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not [word for word in ["command: ", " cores", *words] if word not in done.stdout], done.stdout
