"""Small open_clip weights made here, laid out as a repository of the hub. They are random, so words find nothing."""

import json
from functools import cache
from pathlib import Path

from safetensors.torch import save

from ltx_mcp.hub.cache import HubFile
from ltx_mcp.index.catalogue import CATALOGUE, CHECKPOINT, CONFIG, KnownEmbedder

PREPROCESS = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
VIT = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
PE_TOWER = {
    "image_size": 384,
    "timm_model_name": "vit_pe_core_tiny_patch16_384",
    "timm_model_pretrained": False,
    "timm_pool": "map",
    "timm_proj": None,
}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}


@cache
def weights(pe_tower: bool = False) -> dict[str, bytes]:
    """A repository's files: a small ViT with CLIP's text tower, or PE's tiny vision tower in full."""
    import torch
    from open_clip.model import CustomTextCLIP

    model_cfg = {"embed_dim": 32, "vision_cfg": PE_TOWER if pe_tower else VIT, "text_cfg": TEXT}
    torch.manual_seed(0)
    state = CustomTextCLIP(**model_cfg).state_dict()
    config = {"model_cfg": {**model_cfg, "custom_text": True}, "preprocess_cfg": PREPROCESS}
    return {
        CONFIG: json.dumps(config).encode(),
        CHECKPOINT: save({name: values.half().contiguous() for name, values in state.items()}),
    }


@cache
def weights_with_tokenizer() -> dict[str, bytes]:
    """The same with SigLIP2's text tower, small, and a tokenizer of Gemma's class that knows a few words."""
    import torch
    from open_clip.model import CustomTextCLIP
    from tokenizers import Tokenizer, models, normalizers, processors, trainers

    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.train_from_iterator(["a red rabbit in the meadow"], trainers.BpeTrainer(special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    names = dict(zip(("pad_token", "eos_token", "bos_token", "unk_token"), special, strict=True))
    text = {
        "context_length": 16, "vocab_size": 512, "width": 32, "heads": 2, "layers": 1, "no_causal_mask": True,
        "proj_bias": True, "pool_type": "last", "hf_tokenizer_name": "timm/ViT-B-32-SigLIP2-256",
        "tokenizer_kwargs": {"clean": "canonicalize"},
    }  # fmt: skip
    model_cfg = {"embed_dim": 32, "init_logit_bias": -10, "vision_cfg": VIT, "text_cfg": text}
    torch.manual_seed(0)
    state = CustomTextCLIP(**model_cfg).state_dict()
    config = {"model_cfg": {**model_cfg, "custom_text": True}, "preprocess_cfg": PREPROCESS}
    return {
        CONFIG: json.dumps(config).encode(),
        CHECKPOINT: save({name: values.contiguous() for name, values in state.items()}),
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": json.dumps({"tokenizer_class": "GemmaTokenizer", **names}).encode(),
        "special_tokens_map.json": json.dumps(names).encode(),
    }


def repositories() -> dict[str, dict[str, bytes]]:
    """Every repository of the catalogue, each with the small weights under its name."""
    tokenizer = {file.file: b"{}" for known in CATALOGUE for file in known.others if file.file != CONFIG}
    return {known.repo: {**weights(), **tokenizer} for known in CATALOGUE}


def put_in_cache(cache: Path, known: KnownEmbedder, files: dict[str, bytes] | None = None) -> None:
    """All that a model needs, as huggingface_hub lays its cache out."""
    needed = [*known.others, known.checkpoints[0]]
    contents = files or {file.file: b"x" for file in needed}
    for file in needed:
        put_file(cache, file, contents[file.file])


def put_file(cache: Path, file: HubFile, content: bytes) -> None:
    folder = cache / f"models--{file.repo.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    for part in (folder / "refs", snapshot):
        part.mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("a" * 40)
    (snapshot / file.file).write_bytes(content)
