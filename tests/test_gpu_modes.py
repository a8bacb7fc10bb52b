"""The timing script: it runs every mode, and its random model has the published size."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parent.parent / "bench" / "gpu_modes.py"

PARAMETERS = {  # of LTX-2.3; the transformer and the connectors are its "22B", the text encoder is Gemma 3 12B
    "transformer": 18_988_838_144,
    "connectors": 3_172_227_584,
    "vae": 726_105_969,
    "audio_vae": 53_248_146,
    "vocoder": 128_537_448,
    "latent_upsampler": 497_867_904,
    "temporal_upsampler": 130_968_192,
    "text_encoder": 12_187_325_040,
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_modes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpu_modes"] = module  # its dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_every_mode_is_timed_on_the_micro_model() -> None:
    command = [sys.executable, str(SCRIPT), "--tiny", "--device", "cpu", "--runs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    head, *lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert head["command"].endswith("--tiny --device cpu --runs 1")
    assert set(head["versions"]) == {"torch", "diffusers", "transformers"}
    assert {line["mode"]: line["forwards"] for line in lines} == {
        "draft": 8,
        "final": 11,
        "animate": 11,
        "extend": 11,
        "repaint": 3,
        "best": 6 * 3 + 3,
        "fifty": 11,
        "tiled": 8 + 2 * 2,
        "reference": 11,
        "finalize": 3,
    }
    for line in lines:
        assert line["frames"] == 25
        assert set(line["seconds"]) == {"encoding_prompt", "denoising", "decoding"}
        assert line["total_s"] == pytest.approx(sum(line["seconds"].values()), abs=0.01)


@pytest.mark.slow
def test_an_unknown_mode_is_refused_by_name() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--modes", "draft,sing"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "unknown modes: sing" in done.stderr


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_random_model_has_the_published_size(script: ModuleType, name: str) -> None:
    with torch.device("meta"):
        model = script.full_size()[name]()
    assert sum(weights.numel() for weights in model.parameters()) == PARAMETERS[name]


def test_a_forward_at_720p_for_five_seconds_is_half_a_petaflop(script: ModuleType) -> None:
    with torch.device("meta"):
        config = script.full_size()["transformer"]().config
    assert script.forward_flop(config, 22 * 40 * 16, 126, 1024) == pytest.approx(0.54e15, rel=0.01)


def test_a_condition_and_a_source_reach_the_frames_that_are_timed(script: ModuleType) -> None:
    plan, materials = script.MODES["animate"](128, 64, 25)
    assert [condition.at_frame for condition in materials.conditions] == [0, plan.frames - 1]
    plan, materials = script.MODES["repaint"](128, 64, 25)
    assert len(materials.repaint) == plan.frames
