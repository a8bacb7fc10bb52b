"""The micro model's tokenizer: GemmaTokenizer over the words of the captions, with letters and bytes for the rest.

The vocabulary is learnt from captions by byte-pair encoding once, kept as a file, and read from there.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "weights" / "text" / "vocabulary.json"
MAX_PROMPT_TOKENS = 64  # a multiple of the connectors' registers; a caption has 6 to 30
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
LETTERS = "▁abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-\n"
WORDS = 900  # entries at most, next to the special ones and the bytes


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


def learn(texts: Iterable[str], file: Path) -> None:
    """Learn words and merges from texts and keep them in a file. No entry reaches over the end of a word."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE())
    learner.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Prepend("▁")])
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s+"), "removed"),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
            pre_tokenizers.Split(Regex(r"[^▁a-z]"), "isolated"),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS, initial_alphabet=list(LETTERS), special_tokens=[], show_progress=False
    )
    learner.train_from_iterator(texts, trainer)
    state = json.loads(learner.to_str())["model"]
    words = sorted(state["vocab"], key=lambda word: int(state["vocab"][word]))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"words": words, "merges": state["merges"]}, ensure_ascii=False), encoding="utf-8")
