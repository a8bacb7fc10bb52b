"""What the first blocks of the transformer are taught besides the picture: where in the clip a token is, what is asked.

The class knows only how far tokens are from each other. At the first noise level, where all of them look alike, the
borders alone tell a place, and the picture's loss is too far from that to teach it. The kind of thing is another of
this sort: it shows in corners only, which nobody draws who does not yet know where they are. The heads here are thrown
away after training.
"""

from collections.abc import Sequence

import torch
from torch.nn import functional

from ltx_mcp.micro.dit_samples import Batch
from ltx_mcp.micro.text import VIDEO_WIDTH
from ltx_mcp.micro.world import CORE_KINDS, Scene

_BLOCKS = (0.2, 1.0, 1.0)  # weights in the loss
_KIND = 0.3  # weight of telling it, behind all but the first
_NOBODY_KNOWS = -100  # what cross_entropy leaves out


class Hints(torch.nn.Module):
    """Heads for each of the first blocks of a transformer of so many `layers`."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.places = torch.nn.ModuleList(torch.nn.Linear(VIDEO_WIDTH, 3) for _ in _BLOCKS[:layers])
        self.kinds = torch.nn.ModuleList(torch.nn.Linear(VIDEO_WIDTH, len(CORE_KINDS)) for _ in _BLOCKS[1:layers])

    def losses(self, streams: Sequence[torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
        """How badly the `streams` behind these blocks, each (samples, tokens, width), tell a token's place and the
        kind of thing that the prompt speaks of.

        Places are -1..1 in time, and in fours of latents from the picture's middle: an edge must be found to the pixel,
        in a wide picture as in a narrow one.
        """
        shape = batch.shape
        sides = [(torch.arange(side) - (side - 1) / 2) / 4 for side in (shape.height, shape.width)]
        where = torch.stack(torch.meshgrid(torch.linspace(-1, 1, shape.frames), *sides, indexing="ij"), -1)
        places = [
            weight * (head(stream.float()) - where.flatten(0, 2)).square().mean()
            for head, stream, weight in zip(self.places, streams, _BLOCKS, strict=False)
        ]
        losses = {"place": torch.stack(places).sum()}
        kinds = [_kind(scene, text) for scene, text in zip(batch.scenes, batch.texts, strict=True)]
        if self.kinds and set(kinds) != {_NOBODY_KNOWS}:
            wanted = torch.tensor(kinds)[:, None].expand(-1, where[..., 0].numel()).flatten()
            told = [head(stream.float()).flatten(0, 1) for head, stream in zip(self.kinds, streams[1:], strict=False)]
            losses["kind"] = _KIND * torch.stack([functional.cross_entropy(each, wanted) for each in told]).sum()
        return losses


def _kind(scene: Scene | None, text: str) -> int:
    return CORE_KINDS.index(scene.things[0].kind) if scene and text else _NOBODY_KNOWS
