"""The precision in which training multiplies: bfloat16 where the processor has it, which halves the time of a step.

Elsewhere oneDNN emulates it, and a convolution takes a hundred times as long as in float32.
"""

import torch


def autocast() -> torch.autocast:
    has_bfloat16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16)
