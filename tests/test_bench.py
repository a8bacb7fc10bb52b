"""The measuring scripts still run: a figure that cannot be measured again is a rumour.

`--dry-run` goes through every part of a script on the smallest input, here in this process; its figures mean nothing.
startup.py is run whole, and in the slow lane all are, on small inputs.
"""

import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import torch

BENCH = Path(__file__).parent.parent / "bench"
# Modules of other scripts, and the makers of the fonts and of the table of lookalikes that ship.
WITHOUT_FIGURES = {"confusables.py", "judge.py", "measured.py", "title_fonts.py"}
WHOLE = {
    "decode_memory.py": (["--seconds", "1", "--width", "64", "--height", "64"], ["stream", "whole", "ratio"]),
    "edit.py": (["--shots", "2", "3", "--seconds", "1", "--size", "160x90"], ["ours", "plain", "memory at 3 shots"]),
    "import_footage.py": (
        ["--minutes", "0.1", "--size", "160x90", "--embedder", "stand-in"],
        ["ours", "decoding alone", "ratio", "memory at"],
    ),
    "large.py": (["--quick"], ["416x240, 12 frames", "tiles 1 x 1", "seams none", "GiB"]),
    "micro_audio.py": (["--scenes", "1"], ["core, 30%", "wide, 0%", "silence", "5 s: encoded"]),
    "micro_upsampler.py": (["--quick"], ["upsampler", "pixels", "ceiling", "astronaut"]),
    "micro_eval.py": (["--prompts", "1", "--modes", "generate"], ["by chance", "colour", "motion", "sound"]),
    "micro_retrieval.py": (["--clips", "6", "--films", "1"], ["clip R@1", "R1@0.5", "best frame"]),
    "micro_speed.py": (["--quick"], ["draft", "final", "load the model", "decode alone", "ratio"]),
    "micro_vae.py": (["--quick"], ["PSNR", "bilinear", "DCT", "decode of 448x256, 49 frames"]),
    "surface.py": ([], ["tools/list", "whole schemas", "finished reply, as data", "ratio"]),
    "long_source.py": (["--hours", "0.05", "--size", "64x36"], ["What is in it", "the frame at", "largest process"]),
    "moderation_frames.py": (["--frames", "48", "--classifier", "stand-in"], ["before", "now", "inset", "looking"]),
    "moderation_text.py": ([], ["worst", "ordinary prompt"]),
    "search_scale.py": (["--frames", "12000", "--queries", "6"], ["ours", "recall@10", "filtered", "add a clip"]),
    "search.py": (["10"], ["load the embedder", "search 10 clips by words", "the newest of 10 clips"]),
}
LIMIT_S = 900  # of a whole script: the longest takes minutes on two busy cores
STARTUP = (["--runs", "1"], ["ltx-mcp serve", "bare server", "ratio"])
OF_MANY_MODES = {"gpu_modes.py", "micro_eval.py"}  # all of them are in the slow lane
SCRIPTS = sorted(path.name for path in BENCH.glob("*.py") if path.name not in WITHOUT_FIGURES)


@contextmanager
def as_command(script: str, *options: str) -> Iterator[None]:
    """As if Python had been started with this script."""
    argv, path, threads = sys.argv, list(sys.path), torch.get_num_threads()
    sys.argv = [script, *options]
    sys.path.insert(0, str(BENCH))
    try:
        yield
    finally:
        sys.argv, sys.path[:] = argv, path
        torch.set_num_threads(threads)


def dry_run(script: str, *options: str) -> None:
    with as_command(script, "--dry-run", *options), redirect_stdout(StringIO()) as out:
        runpy.run_path(str(BENCH / script), run_name="__main__")
    assert "command" in out.getvalue()
    assert "--dry-run" in out.getvalue(), "figures say how they were made"


RUN_WHOLE_ALONE = {"large.py", "micro_speed.py", "search_scale.py", "startup.py"}  # their dry runs take nearly as long


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name not in OF_MANY_MODES | RUN_WHOLE_ALONE])
def test_every_part_of_a_script_works(script: str) -> None:
    dry_run(script)


def test_a_script_of_many_modes_works_in_one() -> None:
    dry_run("gpu_modes.py", "--modes", "draft")


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
def test_every_mode_of_a_script_works() -> None:
    dry_run("micro_eval.py")  # those of gpu_modes.py: test_gpu_modes.py


def run_whole(script: str, options: list[str], words: list[str]) -> None:
    command = [sys.executable, str(BENCH / script), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert not [word for word in ["command:", *words] if word not in done.stdout], done.stdout


def test_the_time_to_start_is_measured_whole() -> None:
    run_whole("startup.py", *STARTUP)


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S + 20)
@pytest.mark.parametrize("script", WHOLE)
def test_a_script_runs_and_prints_its_command_its_machine_and_its_figures(script: str) -> None:
    run_whole(script, *WHOLE[script])


def test_every_script_is_run_whole_somewhere() -> None:
    assert {*WHOLE, "startup.py", "gpu_modes.py"} == set(SCRIPTS), "gpu_modes.py: in test_gpu_modes.py"
