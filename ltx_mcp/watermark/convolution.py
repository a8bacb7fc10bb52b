"""Error correction: a convolutional code of rate 1/3 and constraint length 9, decoded from soft values by Viterbi.

Generators 557, 663 and 711 (octal), of free distance 18: those of 3GPP TS 25.212, 4.2.3.1.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.watermark.base import INSTALLATION_BITS
from ltx_mcp.watermark.payload import MESSAGE_BITS, Bits

Symbols = NDArray[np.float32]
"""(n,): +1 or -1 as they are written, any real numbers as they are read; the larger, the surer."""

_GENERATORS = (0o557, 0o663, 0o711)
_MEMORY = 8
_STATES = 1 << _MEMORY
_STEPS = MESSAGE_BITS + _MEMORY  # the message is followed by zeros, so that the last state is known
SYMBOLS = _STEPS * len(_GENERATORS)
OWN_SYMBOLS = (INSTALLATION_BITS + _MEMORY) * len(_GENERATORS)
"""The first symbol on which an installation's number has no bearing."""


def encode(message: Bits) -> Symbols:
    """SYMBOLS symbols."""
    register, symbols = 0, []
    for bit in [*message.tolist(), *[0] * _MEMORY]:
        register = (register << 1 | bit) & (2 * _STATES - 1)
        symbols.append(_symbols_of()[register])
    return np.concatenate(symbols)


def decode(symbols: Symbols) -> Bits:
    """The message whose symbols correlate best with those that were read."""
    states = np.arange(_STATES)
    before = np.stack([states >> 1, states >> 1 | _STATES >> 1])  # the two states from which each is reached
    written = np.stack([_symbols_of()[states], _symbols_of()[states | _STATES]])
    score = np.full(_STATES, -np.inf, dtype=np.float32)
    score[0] = 0.0
    chosen = []
    for read in symbols.reshape(_STEPS, len(_GENERATORS)):
        scores = score[before] + written @ read
        best = scores.argmax(axis=0)
        score = scores[best, states]
        chosen.append(before[best, states])
    return _traced(chosen)


def _traced(chosen: list[NDArray[np.int64]]) -> Bits:
    """The message, back from the state zero in which it ends. A state's lowest bit is the last that came."""
    state, bits = 0, []
    for before in reversed(chosen):
        bits.append(state & 1)
        state = int(before[state])
    return np.array(bits[::-1][:MESSAGE_BITS], dtype=np.uint8)


@cache
def _symbols_of() -> NDArray[np.float32]:
    """(512, 3): what each content of the register writes."""
    registers = range(2 * _STATES)
    ones = [[(register & generator).bit_count() & 1 for generator in _GENERATORS] for register in registers]
    return 1.0 - 2.0 * np.array(ones, dtype=np.float32)
