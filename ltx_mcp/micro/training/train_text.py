"""Train the micro model's text encoder and connectors on text alone.

    python -m ltx_mcp.micro.training.train_text --out DIR

They learn to answer what a prompt says of each attribute (prompts.py), read off the mean of what the connectors give
to the transformer. The heads that answer are thrown away; the transformer then meets embeddings that already mean
colour, kind and motion. Writes DIR/text_encoder and DIR/connectors, fp16.
"""

import argparse
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltx_mcp.micro.tokenizer import load_tokenizer
from ltx_mcp.micro.training.latents_data import training_scene
from ltx_mcp.micro.training.loop import descend
from ltx_mcp.micro.training.prompts import ATTRIBUTES, Prompt, prompt
from ltx_mcp.micro.training.text import AUDIO_WIDTH, VIDEO_WIDTH, embed, make_connectors, make_text_encoder
from ltx_mcp.micro.training.world import core_scene

log = logging.getLogger(__name__)

_WARM_UP = 50  # steps


@dataclass(frozen=True)
class TextPlan:
    """What decides the weights, besides the code."""

    steps: int = 1500
    prompts: int = 64  # in a step
    rate: float = 2e-3
    seed: int = 0


class TextTrainer:
    """Text encoder, connectors, the heads that answer, and the optimiser."""

    def __init__(self, plan: TextPlan) -> None:
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.tokenizer = load_tokenizer()
        self.text_encoder: Any = make_text_encoder(len(self.tokenizer))
        self.connectors: Any = make_connectors()
        answers = sum(len(options) for options in ATTRIBUTES.values())
        self.heads = torch.nn.ModuleList([torch.nn.Linear(width, answers) for width in (VIDEO_WIDTH, AUDIO_WIDTH)])
        self.parts = torch.nn.ModuleList([self.text_encoder, self.connectors, self.heads])
        self.optimiser = torch.optim.AdamW(self.parts.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step = 0

    def advance(self) -> float:
        """One step. Returns its loss."""
        rng = np.random.default_rng([8, self.plan.seed, self.step])
        batch = [_training_prompt(rng) for _ in range(self.plan.prompts)]
        streams = self._answers([each.text for each in batch])
        loss = torch.stack([self._loss(logits, batch) for logits in streams]).sum()
        share = min(1.0, (self.step + 1) / _WARM_UP, 0.02 + 1 - self.step / self.plan.steps)
        descend(self.optimiser, self.parts, loss, self.plan.rate * share)
        self.step += 1
        return float(loss.detach())

    def right(self, prompts: list[Prompt]) -> dict[str, float]:
        """The share of right answers by attribute, of the worse of the two streams."""
        with torch.inference_mode():
            streams = self._answers([each.text for each in prompts])
        wanted = torch.tensor([each.answers for each in prompts])
        found = {}
        for index, (name, part) in enumerate(_parts()):
            shares = [(logits[:, part].argmax(-1) == wanted[:, index]).float().mean() for logits in streams]
            found[name] = float(min(shares))
        return found

    def export(self, out: Path) -> None:
        """Write both models as diffusers and transformers load them, fp16."""
        import copy

        copy.deepcopy(self.text_encoder).half().save_pretrained(out / "text_encoder")
        copy.deepcopy(self.connectors).half().save_pretrained(out / "connectors")

    def _answers(self, texts: list[str]) -> list[torch.Tensor]:
        video, audio, _ = embed(self.tokenizer, self.text_encoder, self.connectors, texts)
        return [head(stream.mean(1)).float() for head, stream in zip(self.heads, (video, audio), strict=True)]

    def _loss(self, logits: torch.Tensor, batch: list[Prompt]) -> torch.Tensor:
        wanted = torch.tensor([each.answers for each in batch])
        losses = [
            torch.nn.functional.cross_entropy(logits[:, part], wanted[:, index])
            for index, (_, part) in enumerate(_parts())
        ]
        return torch.stack(losses).sum()


def held_out_prompts(count: int) -> list[Prompt]:
    """Prompts in phrasings that are never trained on, for any core scene."""
    rng = np.random.default_rng(9)
    return [prompt(core_scene(seed), rng, held_out=True) for seed in range(count)]


def _training_prompt(rng: np.random.Generator) -> Prompt:
    """Of a scene that is not held out; now and then with all said."""
    return prompt(training_scene(rng)[1], rng, full=rng.random() < 0.3)


def _parts() -> list[tuple[str, slice]]:
    found, start = [], 0
    for name, options in ATTRIBUTES.items():
        found.append((name, slice(start, start + len(options))))
        start += len(options)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder for the weights")
    parser.add_argument("--steps", type=int, default=TextPlan.steps)
    parser.add_argument("--seed", type=int, default=TextPlan.seed)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    trainer = TextTrainer(TextPlan(steps=given.steps, seed=given.seed))
    begin, test = time.monotonic(), held_out_prompts(400)
    while trainer.step < trainer.plan.steps:
        loss = trainer.advance()
        if trainer.step % 50 == 0:
            shares = " ".join(f"{name} {share:.3f}" for name, share in trainer.right(test).items())
            log.info(
                "step %d loss %.4f (%.0f s) held-out phrasings: %s",
                trainer.step,
                loss,
                time.monotonic() - begin,
                shares,
            )
            trainer.export(given.out)


if __name__ == "__main__":
    main()
