"""The seam of the controls: what a maker of control signals promises."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ltx_mcp.media.footage import Footage
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import Control

if TYPE_CHECKING:
    import torch


class ControlMaker(Protocol):
    """Makes one kind of signal of a video. Called on the lane's thread, but for `ready`."""

    @property
    def control(self) -> Control: ...

    def ready(self) -> None:
        """Raise ModelUnavailable, with the remedy, if the signal can never be made as things stand. Loads nothing."""

    def read(self, footage: Footage, width: int, height: int, fps: float, frames: int, check: Check) -> Sequence[Frame]:
        """The signal of the frames that `read_video` would give, at this size, each (height, width, 3).

        Deterministic. `check` is called at least once a frame; no model stays loaded afterwards. Raises MediaError,
        ModelUnavailable, RenderFailed.
        """


Controls = dict[Control, ControlMaker]


def tensor_of(frame: Frame, device: "torch.device") -> "torch.Tensor":
    """(1, 3, height, width), float32, 0..255."""
    import torch

    return torch.from_numpy(frame).to(device=device, dtype=torch.float32).permute(2, 0, 1)[None]
