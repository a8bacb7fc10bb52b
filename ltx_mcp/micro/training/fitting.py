"""One convolution of the video VAE, solved: the least-squares estimate of a target from its input features."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Tensor = torch.Tensor

_RIDGE = 1e-3  # of each regressor's power
_POSITIONS = 600  # drawn from each clip at most


Taps = tuple[tuple[int, int, int], ...]  # which of a 3x3x3 kernel's are solved: frame, row, column; others are zero

CENTRE: Taps = ((1, 1, 1),)
NOW: Taps = ((2, 1, 1),)  # the present of a causal kernel, which sees itself and two earlier steps
AROUND: Taps = tuple((1, row, column) for row in range(3) for column in range(3))
ALL: Taps = tuple((t, row, column) for t in range(3) for row in range(3) for column in range(3))


def fit(conv: Any, features: list["Tensor"], wanted: list["Tensor"], taps: Taps, *, causal: bool = True) -> None:
    """Set the first kernels of an LTX2VideoCausalConv3d so that they turn the features into what is wanted, nearly.

    Features are (batch, channels, frames, h, w) per clip, wanted the same with the kernels as channels; kernels
    beyond those stay as they are.
    """
    rows = (_neighbourhoods(x, taps, causal) for x in features)
    kernels, bias = solve(rows, wanted)
    count, channels = len(kernels), conv.conv.weight.shape[1]
    conv.conv.weight[:count] = 0
    for index, (t, row, column) in enumerate(taps):
        conv.conv.weight[:count, :, t, row, column] = kernels[:, index * channels : (index + 1) * channels]
    conv.conv.bias[:count] = bias


def solve(
    regressors: Iterable["Tensor"], wanted: Iterable["Tensor"], ridge: float = _RIDGE
) -> tuple["Tensor", "Tensor"]:
    """(targets, regressors) weights and (targets,) biases that estimate what is wanted at each position.

    Both are (batch, channels, frames, h, w), the same but for the channels. `ridge` is a share of a regressor's power.
    """
    import torch

    rng = torch.Generator().manual_seed(0)
    power: Tensor | float = 0.0
    cross: Tensor | float = 0.0
    for x, y in zip(regressors, wanted, strict=True):
        at = torch.randperm(y[:, 0].numel(), generator=rng)[:_POSITIONS]
        rows = torch.nn.functional.pad(x.movedim(1, -1).flatten(0, -2)[at], (0, 1), value=1.0)
        power = power + (rows.T @ rows).double()
        cross = cross + (rows.T @ y.movedim(1, -1).flatten(0, -2)[at]).double()
    assert isinstance(power, torch.Tensor)
    own = power.diagonal()
    solved = torch.linalg.solve(power + torch.diag(ridge * own + 1e-9 * own.max()), cross).float().T
    return solved[:, :-1], solved[:, -1]


def _neighbourhoods(x: "Tensor", taps: Taps, causal: bool) -> "Tensor":
    """At each position the channels seen by each tap, one tap after the other."""
    import torch

    frames, height, width = x.shape[2:]
    around = torch.nn.functional.pad(x, (1, 1, 1, 1, 2 if causal else 1, 0 if causal else 1), mode="replicate")
    seen = [around[:, :, t : t + frames, row : row + height, column : column + width] for t, row, column in taps]
    return torch.cat(seen, 1)
