"""What the first blocks of the transformer are taught besides the video: where in the clip a token is, what is asked.

The class knows only how far tokens are from each other. At the first noise level, where all of them look alike, the
borders alone tell a place, and the video's loss is too far from that to teach it. The kind of thing is another of
this sort: it shows in corners only, which nobody draws who does not yet know where they are. The heads here are thrown
away after training.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from ltx_mcp.micro.training.dit_samples import Batch
from ltx_mcp.micro.training.latents_data import Shape
from ltx_mcp.micro.training.text import VIDEO_WIDTH
from ltx_mcp.micro.training.world import CORE_KINDS, Scene

_BLOCKS = 3  # that are taught
REACH = 15  # half tokens from the middle of a side to its last token, at most: 16 tokens
_NEARLY, _EXACTLY, _KIND = 0.2, 0.3, 0.3  # weights of what is told behind the first block, and behind the others
_STEPS = 2 * REACH + 1
_NOBODY_KNOWS = -100  # what cross_entropy leaves out


class Hints(torch.nn.Module):
    """Heads for the first blocks of a transformer of so many `layers`."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.blocks = min(layers, _BLOCKS)
        self.nearly = torch.nn.Linear(VIDEO_WIDTH, 3)
        self.exactly = torch.nn.ModuleList(torch.nn.Linear(VIDEO_WIDTH, 3 * _STEPS) for _ in range(1, self.blocks))
        self.kinds = torch.nn.ModuleList(torch.nn.Linear(VIDEO_WIDTH, len(CORE_KINDS)) for _ in range(1, self.blocks))

    def losses(self, streams: Sequence[torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the `streams` behind these blocks, each (samples, tokens, width), tell a token's place and the
        kind of thing that the prompt speaks of.

        The first block tells roughly how far from the middle a token is, the others which of the tokens it is: a place
        that is known to a tenth of a token only, three pixels, draws ragged edges.
        """
        steps = steps_of(batch.shape)
        rough = (self.nearly(streams[0].float()) - steps / 8).square().mean()
        losses = {"place": _NEARLY * rough}
        if not self.exactly:
            return losses
        later = [stream.float() for stream in streams[1 : self.blocks]]
        wanted = (steps + REACH).expand(len(batch.texts), -1, -1).flatten()
        losses["token"] = _EXACTLY * _missed(self.exactly, later, wanted)
        kinds = [_kind(scene, text) for scene, text in zip(batch.scenes, batch.texts, strict=True)]
        if set(kinds) != {_NOBODY_KNOWS}:
            losses["kind"] = _KIND * _missed(self.kinds, later, torch.tensor(kinds).repeat_interleave(len(steps)))
        return losses


def steps_of(shape: Shape) -> torch.Tensor:
    """(tokens, 3) int64: how many half tokens each is from the middle, in time, down and across."""
    axes = [2 * torch.arange(side) - (side - 1) for side in (shape.frames, shape.height, shape.width)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 2)


def _missed(heads: torch.nn.ModuleList, streams: Sequence[torch.Tensor], wanted: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the heads' answers, each (samples, tokens, answers), in all."""
    told = [head(stream).reshape(len(wanted), -1) for head, stream in zip(heads, streams, strict=True)]
    return torch.stack([functional.cross_entropy(each, wanted) for each in told]).sum()


def _kind(scene: Scene | None, text: str) -> int:
    return CORE_KINDS.index(scene.things[0].kind) if scene and text else _NOBODY_KNOWS
