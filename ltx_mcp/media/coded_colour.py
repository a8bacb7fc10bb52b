"""What the numbers of a still image mean where it says so by code points and not by a profile (ITU-T H.273).

AVIF and HEIC have them in a colr box of type nclx, PNG in a cICP chunk: Display P3, and HDR in PQ or HLG. Cameras
say of Adobe RGB only that it is not sRGB, in Exif.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Linear = NDArray[np.float32]

_NCLX = re.compile(rb"colrnclx(..)(..)", re.DOTALL)
_CICP = re.compile(rb"\x00\x00\x00\x04cICP(.)(.)", re.DOTALL)

# To linear BT.709 with the same white, D65 (computed from the primaries of H.273, table 2).
_TO_BT709 = {
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
    -1: ((1.398356, -0.398356, 0.0), (0.0, 1.0, 0.0), (0.0, -0.042930, 1.042930)),
}
_PQ, _HLG = 16, 18
_HDR_WHITE_NITS = 203.0  # ITU-R BT.2408: what is white in SDR
_HLG_PEAK_NITS = 1000.0
_KNEE = 0.85  # of SDR white, linear: brighter is compressed towards white
_ROWS = 256  # converted at once, so that memory stays small


@dataclass(frozen=True)
class Coded:
    """Code points of H.273."""

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (_PQ, _HLG)

    @property
    def is_other(self) -> bool:
        """Whether the numbers mean other colours than those of sRGB."""
        return self.is_hdr or self.primaries in _TO_BT709


ADOBE_RGB = Coded(primaries=-1, transfer=4)
"""Not of H.273: its own primaries, and a gamma of 2.2."""


def coded_colour(content: bytes) -> Coded | None:
    """The code points of an image file; None where it has none."""
    if found := _NCLX.search(content[:100_000]):
        return Coded(int.from_bytes(found[1], "big"), int.from_bytes(found[2], "big"))
    if content.startswith(b"\x89PNG") and (found := _CICP.search(content[:100_000])):
        return Coded(found[1][0], found[2][0])
    return None


def to_srgb(pixels: NDArray[np.uint8], coded: Coded) -> NDArray[np.uint8]:
    """(height, width, 3) in these code points to sRGB, HDR tone-mapped."""
    table = _light(coded.transfer)
    result = np.empty_like(pixels)
    for row in range(0, len(pixels), _ROWS):
        light = table[pixels[row : row + _ROWS]]
        if coded.transfer == _HLG:
            light = _scene_to_display(light)
        if coded.primaries in _TO_BT709:
            light = light @ np.array(_TO_BT709[coded.primaries], dtype=np.float32).T
        light = np.maximum(light, 0)
        result[row : row + _ROWS] = _encoded(_compressed(light) if coded.is_hdr else light)
    return result


def _light(transfer: int) -> Linear:
    """Linear light of each of 256 values: 1 is SDR white, and of HLG the scene's own peak."""
    value = np.linspace(0, 1, 256, dtype=np.float64)
    if transfer == _PQ:  # SMPTE ST 2084
        power = value ** (1 / 78.84375)
        nits = 10000 * (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)
        return (nits / _HDR_WHITE_NITS).astype(np.float32)
    if transfer == _HLG:  # ITU-R BT.2100, the inverse OETF
        bright = (np.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
        return np.where(value <= 0.5, value**2 / 3, bright).astype(np.float32)
    if transfer == ADOBE_RGB.transfer:
        return (value**2.2).astype(np.float32)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _scene_to_display(light: Linear) -> Linear:
    """HLG's OOTF for a screen of 1,000 nit: gamma 1.2 on the luminance."""
    luminance = light @ np.array((0.2627, 0.6780, 0.0593), dtype=np.float32)
    gain = np.maximum(luminance, 1e-6) ** 0.2 * (_HLG_PEAK_NITS / _HDR_WHITE_NITS)
    return light * gain[..., None].astype(np.float32)


def _compressed(light: Linear) -> Linear:
    """Colours keep their hue; white stays near white, and what is brighter comes ever nearer to it."""
    peak = light.max(axis=-1, keepdims=True)
    above = _KNEE + (1 - _KNEE) * (1 - np.exp(-(np.maximum(peak, _KNEE) - _KNEE) / (1 - _KNEE)))
    compressed: Linear = np.where(peak > _KNEE, light * (above / np.maximum(peak, 1e-6)), light).astype(np.float32)
    return compressed


def _encoded(light: Linear) -> NDArray[np.uint8]:
    clipped = np.clip(light, 0, 1)
    encoded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    codes: NDArray[np.uint8] = np.rint(encoded * 255).astype(np.uint8)
    return codes
