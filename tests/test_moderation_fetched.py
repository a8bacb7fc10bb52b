"""The classifier that is fetched, with weights of its architecture that are made here; and several as one."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.moderation.base import Scores
from ltx_mcp.moderation.bounded import Bounded
from ltx_mcp.moderation.ensemble import Ensemble
from ltx_mcp.moderation.fetched import FetchedModel
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.moderation.timm_nsfw import TimmNsfw
from ltx_mcp.types.frames import Frame

GREY, MAGENTA = np.full((64, 96, 3), 90, np.uint8), np.full((64, 96, 3), (255, 0, 255), np.uint8)
ARCHITECTURE = "vit_tiny_patch16_384"  # Marqo/nsfw-image-detection-384 is one that was fine-tuned


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose first output is high where the others of its kind say NSFW: at warm colours, by its bias."""
    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    model = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=2).eval()
    with torch.no_grad():
        frames = TimmNsfw(folder, "").canaries()
        pixels = torch.stack([torch.tensor(frame).float().permute(2, 0, 1) / 127.5 - 1 for frame in frames])
        pixels = torch.nn.functional.interpolate(pixels, (384, 384), mode="bicubic")
        features = model.forward_head(model.forward_features(pixels), pre_logits=True)  # type: ignore[operator]
        way = features[1] - features[0]
        way *= 8 / way.dot(way)
        middle = way.dot(features.mean(0))
        head = nn.Linear(len(way), 2)
        head.weight.copy_(torch.stack([way, -way]))
        head.bias.copy_(torch.stack([-middle, middle]))
        model.head = head
    save_file(model.state_dict(), folder / "model.safetensors")
    return folder


def a_classifier(weights: Path, folder: Path, labels: object, inside: bool = False) -> TimmNsfw:
    pretrained: dict[str, object] = {"input_size": [3, 384, 384], "mean": [0.5] * 3, "std": [0.5] * 3}
    pretrained |= {"interpolation": "bicubic", "crop_pct": 1.0}
    config: dict[str, object] = {"architecture": ARCHITECTURE, "num_classes": 2, "pretrained_cfg": pretrained}
    place: dict[str, object] = pretrained if inside else config
    place["label_names"] = labels
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").symlink_to(weights / "model.safetensors")
    return TimmNsfw(folder, "vit")


def test_the_order_of_the_labels_is_read_from_the_checkpoint(weights: Path, tmp_path: Path) -> None:
    right = a_classifier(weights, tmp_path / "right", ["NSFW", "SFW"], inside=True)
    Bounded(right).load()
    low, high = right.score(right.canaries())
    assert low["explicit"] < 0.01 < 0.99 < high["explicit"]
    assert right.score([]) == []
    with pytest.raises(ModerationUnavailable, match="canaries"):
        Bounded(a_classifier(weights, tmp_path / "swapped", ["SFW", "NSFW"])).load()


def test_a_checkpoint_with_other_labels_or_damaged_files_is_refused_with_the_remedy(
    weights: Path, tmp_path: Path
) -> None:
    others = [a_classifier(weights, tmp_path / f"labels-{n}", each) for n, each in enumerate([[], ["cat", "dog"]])]
    damaged = a_classifier(weights, tmp_path / "damaged", ["NSFW", "SFW"])
    (tmp_path / "damaged" / "model.safetensors").unlink()
    (tmp_path / "damaged" / "model.safetensors").write_bytes(b"damaged")
    for classifier in (*others, damaged, TimmNsfw(tmp_path / "missing", "vit")):
        with pytest.raises(ModerationUnavailable) as refused:
            Ensemble(MagentaClassifier(), classifier).load()
        assert "LTX_MCP_MODERATION=open-nsfw" in (refused.value.hint or "")
    with pytest.raises(ModerationUnavailable, match="not loaded"):
        damaged.score([GREY])


class Second(MagentaClassifier):
    """Another classifier, with a category of its own, which answers as a test wants once it is loaded."""

    name = "second"
    categories = frozenset({"explicit", "gore"})

    def __init__(self, answer: Callable[[Sequence[Frame]], list[Scores]] | None = None) -> None:
        super().__init__()
        self.answer = answer

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        shown = [{"explicit": row["explicit"] / 2, "gore": row["explicit"]} for row in super().score(frames)]
        is_canary = [frame.shape for frame in frames] == [frame.shape for frame in self.canaries()]
        return shown if self.answer is None or is_canary else self.answer(frames)


def test_several_give_the_highest_score_of_each_category() -> None:
    both = Ensemble(MagentaClassifier(), Second())
    both.load()
    assert (both.name, both.categories) == ("magenta-stand-in-1 + second", {"explicit", "gore"})
    assert both.score([GREY, MAGENTA]) == [{"explicit": 0.0, "gore": 0.0}, {"explicit": 0.99, "gore": 0.99}]
    assert FrameGate(both).judge([MAGENTA]).verdict == "refused"


def test_what_one_of_several_gets_wrong_is_never_hidden_by_the_others(subtests: pytest.Subtests) -> None:
    nan = float("nan")

    def fail(frames: Sequence[Frame]) -> list[Scores]:
        raise RuntimeError("out of memory")

    answers: dict[str, Callable[[Sequence[Frame]], list[Scores]]] = {
        "exception": fail,
        "nan": lambda frames: [{"explicit": nan, "gore": 0.0}] * len(frames),
        "a category less": lambda frames: [{"explicit": 0.0}] * len(frames),
        "a frame less": lambda frames: [],
        "another shape": lambda frames: [[0.0, 1.0]] * len(frames),  # type: ignore[list-item]
        "nothing": lambda frames: None,  # type: ignore[dict-item,return-value]
        "above one": lambda frames: [{"explicit": 1.5, "gore": 0.0}] * len(frames),
    }
    for what, answer in answers.items():
        with subtests.test(what), pytest.raises(ModerationUnavailable):
            FrameGate(Ensemble(MagentaClassifier(), Second(answer))).judge([GREY])


def test_a_model_is_here_once_all_of_its_files_are(tmp_path: Path) -> None:
    model = FetchedModel("m", "Apache-2.0", tuple(HubFile(str(tmp_path), name, 5) for name in "ab"), "do without")
    hub = Hub(tmp_path / "cache", offline=True)
    (tmp_path / "a").write_text("a")
    assert model.folder(hub) is None
    (tmp_path / "b").write_text("b")
    assert (model.folder(hub), model.bytes) == (tmp_path, 10)
