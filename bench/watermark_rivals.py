"""What the watermark is compared with: DWT-DCT as invisible-watermark has it, and our own without masking."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ltx_mcp.types.frames import Frame
from ltx_mcp.watermark.base import Mark
from ltx_mcp.watermark.frame_marker import SpreadMarker
from ltx_mcp.watermark.masking import Strengths
from ltx_mcp.watermark.payload import MESSAGE_BITS, to_bits

_STEP = 36.0  # of the quantisation, as there
_BLOCK = 4


class DwtDct:
    """Per frame: of U, Haar's LL band in blocks of 4x4, whose largest DCT coefficient but the first is quantised."""

    def __init__(self, mark: Mark) -> None:
        self.bits = to_bits(mark)
        at = np.arange(_BLOCK)
        scale = np.where(at == 0, np.sqrt(1 / _BLOCK), np.sqrt(2 / _BLOCK))
        self._dct = scale[:, None] * np.cos(np.pi * (2 * at[None] + 1) * at[:, None] / (2 * _BLOCK))

    def mark(self, frame: Frame) -> Frame:
        ycc = np.array(Image.fromarray(frame).convert("YCbCr"))
        u = ycc[..., 1].astype(np.float64)
        coefficients, largest, wanted = self._blocks(u)
        values = np.take_along_axis(coefficients, largest, 1)
        steps = np.floor(np.abs(values) / _STEP) + np.where(wanted, 0.75, 0.25)[:, None]
        changed = coefficients.copy()
        np.put_along_axis(changed, largest, np.where(values < 0, -1, 1) * steps * _STEP, 1)
        by = np.einsum("ji,njk,kl->nil", self._dct, (changed - coefficients).reshape(-1, _BLOCK, _BLOCK), self._dct)
        rows, columns = u.shape[0] // 2 // _BLOCK, u.shape[1] // 2 // _BLOCK
        low = by.reshape(rows, columns, _BLOCK, _BLOCK).swapaxes(1, 2).reshape(rows * _BLOCK, columns * _BLOCK)
        u[: 2 * low.shape[0], : 2 * low.shape[1]] += np.repeat(np.repeat(low, 2, 0), 2, 1) / 2
        ycc[..., 1] = np.clip(np.rint(u), 0, 255)
        return np.asarray(Image.fromarray(ycc, "YCbCr").convert("RGB"))

    def votes(self, frame: Frame) -> NDArray[np.float64]:
        """For each bit, the votes of a frame for one, less those for zero."""
        coefficients, largest, _ = self._blocks(np.array(Image.fromarray(frame).convert("YCbCr"))[..., 1].astype(float))
        values = np.abs(np.take_along_axis(coefficients, largest, 1))[:, 0]
        ones = np.where(values % _STEP > _STEP / 2, 1.0, -1.0)
        return np.bincount(np.arange(len(ones)) % MESSAGE_BITS, ones, MESSAGE_BITS)

    def _blocks(self, u: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        rows, columns = u.shape[0] // 2 // _BLOCK, u.shape[1] // 2 // _BLOCK
        used = u[: rows * 2 * _BLOCK, : columns * 2 * _BLOCK]
        low = (used[::2, ::2] + used[1::2, ::2] + used[::2, 1::2] + used[1::2, 1::2]) / 2
        blocks = low.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
        coefficients = np.einsum("ij,njk,lk->nil", self._dct, blocks, self._dct).reshape(len(blocks), -1)
        largest = 1 + np.abs(coefficients[:, 1:]).argmax(axis=1)[:, None]
        return coefficients, largest, self.bits[np.arange(len(blocks)) % MESSAGE_BITS] == 1


class Unmasked(SpreadMarker):
    """Our mark, as strong everywhere as it is in the mean of the masked frame."""

    def strengths(self, frame: Frame) -> Strengths:
        masked = super().strengths(frame)
        return np.full_like(masked, np.sqrt(np.mean(masked**2)))
