"""Control signals: edges where the edges are, depth and poses by small random models of the real classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from media_kit import film, photo
from PIL import Image

from ltx_mcp.controls.base import ControlMaker
from ltx_mcp.controls.canny import CannyControl
from ltx_mcp.controls.depth import DPT, DepthControl
from ltx_mcp.controls.pose import RT_DETR, VIT_POSE, PoseControl, peaks, people
from ltx_mcp.controls.skeleton import JOINTS, LIMBS, Body, draw
from ltx_mcp.controls.weights import Weights
from ltx_mcp.errors import Cancelled, MediaError, ModelUnavailable
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import open_footage, read_video
from ltx_mcp.types.frames import Frame


def ignore() -> None:
    """A check that never cancels."""


def write(path: Path, frames: Sequence[Frame], fps: float = 10) -> Path:
    height, width, _ = frames[0].shape
    with VideoWriter(path, width, height, fps, len(frames)) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def moving_square(count: int = 12) -> list[Frame]:
    """A grey square of 80 pixels on dark ground; its left edge at 40, 52, 64 ..."""
    frames = []
    for index in range(count):
        frame = np.full((180, 320, 3), 40, np.uint8)
        frame[50:130, 40 + 12 * index : 120 + 12 * index] = 180
        frames.append(frame)
    return frames


# -- canny ------------------------------------------------------------------------------------------------


def test_white_lines_stand_where_the_squares_edges_are_in_every_frame(tmp_path: Path) -> None:
    footage = open_footage(write(tmp_path / "square.mp4", moving_square()), "x")
    edges = CannyControl().read(footage, 320, 180, 10, 12, ignore)
    assert len(edges) == 12
    for index, frame in enumerate(edges):
        assert frame.shape == (180, 320, 3)
        assert set(np.unique(frame)) == {0, 255}
        rows, columns = np.nonzero(frame[:, :, 0])
        left, right = 40 + 12 * index, 120 + 12 * index
        near_vertical = (np.minimum(abs(columns - left), abs(columns - right)) <= 2) & (rows > 47) & (rows < 133)
        near_level = (np.minimum(abs(rows - 50), abs(rows - 130)) <= 2) & (columns > left - 3) & (columns < right + 3)
        assert (near_vertical | near_level).all(), "nothing is drawn elsewhere"
        assert 290 <= len(rows) <= 340, "the outline, one pixel wide, is whole"


def test_the_frames_the_crop_and_the_rate_are_those_that_are_read(tmp_path: Path) -> None:
    footage = open_footage(write(tmp_path / "square.mp4", moving_square()), "x", (0.2, 1.0))
    edges = CannyControl().read(footage, 90, 160, 20, 16, ignore)
    source = list(read_video(footage, 90, 160, 20, 16))
    for drawn, frame in zip(edges, source, strict=True):
        grey = frame[:, :, 0].astype(int)
        step = np.zeros_like(grey, bool)
        step[:, 1:] |= abs(np.diff(grey, axis=1)) > 25
        step[1:] |= abs(np.diff(grey, axis=0)) > 25
        reach = np.zeros_like(step)
        for down in range(-2, 3):
            for across in range(-2, 3):
                reach |= np.roll(step, (down, across), (0, 1))
        assert not (drawn[:, :, 0].astype(bool) & ~reach).any()
    assert any(frame.any() for frame in edges)


def test_a_photograph_keeps_its_outlines_and_not_its_grain(tmp_path: Path) -> None:
    with Image.open(photo("astronaut.png")) as image:
        still = np.asarray(image.convert("RGB"))
    footage = open_footage(write(tmp_path / "still.mp4", [still] * 2), "x")
    [edges, _] = CannyControl().read(footage, 256, 256, 10, 2, ignore)
    assert 0.05 < (edges[:, :, 0] > 0).mean() < 0.2


def test_a_film_is_read_to_its_end_and_a_cancel_is_heard() -> None:
    footage = open_footage(film("bikes.mp4"), "x", (9.0, 10.0))
    assert len(CannyControl().read(footage, 128, 64, 24, 30, ignore)) == 30
    left = iter(range(5))

    def cancelling() -> None:
        if next(left, None) is None:
            raise Cancelled

    with pytest.raises(Cancelled):
        CannyControl().read(footage, 128, 64, 24, 30, cancelling)


# -- depth ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dpt(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """DPT as published, hybrid and all, but tiny and random."""
    from transformers import BitConfig, DPTConfig, DPTForDepthEstimation

    torch.manual_seed(1)
    backbone = BitConfig(
        depths=[1, 1, 1], hidden_sizes=[8, 16, 32], embedding_size=8, num_groups=4,
        out_features=["stage1", "stage2", "stage3"],
        layer_type="bottleneck", global_padding="same", embedding_dynamic_padding=True,
    )  # fmt: skip
    config = DPTConfig(
        is_hybrid=True, backbone_config=backbone, hidden_size=32, num_hidden_layers=4, num_attention_heads=4,
        intermediate_size=64, image_size=64, patch_size=16, neck_hidden_sizes=[8, 16, 32, 32], fusion_hidden_size=16,
        backbone_out_indices=[0, 1, 2, 3], backbone_featmap_shape=[1, 32, 4, 4], neck_ignore_stages=[0, 1],
        readout_type="project",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("dpt")
    DPTForDepthEstimation(config).save_pretrained(folder)
    return Weights(str(folder), "test", 1)


def test_depth_is_grey_on_one_scale_for_the_whole_stretch(tmp_path: Path, dpt: Weights) -> None:
    footage = open_footage(write(tmp_path / "square.mp4", moving_square()), "x")
    maker = DepthControl(weights=dpt)
    maker.ready()
    depth = np.stack(maker.read(footage, 80, 48, 10, 12, ignore))
    assert depth.shape == (12, 48, 80, 3)
    assert (depth[..., 0] == depth[..., 2]).all()
    assert (depth.min(), depth.max()) == (0, 255)
    assert len({frame.mean() for frame in depth}) > 6, "it follows the image"
    alone = maker.read(footage, 80, 48, 10, 1, ignore)[0]
    assert not np.array_equal(depth[0], alone), "a frame by itself has another scale"
    assert np.array_equal(depth, np.stack(maker.read(footage, 80, 48, 10, 12, ignore)))


# -- poses ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, Weights]:
    """RT-DETR and ViTPose, tiny and random; the detector's last layer is set so that it sees a person in all."""
    from transformers import (
        RTDetrConfig,
        RTDetrForObjectDetection,
        RTDetrResNetConfig,
        VitPoseBackboneConfig,
        VitPoseConfig,
        VitPoseForPoseEstimation,
    )

    torch.manual_seed(2)
    resnet = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    detector = RTDetrForObjectDetection(
        RTDetrConfig(
            backbone_config=resnet, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16,
            encoder_attention_heads=2, d_model=16, num_queries=12, decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16,
            decoder_layers=1, encoder_layers=1, decoder_attention_heads=2, num_labels=80, hidden_expansion=1.0,
            num_denoising=0,
        )
    )  # fmt: skip
    with torch.no_grad():
        for name, bias in detector.named_parameters():
            if "class_embed" in name and name.endswith("bias"):
                bias[0] = 6.0
    backbone = VitPoseBackboneConfig(
        image_size=(64, 48), patch_size=(16, 16), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        out_features=["stage2"], out_indices=[2],
    )  # fmt: skip
    poser = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=17))
    with torch.no_grad():
        for name, bias in poser.head.named_parameters():
            if name.endswith("bias"):
                bias += 1.0
    folders = [tmp_path_factory.mktemp(name) for name in ("detr", "vitpose")]
    detector.save_pretrained(folders[0])
    poser.save_pretrained(folders[1])
    return Weights(str(folders[0]), "test", 1), Weights(str(folders[1]), "test", 1)


def test_people_are_found_and_drawn_at_the_size_that_was_asked(tmp_path: Path, models: tuple[Weights, Weights]) -> None:
    footage = open_footage(write(tmp_path / "square.mp4", moving_square(3)), "x")
    maker = PoseControl("cpu", *models)
    maker.ready()
    drawn = maker.read(footage, 80, 48, 10, 3, ignore)
    assert [frame.shape for frame in drawn] == [(48, 80, 3)] * 3
    assert all(frame.any() for frame in drawn)
    assert np.array_equal(np.stack(drawn), np.stack(maker.read(footage, 80, 48, 10, 3, ignore)))


def test_a_video_without_people_says_so(tmp_path: Path, models: tuple[Weights, Weights]) -> None:
    from transformers import RTDetrForObjectDetection

    blind = RTDetrForObjectDetection.from_pretrained(models[0].location)
    with torch.no_grad():
        for name, bias in blind.named_parameters():
            if "class_embed" in name and name.endswith("bias"):
                bias[0] = -9.0
    blind.save_pretrained(tmp_path / "blind")
    footage = open_footage(write(tmp_path / "square.mp4", moving_square(2)), "x")
    with pytest.raises(MediaError, match="No people were seen"):
        PoseControl("cpu", Weights(str(tmp_path / "blind"), "test", 1), models[1]).read(footage, 80, 48, 10, 2, ignore)


def test_boxes_are_in_pixels_of_the_image_likeliest_first() -> None:
    class Detector:
        """Answers as RT-DETR does: logits (1, queries, classes), boxes (centre x, centre y, width, height) in 0..1."""

        def __call__(self, pixel_values: torch.Tensor) -> Any:
            assert pixel_values.shape == (1, 3, 640, 640)
            assert float(pixel_values.max()) <= 1
            logits = torch.full((1, 3, 80), -9.0)
            logits[0, :, 0] = torch.tensor([0.0, 4.0, -4.0])
            logits[0, 2, 5] = 9.0  # a bus
            boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0], [0.1, 0.1, 0.1, 0.1]]])
            return type("Found", (), {"logits": logits, "pred_boxes": boxes})

    found = people(Detector(), torch.full((1, 3, 100, 200), 255.0))
    assert [pytest.approx(box) for box in found] == [(0, 0, 100, 100), (80, 30, 120, 70)]


def test_a_peak_is_found_to_a_quarter_of_a_cell() -> None:
    heat = np.zeros((2, 6, 5), np.float32)
    heat[0, 2, 3], heat[0, 2, 4], heat[0, 1, 3] = 0.9, 0.4, 0.1
    heat[1, 0, 0] = 0.5
    points, scores = peaks(heat)
    assert points.tolist() == [[3, 1.75], [0, 0]] or points.tolist() == [[3.25, 1.75], [0, 0]]
    assert scores.tolist() == pytest.approx([0.9, 0.5])


def test_a_body_is_drawn_with_its_limbs_and_without_what_was_not_seen() -> None:
    points = np.zeros((17, 2), np.float32)
    points[:] = (100, 20)  # the face
    points[5], points[6] = (120, 60), (80, 60)  # shoulders, left and right
    points[7], points[8] = (140, 100), (60, 100)
    points[9], points[10] = (150, 140), (50, 140)
    scores = np.ones(17, np.float32)
    scores[11:] = 0.1  # legs were not seen
    drawn = draw([Body(points, scores)], 200, 200)
    assert drawn.shape == (200, 200, 3)
    assert drawn[60, 80].tolist() == [255, 170, 0], "the right shoulder has the third colour"
    assert drawn[80, 70].any(), "the right upper arm"
    assert drawn[80, 130].any(), "the left upper arm"
    assert drawn[60, 90].any(), "from the neck to the shoulder"
    assert not drawn[150:, 60:140].any(), "no legs"
    assert not draw([Body(points, np.zeros(17, np.float32))], 64, 64).any()
    assert (len(LIMBS), len(JOINTS)) == (17, 18)


# -- what they need ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "maker",
    [
        DepthControl(weights=Weights("/nowhere/dpt", "MIT", 490)),
        PoseControl("cpu", Weights("/nowhere/detr", "Apache-2.0", 81)),
    ],
)
def test_a_model_that_is_not_there_is_named_with_its_remedy(maker: ControlMaker, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"/nowhere/.* holds no config\.json") as missing:
        maker.ready()
    assert "take control=canny, which needs no model" in missing.value.hint
    footage = open_footage(write(tmp_path / "square.mp4", moving_square(2)), "x")
    with pytest.raises(ModelUnavailable, match=r"holds no config\.json"):
        maker.read(footage, 64, 64, 10, 2, ignore)


def test_pickled_weights_are_not_loaded(tmp_path: Path, dpt: Weights) -> None:
    from transformers import DPTForDepthEstimation

    model = DPTForDepthEstimation.from_pretrained(dpt.location)
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    weights = Weights(str(tmp_path), "test", 1)
    with pytest.raises(ModelUnavailable):
        weights.ready()
    with pytest.raises(ModelUnavailable):
        weights.load(DPTForDepthEstimation, "cpu", ignore)


def test_the_models_are_freely_licensed_and_named() -> None:
    assert [each.licence for each in (DPT, RT_DETR, VIT_POSE)] == ["MIT", "Apache-2.0", "Apache-2.0"]
    assert CannyControl().control == "canny"
    CannyControl().ready()
