"""Train the small embedded CLIP: `python -m ltx_mcp.micro.training.train_clip --out DIR [--minutes N] [--resume]`.

It goes on from an earlier checkpoint of its own (`--start`, by default the one that ships), on images of
labelled_images.py, some of them after a round trip through the video VAE, so that it knows how the micro model's images
look. Every step depends on the seed and its number alone. `DIR/images.npz` keeps the images, `DIR/checkpoint.pt` is
written every few minutes, and `DIR/shapes_clip` at the end: open_clip's local-dir form, fp16, of the averaged weights,
with the words that it was taught.
"""

import argparse
import json
import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ltx_mcp.micro.training import captions, labelled_images
from ltx_mcp.micro.training import loop as training
from ltx_mcp.micro.training.round_trip import round_trip
from ltx_mcp.micro.vae import load_vae

log = logging.getLogger(__name__)

START = Path(__file__).parent.parent / "shapes_clip"
CONTEXT = 32  # tokens
CONFIG: dict[str, Any] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 96, "layers": 4, "width": 96, "patch_size": 12, "head_width": 32},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 49408, "width": 48, "heads": 2, "layers": 2},
}
PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bilinear", "resize_mode": "squash"}
SIDE: int = CONFIG["vision_cfg"]["image_size"]

PHRASE = "a {colour} {shape} on a {ground} background"
PATTERNS = ("striped", "checked", "speckled", "fading")
SLOTS = {
    "colour": list(labelled_images.CARD_RGB),
    "shape": list(captions.KINDS),
    "ground": [
        *labelled_images.CARD_RGB,
        "navy",
        "gray",
        *(f"{pattern} {shade}" for pattern in PATTERNS for shade in captions.SHADES),
    ],
}
VOTE_Z = 2.6  # see the README beside the weights

_WARM_UP = 50  # steps
_GROUP, _AMONG = 8, 800  # images in a group, and of how many at random they are the most alike
_HOTTEST = float(np.log(100))  # of the logit scale, as CLIP has it
_FAMILIAR = 0.01  # of its own drawings, those that may count as unfamiliar
_SIZES = ((120, 208), (120, 208), (208, 120), (120, 120), (120, 160))  # what clips are, small; all are squashed

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Plan:
    """What decides the weights, besides the code and the start."""

    steps: int = 1000
    batch: int = 128
    noise: int = 8  # images of nothing in each batch, which no caption fits
    drawn: int = 14_000
    returned: int = 200  # images of the world after the VAE
    returned_share: float = 0.1  # of a batch
    rate: float = 1e-3
    decay: float = 0.02
    seed: int = 0


@dataclass(frozen=True)
class Pool:
    """Sights and their images, (n, SIDE, SIDE, 3) uint8. The last `returned` ones went through the VAE."""

    seen: list[labelled_images.LabelledImage]
    pixels: Pixels
    returned: int


class Trainer(training.Checkpointed):
    """The model, the mean of its weights, its optimiser and the number of the next step."""

    folder = "shapes_clip"  # of the weights, in that of a run
    parts = ("model", "average", "optimiser")

    def __init__(self, plan: Plan, start: Path = START, cache: Path | None = None) -> None:
        import open_clip

        torch.manual_seed(plan.seed)
        self.plan = plan
        self.model = make_model()
        self.model.load_state_dict(read_weights(start))
        self.average = deepcopy(self.model)
        self.tokenizer = open_clip.SimpleTokenizer(context_length=CONTEXT)
        self.pool = _cached(plan, cache)
        self._tagged = _tagged(self.pool.seen)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.decay
        )
        self.step = 0

    def advance(self) -> float:
        """One step. Returns its loss."""
        plan = self.plan
        rng = np.random.default_rng([11, plan.seed, self.step])
        chosen = self._chosen(rng)
        told = [labelled_images.claim(self.pool.seen[index], rng) for index in chosen]
        nothing = np.stack([meaningless(rng) for _ in range(plan.noise)]) if plan.noise else self.pool.pixels[:0]
        pixels = np.concatenate([_varied(rng, self.pool.pixels[chosen]), nothing])
        tags = [self.pool.seen[index].tags for index in chosen] + [frozenset[str]()] * plan.noise
        fits = torch.tensor([[claims <= of for of in tags] for _, claims in told], dtype=torch.float32)
        images, texts, scale = self.model(to_input(pixels), self.tokenizer([text for text, _ in told]))[:3]
        loss = loss_of(scale.clamp(max=100) * texts @ images.T, fits)
        training.descend(self.optimiser, self.model, loss, plan.rate * _rate_share(self.step, plan.steps))
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=_HOTTEST)
        training.average(self.average, self.model, self.step)
        self.step += 1
        return float(loss.detach())

    def _chosen(self, rng: np.random.Generator) -> list[int]:
        """Random images, most of them in groups of such as are hard to tell apart: a caption of one fits the others
        but for a word."""
        pool, total = self.pool, len(self.pool.seen)
        back = round(self.plan.returned_share * self.plan.batch) if pool.returned else 0
        drawn = total - pool.returned
        chosen = [int(at) for at in rng.integers(drawn, total, back)]
        while len(chosen) < self.plan.batch:
            first, *among = rng.integers(0, drawn, _AMONG)
            alike = self._tagged[among] @ self._tagged[first]
            alike[alike > 0.99 * self._tagged[first].square().sum()] = 0  # nothing would tell them apart
            chosen += [int(first), *(int(among[at]) for at in alike.topk(_GROUP - 1).indices)]
        return chosen[: self.plan.batch]

    @property
    def done(self) -> bool:
        return self.step >= self.plan.steps

    def export(self, folder: Path) -> None:
        """Write the averaged weights as open_clip loads them from a folder, and world.json."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        shipped = {name: value.half().contiguous() for name, value in self.average.state_dict().items()}
        save_file(shipped, folder / "open_clip_model.safetensors")
        config = {"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}
        (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
        table = {
            "words": labelled_images.vocabulary(),
            "phrase": PHRASE,
            "slots": SLOTS,
            "familiarity": self.familiarity(),
            "vote_z": VOTE_Z,
            "models": ["micro"],
        }
        (folder / "world.json").write_text(json.dumps(table, indent=1), encoding="utf-8")

    def familiarity(self, images: int = 2000) -> float:
        """The cosine with the nearest phrase that all but a few of its own drawings of one thing reach.

        Of several things no phrase speaks, and a line low enough for those would let noise pass.
        """
        from itertools import product

        phrases = [PHRASE.format(**dict(zip(SLOTS, each, strict=True))) for each in product(*SLOTS.values())]
        with torch.inference_mode():
            texts = self.average.encode_text(self.tokenizer(phrases), normalize=True)
            drawn = self.pool.seen[: len(self.pool.seen) - self.pool.returned]
            alone = [at for at, seen in enumerate(drawn) if len(seen.scene.things) == 1][-images:]
            images = self.average.encode_image(to_input(self.pool.pixels[alone]), normalize=True)
            nearest = (images @ texts.T).amax(1)
        return round(float(nearest.quantile(_FAMILIAR)), 3)


def make_model() -> Any:
    """open_clip's CLIP at the size of CONFIG, with random weights."""
    from open_clip.model import CLIP

    return CLIP(**CONFIG, output_dict=False)


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The float32 weights of a folder in open_clip's local-dir form."""
    from safetensors.torch import load_file

    return {name: value.float() for name, value in load_file(folder / "open_clip_model.safetensors").items()}


def loss_of(scores: torch.Tensor, fits: torch.Tensor) -> torch.Tensor:
    """Cross entropy both ways between (texts, images) scores and all the pairs that fit.

    A image that no text fits, such as noise, is only an answer that each text must not give.
    """
    by_text = -(fits / fits.sum(1, keepdim=True) * scores.log_softmax(1)).sum(1).mean()
    seen = fits.sum(0) > 0
    of_seen = fits[:, seen]
    by_picture = -(of_seen / of_seen.sum(0) * scores[:, seen].log_softmax(0)).sum(0).mean()
    return (by_text + by_picture) / 2


def to_input(pixels: Pixels) -> torch.Tensor:
    """(n, 3, SIDE, SIDE) float32 in -1..1, as PREPROCESS has it."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def meaningless(rng: np.random.Generator) -> Pixels:
    """A image of nothing, (SIDE, SIDE, 3): noise in blocks, a ramp between two colours, or soft noise."""
    from PIL import Image

    sort = int(rng.integers(4))
    if sort == 0:
        ends = rng.integers(0, 256, (2, 3))
        ramp = np.linspace(ends[0], ends[1], SIDE).astype(np.uint8)[:, None]
        return np.broadcast_to(ramp, (SIDE, SIDE, 3)) if rng.uniform() < 0.5 else np.repeat(ramp, SIDE, 1)
    cells = int(rng.choice([4, 6, 8, 16, 32, SIDE]))
    spread = rng.uniform(10, 128)
    noise = (rng.uniform(0, 255, 3) + rng.normal(0, spread, (cells, cells, 3))).clip(0, 255).astype(np.uint8)
    smooth = Image.Resampling.BICUBIC if sort == 1 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(noise).resize((SIDE, SIDE), smooth))


def make_pool(plan: Plan) -> Pool:
    """All images of a run; takes minutes."""
    seen = _seen(plan)
    pixels = [
        squashed(labelled_images.pixels(each, _SIZES[at % len(_SIZES)])) for at, each in enumerate(seen[: plan.drawn])
    ]
    log.info("%d images drawn", len(pixels))
    vae = load_vae() if plan.returned else None
    for each in seen[plan.drawn :]:
        clip = torch.from_numpy(labelled_images.pixels(each, (240, 416)))[None]
        pixels.append(squashed(round_trip(vae, clip)[0].numpy()))
        if len(pixels) % 100 == 0:
            log.info("%d of %d images", len(pixels), len(seen))
    return Pool(seen, np.stack(pixels), plan.returned)


def _seen(plan: Plan) -> list[labelled_images.LabelledImage]:
    """The labels of all images; those that go through the VAE are of the world."""
    rng = np.random.default_rng([12, plan.seed])
    seen = [labelled_images.labelled_image(rng) for _ in range(plan.drawn)]
    while len(seen) < plan.drawn + plan.returned:
        each = labelled_images.labelled_image(rng)
        if not each.is_card:
            seen.append(each)
    return seen


def squashed(image: Pixels) -> Pixels:
    """As open_clip's preprocessing makes it of a image of any size."""
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _tagged(seen: Sequence[labelled_images.LabelledImage]) -> torch.Tensor:
    """(images, tags): zero where a tag is not true, and else the more the rarer it is."""
    numbers = {tag: at for at, tag in enumerate(sorted({tag for each in seen for tag in each.tags}))}
    tagged = torch.zeros(len(seen), len(numbers))
    for row, each in zip(tagged, seen, strict=True):
        row[[numbers[tag] for tag in each.tags]] = 1
    return tagged * -tagged.mean(0).log()


def _cached(plan: Plan, cache: Path | None) -> Pool:
    """The labels are drawn again, which is quick; their images come from the file if such a plan left them there."""
    key = f"{plan.seed} {plan.drawn} {plan.returned}"
    if cache is not None and cache.is_file():
        kept = np.load(cache)
        if str(kept["key"]) == key:
            return Pool(_seen(plan), kept["pixels"], plan.returned)
    pool = make_pool(plan)
    if cache is not None:
        np.savez(cache, key=key, pixels=pool.pixels)
    return pool


def _varied(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Each a little brighter or darker, with a little noise, as compression and the model leave it."""
    count = len(pixels)
    gains = rng.uniform(0.85, 1.1, (count, 1, 1, 3))
    noise = rng.normal(0, 1, pixels.shape) * rng.uniform(0, 6, (count, 1, 1, 1))
    varied: Pixels = (pixels * gains + noise).clip(0, 255).astype(np.uint8)
    return varied


def _rate_share(step: int, steps: int) -> float:
    """Up in the first steps, then half a cosine down to a fiftieth."""
    return min(1.0, (step + 1) / _WARM_UP) * max(0.02, 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, step / steps))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for images, checkpoint and weights")
    parser.add_argument("--start", type=Path, default=START, help="folder of the checkpoint to go on from")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so many; --resume goes on")
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--resume", action="store_true", help="go on from DIR/checkpoint.pt")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    given.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(Plan(steps=given.steps, seed=given.seed), given.start, given.out / "images.npz")
    if given.resume:
        trainer.load(given.out / "checkpoint.pt")
    training.run(trainer, given.out, given.minutes)


if __name__ == "__main__":
    main()
