"""48 to 60 fps at half the rate and the temporal upsampler: exact counts, times that agree, the file it comes in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_kit import PLAN, Listener, watched
from safetensors.torch import save_file

from ltx_mcp.engine.base import NO_MATERIALS, Condition, Materials
from ltx_mcp.engine.diffusers_ltx.conditions import at_half_rate, latent_index
from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
from ltx_mcp.engine.diffusers_ltx.steered_transformer import packed_audio
from ltx_mcp.engine.weights.temporal_upsampler_file import load_temporal_file
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.media.resize import scale
from ltx_mcp.micro.temporal import FILE, around, load_temporal_upsampler
from ltx_mcp.micro.training import draw, world
from ltx_mcp.micro.training.train_temporal import solved
from ltx_mcp.types.frames import Frame

FAST = PLAN.model_copy(update={"fps": 50, "duration_s": 40 / 50, "made_frames": 49, "doubled_rate": True})
HALF, ALL = 4, 7  # latent frames of 25 and of 49


@pytest.fixture(scope="module")
def engine(micro_engine: LtxEngine) -> LtxEngine:
    return micro_engine


def picture(seed: int) -> Frame:
    return np.random.default_rng(seed).integers(0, 256, (50, 100, 3), dtype=np.uint8)


# -- the clip ---------------------------------------------------------------------------------------------


def test_a_fast_clip_is_made_at_half_its_rate_and_delivered_whole(engine: LtxEngine) -> None:
    watch = Listener()
    with watched(engine) as calls:
        rendering = engine.render(FAST, watch)
        frames = list(rendering.frames)
    assert len(frames) == 40
    assert watch.steps == [(done, 11) for done in range(1, 12)]
    assert [call["num_frames"] for call in calls] == [HALF] * 8 + [ALL] * 3
    assert [call["fps"] for call in calls] == [25.0] * 8 + [pytest.approx(60.0)] * 3
    assert [call["height"] * call["width"] for call in calls] == [1 * 2] * 8 + [2 * 4] * 3
    assert rendering.audio is not None
    assert rendering.audio.shape[1] / 48_000 == pytest.approx(50 / 50, abs=0.06), "as long as 25 frames at 25 fps"


def test_the_last_pass_hears_the_first_passes_sound_at_its_own_pace(engine: LtxEngine) -> None:
    with watched(engine) as calls:
        engine._make(FAST, Listener(), NO_MATERIALS)
    heard = calls[-1]
    assert heard["audio_timestep"].eq(0).all()
    made, told = calls[0]["audio_hidden_states"].shape[1], heard["audio_hidden_states"].shape[1]
    assert told == round(made * 50 / 60), "positions run at 60 fps, so what lasts a second lasts five sixths"
    pictures, sounds = heard["video_coords"][:, 0].max(), heard["audio_coords"].max()
    assert float(sounds) == pytest.approx(float(pictures), abs=0.05), "both end at the same time"


def test_conditions_stand_at_the_same_time_in_both_rates(engine: LtxEngine) -> None:
    materials = Materials((Condition([picture(1)]), Condition([picture(2)], 21), Condition([picture(3)], 39)))
    with watched(engine) as calls:
        latents, _, _ = engine._make(FAST, Listener(), materials)
    for call, cells, per_second in ((calls[0], HALF * 2, 50), (calls[-1], ALL * 8, 60)):
        starts = sorted(set(call["video_coords"][0, 0, cells:, 0].tolist()))
        assert starts == pytest.approx([21 / per_second, 39 / per_second])
    assert latents.shape[2] == ALL


def test_a_run_gives_every_second_frame_on_the_grid() -> None:
    from diffusers.pipelines.ltx2 import LTX2VideoCondition

    def run(count: int, at_frame: int) -> Any:
        frames = np.arange(count, dtype=np.uint8)[:, None, None, None]
        (halved,) = at_half_rate([LTX2VideoCondition(frames, index=latent_index(at_frame), strength=0.7, crf=0)])
        return halved

    assert run(33, 0).frames.ravel().tolist() == list(range(0, 33, 2))
    assert run(17, 0).frames.ravel().tolist() == list(range(0, 17, 2))
    assert run(9, 16).frames.ravel().tolist() == [0], "five frames are not on the grid of 8k+1"
    assert (run(17, 0).index, run(1, 1).index, run(17, 16).index) == (0, latent_index(0.5), latent_index(8))
    assert run(1, 0).strength == 0.7


def test_sound_at_the_same_pace_is_left_as_it_is(engine: LtxEngine) -> None:
    assert engine._loaded is not None
    pipeline = engine._loaded.conditioned
    bins = pipeline.audio_mel_bins // pipeline.audio_vae_mel_compression_ratio
    sound = torch.randn(1, pipeline.audio_latent_channels, 12, bins, generator=torch.Generator().manual_seed(1))
    same, faster = packed_audio(pipeline, sound), packed_audio(pipeline, sound, 1.2)
    assert (same.shape[1], faster.shape[1]) == (12, 10)
    assert torch.equal(faster[:, 0], same[:, 0])
    assert torch.allclose(faster[:, 5], same[:, 6], atol=1e-5)


def test_a_clip_that_is_scaled_up_has_the_delivered_size(engine: LtxEngine) -> None:
    plain = PLAN.model_copy(update={"quality": "draft", "frames": 9, "made_frames": 9})
    large = plain.model_copy(update={"width": 200, "height": 100, "upscaled": True, "upscaled_from": (100, 50)})
    small = next(iter(engine.render(plain, Listener()).frames))
    frames = list(engine.render(large, Listener()).frames)
    assert {(frame.shape, frame.flags.c_contiguous) for frame in frames} == {((100, 200, 3), True)}
    assert np.array_equal(frames[0], scale(small, 200, 100))
    still = picture(1)
    given = Materials((Condition([scale(still, 200, 100)]),))
    shown = next(iter(engine.render(large, Listener(), given).frames))
    assert shown.shape == (100, 200, 3)


# -- the upsampler ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs() -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Latents of drawn clips that the maps were not solved from, at half the rate and at the whole."""
    from ltx_mcp.micro.vae import load_vae

    vae, made = load_vae(), []
    for seed in range(3):
        scene = world.scene(world.training_seed(np.random.default_rng([99, seed])))
        frames = draw.frames(scene, 33, 96, 96)
        clip = torch.from_numpy(np.ascontiguousarray(frames.transpose(3, 0, 1, 2)[None], np.float32) / 127.5 - 1)
        with torch.no_grad():
            made.append((vae.encode(clip[:, :, ::2]).latent_dist.mode(), vae.encode(clip).latent_dist.mode()))
    return made


def test_the_micro_upsampler_is_nearer_to_the_truth_than_showing_latents_twice(
    pairs: list[tuple[torch.Tensor, torch.Tensor]],
) -> None:
    model = load_temporal_upsampler()
    errors, repeated = [], []
    for half, whole in pairs:
        made = model(half)
        assert made.shape == whole.shape
        errors.append(float((made - whole).square().mean()))
        twice = torch.cat([half[:, :, :1], half[:, :, 1:].repeat_interleave(2, dim=2)], dim=2)
        repeated.append(float((twice - whole).square().mean()))
    assert sum(errors) < 0.8 * sum(repeated)


def test_the_class_computes_the_maps_it_was_made_around(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    maps = solved(pairs)
    half = pairs[0][0]
    made = around(maps)(half)
    mean, spread = (maps[name].view(1, -1, 1, 1, 1) for name in ("mean", "spread"))
    normal = (half - mean) / spread
    for phase, name in enumerate(("earlier", "later")):
        weights, bias = maps[name][:, :-1], maps[name][:, -1].view(1, -1, 1, 1, 1)
        wanted = (torch.einsum("oc,bcfhw->bofhw", weights, normal) + bias) * spread + mean
        got = made[:, :, 1::2] if phase == 0 else made[:, :, ::2]
        assert torch.allclose(got, wanted[:, :, 1:] if phase == 0 else wanted, atol=2e-2 * float(spread.max()))


def test_it_ships_small() -> None:
    assert FILE.stat().st_size < 100_000


# -- a file in Lightricks' layout -------------------------------------------------------------------------


def upsampler(**kind: Any) -> Any:
    from diffusers.pipelines.ltx2 import LTX2LatentUpsamplerModel

    sizes = {"in_channels": 8, "mid_channels": 32, "num_blocks_per_stage": 2, "use_rational_resampler": False}
    torch.manual_seed(0)
    return LTX2LatentUpsamplerModel(**{**sizes, "spatial_upsample": False, "temporal_upsample": True, **kind}).eval()


def written(path: Path, model: Any, config: dict[str, Any] | None = None) -> Path:
    metadata = {"config": json.dumps(config or {"temporal_upsample": True, "spatial_upsample": False})}
    save_file(model.state_dict(), path, metadata)
    return path


def test_a_file_in_the_original_layout_is_the_model_it_was_saved_from(tmp_path: Path) -> None:
    """Names as in Lightricks' own class, which are those of diffusers: converting the spatial one renames none."""
    model = upsampler()
    names = {
        "initial_conv.weight",
        "res_blocks.1.conv2.bias",
        "upsampler.0.weight",
        "post_upsample_res_blocks.0.norm1.bias",
    }
    assert names <= model.state_dict().keys()
    loaded = load_temporal_file(written(tmp_path / "ltx-temporal-upscaler.safetensors", model), torch.float32)
    latents = torch.randn(1, 8, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        made = loaded(latents)
        assert made.shape[2] == 5
        assert torch.equal(made, model(latents))


@pytest.mark.parametrize(
    ("kind", "config", "why"),
    [
        ({"spatial_upsample": True, "temporal_upsample": False}, None, "another kind"),
        ({"spatial_upsample": True}, None, "another kind"),
        ({"dims": 2, "spatial_upsample": True, "temporal_upsample": False}, None, "three dimensions"),
        ({}, {"spatial_upsample": True}, "another kind"),
    ],
)
def test_an_upsampler_of_another_kind_is_refused(
    tmp_path: Path, kind: dict[str, Any], config: dict[str, Any] | None, why: str
) -> None:
    path = written(tmp_path / "other.safetensors", upsampler(**kind), config)
    with pytest.raises(ModelUnavailable, match=why):
        load_temporal_file(path, torch.float32)


def test_a_damaged_file_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = written(tmp_path / "cut.safetensors", upsampler())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelUnavailable, match=r"cut\.safetensors cannot be used.*fetched again"):
        load_temporal_file(path, torch.float32)
    weights = upsampler().state_dict()
    del weights["final_conv.bias"]
    save_file(weights, path)
    with pytest.raises(ModelUnavailable, match=r"final_conv\.bias"):
        load_temporal_file(path, torch.float32)
