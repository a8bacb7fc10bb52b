"""The vocabulary of the micro model's tokenizer, learnt from captions by byte-pair encoding once and kept as a file."""

import json
from collections.abc import Iterable
from pathlib import Path

LETTERS = "▁abcdefghijklmnopqrstuvwxyz0123456789.,;:!?'\"()-\n"
WORDS = 900  # entries at most, next to the special ones and the bytes


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
