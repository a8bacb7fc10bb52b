"""How fast speech is heard: Whisper at full size with random weights, as bench/embed.py does it for embedders.

    python bench/transcribe.py [--models whisper-tiny whisper-base whisper-small] [--threads 1] [--tokens 100]

A window of 30 s is encoded once and then written token by token; dense speech has about 100 tokens in a window (150
words a minute, 1.3 tokens a word). Random weights end no line, so the tokens are counted out. Processor time is told
beside the clock's, for machines on which other programs run.
"""

import argparse
import os
import platform
import sys
import time
from importlib.metadata import version
from typing import Any

SIZES = {  # width, layers, heads: openai/whisper's model.py
    "whisper-tiny": (384, 4, 6),
    "whisper-base": (512, 6, 8),
    "whisper-small": (768, 12, 12),
}
WINDOW_S = 30.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--models", nargs="+", choices=SIZES, default=list(SIZES))
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--tokens", type=int, default=100)
    options.add_argument("--dry-run", action="store_true", help="only check that every part works, in seconds")
    asked = options.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    print("command:  python", *sys.argv)
    print(f"hardware: {platform.processor() or platform.machine()}, {os.cpu_count()} cores, {asked.threads} threads")
    print(
        "versions: python",
        platform.python_version(),
        *(f"{name} {version(name)}" for name in ("torch", "transformers")),
    )
    for name in asked.models[:1] if asked.dry_run else asked.models:
        measure(name, (64, 1, 2) if asked.dry_run else SIZES[name], 3 if asked.dry_run else asked.tokens)


def measure(name: str, size: tuple[int, int, int], tokens: int) -> None:
    import numpy as np
    import torch
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    width, layers, heads = size
    config = WhisperConfig(
        d_model=width, encoder_layers=layers, decoder_layers=layers, encoder_attention_heads=heads,
        decoder_attention_heads=heads, encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    noise = np.random.default_rng(0).normal(size=round(WINDOW_S * 16_000)).astype(np.float32)
    extractor = WhisperFeatureExtractor()

    def transcribe() -> None:
        features = extractor(noise, sampling_rate=16_000, return_tensors="pt").input_features
        with torch.inference_mode():
            encoded: Any = model.model.encoder(features)
            token, past = torch.tensor([[config.decoder_start_token_id]]), None
            for _ in range(tokens):
                written = model(encoder_outputs=encoded, decoder_input_ids=token, past_key_values=past, use_cache=True)
                token, past = written.logits[:, -1:].argmax(-1), written.past_key_values

    transcribe()
    clock, processor = time.perf_counter(), time.process_time()
    transcribe()
    clock_s, processor_s = time.perf_counter() - clock, time.process_time() - processor
    print(f"{name}: {processor_s:.2f} s of the processor, {clock_s:.2f} s by the clock", end="")
    print(f"; {WINDOW_S / processor_s:.1f} s of speech for each of the processor's")


if __name__ == "__main__":
    main()
