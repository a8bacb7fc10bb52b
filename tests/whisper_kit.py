"""A small Whisper made here, laid out as a repository of the hub: the real classes, with weights that say one thing.

Nothing is trained. All that its decoder knows is its position, which names the next token, so that whatever is heard it
writes `script`. What trained weights transcribe is not told by it; how audio comes in and lines come out is.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from embedder_kit import put_file

from ltx_mcp.transcription.choice import KnownTranscriber

SPECIAL = (
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
    "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
)  # fmt: skip
TIMES = 1501  # timestamp tokens: every 0.02 s of 30 s
WIDTH = 64
SAID = "<|0.00|> she says goodbye<|1.50|><|1.50|> and leaves<|3.00|>"
_PREFIX = 3  # start, language, task


@cache
def whisper(script: str = SAID, no_speech: bool = False) -> dict[str, bytes]:
    """A repository's files. With `no_speech` it is sure that nobody speaks, and of no word that it writes."""
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

    tokenizer = _tokenizer()
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    size = len(tokenizer)
    config = WhisperConfig(
        vocab_size=size, d_model=WIDTH, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=WIDTH, decoder_ffn_dim=WIDTH, max_target_positions=64,
        decoder_start_token_id=ids["<|startoftranscript|>"], bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"], suppress_tokens=None,
        begin_suppress_tokens=None,
    )  # fmt: skip
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    said = [*tokenizer(script, add_special_tokens=False).input_ids, ids["<|endoftext|>"]]
    with torch.no_grad():
        for layer in model.model.decoder.layers:  # they add nothing
            for part in (layer.self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2):
                part.weight.zero_()
                part.bias.zero_()
        tokens = torch.nn.functional.normalize(torch.randn(size, WIDTH), dim=1)
        model.model.decoder.embed_tokens.weight.copy_(tokens)
        model.proj_out.weight.copy_(tokens)
        places = torch.randn(64, WIDTH)  # of no token, so that none is likely
        places[0] = tokens[ids["<|nospeech|>" if no_speech else "<|en|>"]]
        if not no_speech:
            places[_PREFIX - 1 : _PREFIX - 1 + len(said)] = tokens[said]
        model.model.decoder.embed_positions.weight.copy_(100 * places)
        model.model.decoder.layer_norm.weight.fill_(3.0)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=ids["<|startoftranscript|>"], bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"], pad_token_id=ids["<|endoftext|>"], max_length=64, is_multilingual=True,
        lang_to_id={name: ids[name] for name in ("<|en|>", "<|de|>")}, return_timestamps=False,
        task_to_id={name: ids[f"<|{name}|>"] for name in ("translate", "transcribe")}, max_initial_timestamp_index=50,
        no_timestamps_token_id=ids["<|notimestamps|>"], prev_sot_token_id=ids["<|startofprev|>"],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for part in (model, tokenizer, WhisperFeatureExtractor()):
            part.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _tokenizer() -> Any:
    from tokenizers import AddedToken, pre_tokenizers
    from transformers import WhisperTokenizer

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = WhisperTokenizer({letter: place for place, letter in enumerate(alphabet)}, [])
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL[1:])})
    times = [f"<|{place * 0.02:.2f}|>" for place in range(TIMES)]
    tokenizer.add_tokens([AddedToken(time, special=False, normalized=False) for time in times])
    return tokenizer


def put_whisper(cache: Path, known: KnownTranscriber) -> None:
    """All files that it needs, without content."""
    for file in known.files:
        put_file(cache, file, b"x")
