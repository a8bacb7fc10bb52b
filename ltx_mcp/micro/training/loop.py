"""What the trainers of the micro model's parts share: the loop, checkpoints, the mean of the weights, the rate."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

log = logging.getLogger(__name__)

_LOG_EVERY = 20  # steps
_CLIP = 1.0  # norm of the gradient


class Trainer(Protocol):
    """One part in training."""

    folder: str  # of its weights, in the run's folder

    @property
    def step(self) -> int: ...

    @property
    def done(self) -> bool: ...

    def advance(self) -> float:
        """One step. Returns its loss."""

    def save(self, path: Path) -> None: ...

    def export(self, folder: Path) -> None: ...


def run(trainer: Trainer, out: Path, minutes: float, save_every_s: float = 120) -> None:
    """Train until the plan's steps are done or the time is up, and export."""
    begin = saved = time.monotonic()
    losses: list[float] = []
    while not trainer.done and time.monotonic() - begin < 60 * minutes:
        losses.append(trainer.advance())
        if trainer.step % _LOG_EVERY == 0:
            recent = losses[-_LOG_EVERY:]
            log.info("step %d loss %.5f (%.0f s)", trainer.step, sum(recent) / len(recent), time.monotonic() - begin)
        if time.monotonic() - saved > save_every_s:
            trainer.save(out / "checkpoint.pt")
            saved = time.monotonic()
    trainer.save(out / "checkpoint.pt")
    trainer.export(out / trainer.folder)


def save(path: Path, parts: Mapping[str, Any], step: int) -> None:
    """Write the states of these models and optimisers, at once or not at all."""
    new = path.with_suffix(".new")
    torch.save({**{name: part.state_dict() for name, part in parts.items()}, "step": step}, new)
    new.replace(path)


def load(path: Path, parts: Mapping[str, Any]) -> int:
    """Bring the parts to the states that `save` wrote. Returns the step."""
    state = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])


class Checkpointed:
    """A trainer's states on the disk: those of the parts that `parts` names, and the number of the next step."""

    parts: tuple[str, ...]
    step: int

    def save(self, path: Path) -> None:
        """Write all that `load` needs, at once or not at all."""
        save(path, {name: getattr(self, name) for name in self.parts}, self.step)

    def load(self, path: Path) -> None:
        """Take up a run where `save` left it. The plan must be the same."""
        self.step = load(path, {name: getattr(self, name) for name in self.parts})


def descend(optimiser: Any, model: Any, loss: torch.Tensor, rate: float) -> None:
    """One step of the optimiser, at this rate times the `share` of each of its groups that has one."""
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("share", 1.0)
    optimiser.step()


def average(mean: Any, model: Any, step: int, keep: float = 0.99) -> None:
    """Move the running mean of the weights on; in the first steps it keeps less than `keep` of itself."""
    keep = min(keep, step / (step + 10))
    with torch.no_grad():
        for old, new in zip(mean.parameters(), model.parameters(), strict=True):
            old.lerp_(new, 1 - keep)


def level_then_down(step: int, steps: int, warm_up: int) -> float:
    """Share of the rate: up in the first steps, level to a third, then straight down to a fiftieth."""
    return min(1.0, (step + 1) / warm_up) * max(0.02, min(1.0, 1.5 * (1 - step / steps)))
