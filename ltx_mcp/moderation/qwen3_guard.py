"""Qwen3Guard-Gen through transformers: a Qwen3 that answers a prompt with its safety and categories.

The request goes in as the user's message of the model's own chat template, and the answer is read by its form, both as
https://github.com/QwenLM/Qwen3Guard says:

    Safety: Unsafe
    Categories: Violent, Unethical Acts
"""

import re
from pathlib import Path
from typing import Any

from ltx_mcp.errors import ModerationUnavailable
from ltx_mcp.moderation.meaning import Level, Reading

NONE = "None"
CATEGORIES = (
    "Violent", "Non-violent Illegal Acts", "Sexual Content or Sexual Acts", "PII", "Suicide & Self-Harm",
    "Unethical Acts", "Politically Sensitive Topics", "Copyright Violation", "Jailbreak",
)  # fmt: skip
REMEDY = "Run `ltx-mcp setup` again, or do without it: LTX_MCP_GUARD=off."

_ANSWER = re.compile(r"Safety: (Safe|Unsafe|Controversial)\s+Categories: ([^\n]+)")
_LEVELS: dict[str, Level] = {"Safe": "safe", "Controversial": "controversial", "Unsafe": "unsafe"}
_CONTROL = re.compile(r"<\|(?=\w)")  # begins a token of the chat template, which no text may spell
_MAX_TOKENS = 128  # of an answer, as in its README


def parse(answer: str) -> Reading:
    """Raises ModerationUnavailable for any other form: what is not understood is not safe."""
    found = _ANSWER.fullmatch(answer.strip())
    named = tuple(part.strip() for part in found[2].split(",")) if found else ()
    categories = tuple(part for part in named if part != NONE)
    if found is None or not set(categories) <= set(CATEGORIES) or (found[1] == "Safe") != (not categories):
        raise ModerationUnavailable(f"The guard's answer is not understood: {answer[:80]!r}.", REMEDY)
    return Reading(_LEVELS[found[1]], categories)


class Qwen3Guard:
    """`MeaningReader` on the CPU."""

    def __init__(self, folder: Path, name: str = "Qwen3Guard-Gen-0.6B") -> None:
        self.name = name
        self._folder = folder
        self._model: Any = None
        self._tokenizer: Any = None

    def load(self) -> None:
        if self._model is not None:
            return
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(self._folder, local_files_only=True, use_safetensors=True)
            self._model = model.eval()
        except Exception as error:  # a damaged file, too little memory: all mean no guard
            raise ModerationUnavailable(f"{self.name} cannot be loaded: {error}.", REMEDY) from error

    def read(self, text: str) -> Reading:
        if self._model is None:
            raise ModerationUnavailable("The guard was not loaded.", "Call load() first.")
        import torch

        said = [{"role": "user", "content": _CONTROL.sub("< |", text)}]
        asked = self._tokenizer(self._tokenizer.apply_chat_template(said, tokenize=False), return_tensors="pt")
        with torch.inference_mode():
            tokens = self._model.generate(
                input_ids=asked["input_ids"],
                attention_mask=asked["attention_mask"],
                max_new_tokens=_MAX_TOKENS,
                do_sample=False,
            )
        answer = self._tokenizer.decode(tokens[0][asked["input_ids"].shape[1] :], skip_special_tokens=True)
        return parse(answer)
