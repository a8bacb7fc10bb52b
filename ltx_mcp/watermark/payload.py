"""A mark as bits with a checksum, and back."""

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.base import CLIP_BITS, INSTALLATION_BITS, PAYLOAD_BITS, Mark

Bits = NDArray[np.uint8]
"""(n,) of 0 and 1."""

CHECK_BITS = 24
MESSAGE_BITS = PAYLOAD_BITS + CHECK_BITS
# CRC-24 of RFC 4880. Its start keeps a message of zeros from having a checksum of zeros.
_POLYNOMIAL, _START = 0x1864CFB, 0xB704CE


def to_bits(mark: Mark) -> Bits:
    """The message: installation, clip, checksum, the highest bit first."""
    payload = mark.installation << CLIP_BITS | mark.clip
    message = payload << CHECK_BITS | _check(payload)
    return np.array([message >> at & 1 for at in reversed(range(MESSAGE_BITS))], dtype=np.uint8)


def from_bits(bits: Bits) -> Mark | None:
    """None where the checksum is wrong: so it is for all but one in 2**24 messages that nobody wrote."""
    message = int("".join(map(str, bits)), 2)
    payload, check = message >> CHECK_BITS, message & (1 << CHECK_BITS) - 1
    if check != _check(payload):
        return None
    return Mark(payload >> CLIP_BITS & (1 << INSTALLATION_BITS) - 1, payload & (1 << CLIP_BITS) - 1)


def _check(payload: int) -> int:
    check = _START
    for byte in payload.to_bytes(PAYLOAD_BITS // 8):
        check ^= byte << 16
        for _ in range(8):
            check <<= 1
            if check >> CHECK_BITS:
                check ^= _POLYNOMIAL
    return check
