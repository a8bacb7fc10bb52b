"""The measuring scripts still run: a figure that cannot be measured again is a rumour.

`--dry-run` goes through every part of a script on the smallest input, here in this process; its figures mean nothing.
startup.py is run whole, and in the slow lane all are that measure the product, on small inputs. Those of the micro
model's training are only gone through, in the slow lane.
"""

import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path

import pytest
import torch

BENCH = Path(__file__).parent.parent / "bench"
# Modules of other scripts, and the makers of screenshots, and of the fonts and the table of lookalikes that ship.
WITHOUT_FIGURES = {
    "confusables.py", "edited_films.py", "judge.py", "measured.py", "moment_metrics.py", "page_screens.py",
    "qvhighlights.py", "title_fonts.py", "watermark_clips.py", "watermark_rivals.py",
}  # fmt: skip
WHOLE = {
    "edit.py": (["--shots", "2", "3", "--seconds", "1", "--size", "160x90"], ["ours", "plain", "memory at 3 shots"]),
    "import_footage.py": (
        ["--minutes", "0.1", "--size", "160x90", "--embedder", "stand-in"],
        ["ours", "decoding alone", "ratio", "memory at"],
    ),
    "large.py": (["--quick"], ["416x240, 12 frames", "tiles 1 x 1", "seams none", "GiB"]),
    "surface.py": ([], ["tools/list", "whole schemas", "finished reply, as data", "ratio"]),
    "long_source.py": (["--hours", "0.05", "--size", "64x36"], ["What is in it", "the frame at", "largest process"]),
    "moderation_frames.py": (["--frames", "48", "--classifier", "stand-in"], ["before", "now", "inset", "looking"]),
    "moderation_text.py": ([], ["worst", "ordinary prompt"]),
    "search_scale.py": (["--frames", "12000", "--queries", "6"], ["ours", "recall@10", "filtered", "add a clip"]),
    "responsiveness.py": (
        ["--clients", "2", "--calls", "2", "--seconds", "1", "--jobs", "2"],
        [
            "idle, an attached one",
            "2 clients once a second, get_job",
            "without a pause",
            "times idle",
            "memory at job 2",
        ],
    ),
    "search.py": (["10"], ["load the embedder", "search 10 clips by words", "the newest of 10 clips"]),
}
GONE_THROUGH = {
    "embed.py": ["naive", "ours", "ratio", "least cosine"],
    "moments_eval.py": [
        "drawn films", "photographs and footage", "R1@0.7", "watershed", "1 of 1 annotations", "no-match precision",
    ],
    "moderation_fp.py": ["drawn: frames", "refused before", "all: films held now"],
    "decode_memory.py": ["stream", "whole", "ratio"],
    "micro_audio.py": ["core, 0%", "silence", "encoded"],
    "micro_upsampler.py": ["upsampler", "pixels", "ceiling"],
    "micro_eval.py": ["by chance", "colour", "motion", "sound"],
    "micro_retrieval.py": ["clip R@1", "R1@0.5", "best frame"],
    "micro_speed.py": ["draft", "final", "load the model", "decode alone", "ratio"],
    "micro_vae.py": ["PSNR", "bilinear", "DCT"],
    "transcribe.py": ["whisper-tiny", "of speech"],
    "sign.py": ["key and certificate", "a film of 5", "moov before mdat"],
    "audio_watermark.py": ["dB below it", "AAC 128 kbit/s", "with random patterns", "without the limit"],
    "watermark.py": ["PSNR", "H.264 CRF 28", "with random patterns", "without masking", "DWT-DCT"],
    "verify_copies.py": ["archive: 2 clips", "H.264 CRF 23", "second halves", "another seed"],
}  # fmt: skip
"""The scripts that a dry run tells all of, with the words of what they measure."""
LIMIT_S = 900  # of a whole script: the longest takes minutes on two busy cores
STARTUP = (["--runs", "1"], ["ltx-mcp serve", "bare server", "ratio"])
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


def dry_run(script: str, *options: str) -> str:
    with as_command(script, "--dry-run", *options), redirect_stdout(StringIO()) as out:
        runpy.run_path(str(BENCH / script), run_name="__main__")
    assert "command" in out.getvalue()
    assert "--dry-run" in out.getvalue(), "figures say how they were made"
    return out.getvalue()


RUN_WHOLE_ALONE = {"large.py", "responsiveness.py", "search_scale.py", "startup.py"}  # dry runs take as long
QUICK = set(SCRIPTS) - RUN_WHOLE_ALONE - GONE_THROUGH.keys() - {"gpu_modes.py"}


@pytest.mark.parametrize("script", sorted(QUICK))
def test_every_part_of_a_script_works(script: str) -> None:
    dry_run(script)


def test_a_script_of_many_modes_works_in_one() -> None:
    dry_run("gpu_modes.py", "--modes", "draft")


@pytest.mark.slow
@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("script", GONE_THROUGH)
def test_a_script_goes_through_all_that_it_measures(script: str) -> None:
    told = dry_run(script)
    assert not [word for word in GONE_THROUGH[script] if word not in told], told


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


def test_moments_are_counted_as_the_field_does_and_annotations_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    metrics, highlights = import_module("moment_metrics"), import_module("qvhighlights")
    answers = [
        metrics.shares([(0, 4), (4, 8)], [(2, 4), (20, 30)]),  # a half, then nothing
        metrics.shares([(50, 60), (10, 20)], [(10, 18)]),  # nothing, then most
        metrics.shares([], [(0, 1)]),
    ]
    assert metrics.metrics(answers) == pytest.approx(
        {"R1@0.3": 1 / 3, "R1@0.5": 1 / 3, "R1@0.7": 0, "mIoU": 0.5 / 3, "R5@0.5": 2 / 3}
    )
    lines = tmp_path / "lines.jsonl"
    line = '{"qid": 7, "query": "A man runs", "duration": 150, "vid": "v_60.0_210.0", "relevant_windows": [[82, 150]]}'
    lines.write_text(line + '\n\n{"query": "of a test split", "vid": "w"}\n')
    assert [(each.vid, each.windows_s) for each in highlights.annotations(lines)] == [("v_60.0_210.0", ((82, 150),))]
    for broken in ('{"query": "x", "vid": "v", "relevant_windows": [3]}', "[]", "{", '{"vid": "v"}'):
        lines.write_text(f"{line}\n{broken}\n")
        with pytest.raises(SystemExit, match="line 2 is not in QVHighlights' format"):
            highlights.annotations(lines)


def test_every_script_is_run_somewhere() -> None:
    assert {*WHOLE, *GONE_THROUGH, "startup.py", "gpu_modes.py"} == set(SCRIPTS), "gpu_modes.py: in test_gpu_modes.py"
