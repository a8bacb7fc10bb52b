"""The open_clip models that may look at an archive: how large, how fast, under which licence, from where.

Sizes are four bytes for each parameter, as these repositories publish float32: timm/PE-Core-S-16-384 has 349 MB for 87
million, timm/ViT-B-16-SigLIP2-384 1.5 GB for 376 million; PE-Core-B-16 has 447,660,545. The hub says the exact sizes.
Parameters and accuracies are those of perception_models' apps/pe/README.md, big_vision's README_siglip2.md and
open_clip's openclip_retrieval_results.csv. Frames per second and core were measured with random weights on a Zen 5.
"""

from dataclasses import dataclass

from ltx_mcp.errors import ModelUnavailable, NotFound
from ltx_mcp.hub.cache import Hub, HubFile
from ltx_mcp.hub.download import fetch
from ltx_mcp.types.callbacks import BytesProgress, Check

CONFIG = "open_clip_config.json"
CHECKPOINT = "open_clip_model.safetensors"  # open_clip's own name for it, and the first that it looks for
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
INSTEAD = "set LTX_MCP_EMBEDDER=embedded"
APACHE = "Apache-2.0"
GRAMMAR = (
    "Set LTX_MCP_EMBEDDER to auto, to embedded, to an open_clip tag such as ViT-B-32/laion2b_s34b_b79k, to "
    f"ARCHITECTURE/FILE, or to a folder that holds {CONFIG} and {CHECKPOINT}."
)


@dataclass(frozen=True)
class KnownEmbedder:
    """A model of the hub. `weights` is open_clip's `name/pretrained`; of `checkpoints` the first that exists is needed.

    `recall` is zero-shot text-to-image R@1 on COCO in percent. `fp32` and `bf16` are frames per second on one core.
    Without `permissive` its licence allows research alone, or is not known: it is fetched only if it was named.
    """

    weights: str
    checkpoints: tuple[HubFile, ...]
    others: tuple[HubFile, ...] = ()
    licence: str = "the licence on its page"
    permissive: bool = False
    recall: float = 0.0
    fp32: float = 0.0
    bf16: float = 0.0
    needs_device: bool = False

    @property
    def name(self) -> str:
        return self.weights.partition("/")[0]

    @property
    def repo(self) -> str:
        return self.checkpoints[0].repo

    @property
    def bytes(self) -> int:
        """About; 0 where that is not known."""
        return sum(file.bytes for file in (self.checkpoints[0], *self.others))

    @property
    def said(self) -> str:
        """Its name, with its size and licence before anything is fetched."""
        size = f"{self.bytes / 1e9:.1f} GB, " if self.bytes else ""
        return f"{self.name} ({size}{self.licence})"

    def find(self, hub: Hub) -> HubFile | None:
        """The checkpoint that is here, whole, with all that goes with it."""
        if any(hub.find(file) is None for file in self.others):
            return None
        return next((file for file in self.checkpoints if hub.find(file) is not None), None)

    def fetch(self, hub: Hub, check: Check = lambda: None, progress: BytesProgress = lambda done, of: None) -> None:
        """Download what is missing, as `hub.fetch` does. Raises ModelUnavailable, NotFound, and what `check` does."""
        missing: NotFound | None = None
        for checkpoint in self.checkpoints:
            try:
                fetch(hub, [*self.others, checkpoint], INSTEAD, check, progress)
                return
            except NotFound as error:
                missing = missing or error
        raise missing or NotFound(f"{self.repo} names no checkpoint.")


def _timm(
    name: str,
    tag: str,
    megabytes: int,
    recall: float,
    fp32: float,
    bf16: float,
    *,
    tokenizer: bool = False,
    needs_device: bool = False,
) -> KnownEmbedder:
    """One of timm's repositories, which are laid out alike."""
    repo = f"timm/{name}"
    others = [HubFile(repo, CONFIG, 1000)]
    if tokenizer:
        others += [HubFile(repo, file, 34_400_000 if file == TOKENIZER[0] else 50_000) for file in TOKENIZER]
    weights = HubFile(repo, CHECKPOINT, megabytes * 1_000_000)
    return KnownEmbedder(f"{name}/{tag}", (weights,), tuple(others), APACHE, True, recall, fp32, bf16, needs_device)


CATALOGUE = (
    _timm("PE-Core-L-14-336", "meta", 2_680, 57.1, 0, 0, needs_device=True),
    _timm("PE-Core-B-16", "meta", 1_790, 50.9, 2.5, 7.7),
    _timm("ViT-B-32-SigLIP2-256", "webli", 1_510, 47.2, 8.1, 25.6, tokenizer=True),
    KnownEmbedder(
        "ViT-B-32/laion2b_s34b_b79k",
        tuple(
            HubFile("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", file, 605_000_000)
            for file in (CHECKPOINT, "open_clip_pytorch_model.bin")
        ),
        licence="MIT",
        permissive=True,
        recall=39.3,
        fp32=10.1,
        bf16=35.9,
    ),
)
"""The best first. Apple's MobileCLIP2 and DFN models would stand here too, but their licences allow research alone."""


def described(weights: str, catalogue: tuple[KnownEmbedder, ...] = CATALOGUE) -> KnownEmbedder:
    """A model by its tag: of the catalogue, or what open_clip says of it. Raises ModelUnavailable for no tag at all.

    Imports open_clip for what is not in the catalogue, which takes seconds.
    """
    for known in catalogue:
        if known.weights == weights:
            return known
    from open_clip import pretrained as tags

    architecture, _, tag = weights.partition("/")
    table = tags.get_pretrained_cfg(architecture, tag)
    if not table.get("hf_hub"):
        known_tags = tags.list_pretrained_tags_by_model(architecture)
        names = (
            f"Tags of {architecture}: {', '.join(known_tags)}." if known_tags else f"open_clip has no {architecture}."
        )
        raise ModelUnavailable(f"The embedder {weights} is not known.", f"{names} {GRAMMAR}")
    repo, _, name = table["hf_hub"].rpartition("/")
    stem = name.rpartition(".")[0]
    names_there = (f"{stem}.safetensors", name) if name else (CHECKPOINT, "open_clip_pytorch_model.bin")
    return KnownEmbedder(weights, tuple(HubFile(repo, each) for each in dict.fromkeys(names_there)))
