"""The micro model's tokenizer: GemmaTokenizer over the words of the captions, with letters and bytes for the rest.

The vocabulary is a file, which `training/vocabulary.py` learnt from captions.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "weights" / "text" / "vocabulary.json"
MAX_PROMPT_TOKENS = 64  # a multiple of the connectors' registers; a caption has 6 to 30
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")


def load_tokenizer(file: Path = FILE) -> Any:
    """GemmaTokenizer with the kept vocabulary. Case means nothing to it."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    return make_tokenizer(kept["words"], [tuple(merge) for merge in kept["merges"]])


def make_tokenizer(words: Iterable[str], merges: list[tuple[str, str]]) -> Any:
    """GemmaTokenizer with these words behind the special tokens and the 256 bytes."""
    from tokenizers import normalizers
    from transformers import GemmaTokenizer

    entries = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    tokenizer = GemmaTokenizer(vocab={word: index for index, word in enumerate(entries)}, merges=merges)
    tokenizer.model_max_length = MAX_PROMPT_TOKENS
    # A word is the same at the beginning of a sentence, inside it, and in capitals.
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Strip(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    return tokenizer
