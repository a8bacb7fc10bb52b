"""Cancel in the middle of anything: checks between the blocks of every model, and inside long attention calls.

The pipelines offer one callback a step. A step can take minutes at 4K, and text encoding and decoding have no
callback at all; so `checked` puts a check before every block while it is in force.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ltx_mcp.types.callbacks import Check

if TYPE_CHECKING:
    import torch

ATTENTION_FLOP = 2_000_000_000  # of one uninterrupted attention call: about 0.2 s at 10 GFLOP/s, a slow core
MIN_QUERIES = 128  # fewer a call, and projecting keys and values again costs more than the attention


@contextmanager
def checked(modules: "list[torch.nn.Module]", check: Check) -> Iterator[None]:
    """While in force, `check` runs before every block of these modules.

    Blocks are the members of ModuleLists and Sequentials: the layers that a model calls one after another.
    Hooks are taken off at the end, whatever happened, so a cancelled job leaves nothing behind.
    """

    def before(_module: "torch.nn.Module", _inputs: Any) -> None:
        check()

    with ExitStack() as hooks:
        for block in _blocks(modules):
            hooks.callback(block.register_forward_pre_hook(before).remove)
        yield


def _blocks(modules: "list[torch.nn.Module]") -> "Iterator[torch.nn.Module]":
    from torch.nn import ModuleList, Sequential

    for module in modules:
        yield module
        for inner in module.modules():
            if isinstance(inner, ModuleList | Sequential):
                yield from inner


@contextmanager
def chunked_attention(transformer: "torch.nn.Module", check: Check) -> Iterator[None]:
    """While in force, the transformer's long attention calls run in chunks of queries with `check` between them.

    For CPUs, where one attention call at 720p takes seconds. On a GPU it is milliseconds: leave it whole.
    """
    from diffusers.models.transformers.transformer_ltx2 import LTX2Attention

    layers = [layer for layer in transformer.modules() if isinstance(layer, LTX2Attention)]
    with ExitStack() as undo:
        for layer in layers:
            undo.callback(layer.set_processor, layer.processor)
            layer.set_processor(ChunkedAttention(layer.processor, check))
        yield


class ChunkedAttention:
    """An attention processor that gives another one the queries in chunks.

    Exact: each query still attends to every key, and softmax is per query, so splitting queries changes no
    term of any sum. Matrix libraries may order the sums of a smaller matrix differently, so results agree to
    rounding (tested: 1e-5 absolute on float32 outputs of unit scale), not bit for bit. Which chunks are cut
    depends on shapes alone, so a plan still renders bit-identically each time. Keys and values are projected
    again for every chunk: linear work beside the quadratic part that is being split.
    """

    def __init__(self, inner: Any, check: Check, flop: int = ATTENTION_FLOP, min_queries: int = MIN_QUERIES) -> None:
        self._inner = inner
        self._check = check
        self._flop = flop
        self._min_queries = min_queries

    def __call__(
        self,
        attn: Any,
        hidden_states: "torch.Tensor",
        encoder_hidden_states: "torch.Tensor | None" = None,
        attention_mask: "torch.Tensor | None" = None,
        query_rotary_emb: "tuple[torch.Tensor, torch.Tensor] | None" = None,
        key_rotary_emb: "tuple[torch.Tensor, torch.Tensor] | None" = None,
        perturbation_mask: "torch.Tensor | None" = None,
        all_perturbed: bool | None = None,
    ) -> "torch.Tensor":
        """`hidden_states` is (batch, queries, width). LTX2Attention passes what it finds in this signature by name."""
        import torch

        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        key_rotary_emb = query_rotary_emb if key_rotary_emb is None else key_rotary_emb
        # The plain processor knows neither argument, and then neither is given.
        perturbed = {"perturbation_mask": perturbation_mask, "all_perturbed": all_perturbed}
        extra = {name: value for name, value in perturbed.items() if value is not None}
        queries = hidden_states.shape[1]
        size = self._chunk_size(queries, context.shape[1], attn.inner_dim)
        parts = []
        for start in range(0, queries, size):
            self._check()
            rows = slice(start, start + size)
            mask = _rows(attention_mask, rows, queries)
            turn = None if query_rotary_emb is None else tuple(_rows(each, rows, queries) for each in query_rotary_emb)
            parts.append(self._inner(attn, hidden_states[:, rows], context, mask, turn, key_rotary_emb, **extra))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _chunk_size(self, queries: int, keys: int, width: int) -> int:
        flop_per_query = 4 * keys * width  # two matrix products, a multiply and an add each
        return min(queries, max(self._min_queries, self._flop // flop_per_query))


def _rows(tensor: Any, rows: slice, queries: int) -> Any:
    """The rows of these queries: the last dimension but one, unless it is broadcast over them."""
    if tensor is None or tensor.shape[-2] != queries:
        return tensor
    return tensor[..., rows, :]
