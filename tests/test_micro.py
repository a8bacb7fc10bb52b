"""The micro model: made locally, the same each time, without a trace in the process's random state."""

import time
from typing import Any

import pytest
import torch

from ltx_mcp.engine.weights.source import MICRO, MICRO_DRAWS, MicroSource
from ltx_mcp.micro.build import build


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    return build()


def test_two_builds_have_the_same_weights(parts: dict[str, Any]) -> None:
    again = build()
    for name, part in parts.items():
        if isinstance(part, torch.nn.Module):
            twin = again[name].state_dict()
            assert all(torch.equal(tensor, twin[key]) for key, tensor in part.state_dict().items())


def test_the_processs_random_state_is_untouched() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    build()
    assert torch.equal(torch.get_rng_state(), before)


def test_it_is_built_in_under_three_seconds(parts: dict[str, Any]) -> None:
    start = time.monotonic()  # the imports were paid for by the fixture
    build()
    assert time.monotonic() - start < 3


def test_its_classes_are_those_of_the_real_model(parts: dict[str, Any]) -> None:
    assert {name: type(part).__name__ for name, part in parts.items()} == {
        "tokenizer": "GemmaTokenizer",
        "text_encoder": "Gemma3ForConditionalGeneration",
        "connectors": "LTX2TextConnectors",
        "transformer": "LTX2VideoTransformer3DModel",
        "vae": "AutoencoderKLLTX2Video",
        "audio_vae": "AutoencoderKLLTX2Audio",
        "vocoder": "LTX2VocoderWithBWE",
        "latent_upsampler": "LTX2LatentUpsamplerModel",
        "scheduler": "FlowMatchEulerDiscreteScheduler",
    }


def test_its_size_is_what_its_info_says(parts: dict[str, Any]) -> None:
    models = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    weights = sum(each.numel() * each.element_size() for model in models for each in model.parameters())
    assert weights == pytest.approx(MICRO.weights_bytes, rel=0.2)


def test_its_label_says_what_it_can_draw() -> None:
    assert "drawn world" in MicroSource().info.label
    assert MICRO_DRAWS in MicroSource().info.caveat


def test_the_picture_takes_nothing_from_sound(parts: dict[str, Any]) -> None:
    for block in parts["transformer"].transformer_blocks:  # video_stream.py leaves the sound out on this ground
        assert not block.audio_to_video_attn.to_out[0].weight.any()
