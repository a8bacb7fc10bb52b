"""The model families known by name: where each comes from, how large it is, its licence, and its recipes.

Revisions: the commits of these repositories could not be looked up when this was written, so they read "main",
which moves. Replace each with the commit that was tried as soon as one has been. None has been run by us yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ltx_mcp.engine.diffusers_ltx.decode import GPU_WINDOWS
from ltx_mcp.engine.plan.quality_presets import Guidance, Recipes, distilled, guided, undistilled
from ltx_mcp.engine.weights.folders import distilled_lora, has_upsampler, recipes_of
from ltx_mcp.engine.weights.source import IMAGE_CRF, UPSAMPLER_BYTES, DiffusersSource, ModelInfo
from ltx_mcp.hub.cache import HubFile

LICENCE = "LTX-2 Community License (free of charge below US$10M of yearly revenue; not Apache-2.0)"
LICENCE_URL = "https://github.com/Lightricks/LTX-2/blob/main/LICENSE"
LATER_LICENCE = "LTX-2.x Community License (free of charge below US$10M of yearly revenue; not Apache-2.0)"

LTX_2_3_BYTES = 70_520_000_000  # two bytes for each of its 35.26 billion parameters, all components counted
LTX_2_BYTES = 67_650_000_000  # the same of 33.83 billion: transformer 18.88, text encoder 12.19, the rest 2.76
LTX_2_5_BYTES = 70_895_426_344  # the published snapshot of its distilled model, upsampler and all
LTX_2_5_IMAGE_CRF = 18  # diffusers 0.42.1, pipelines/ltx2/utils.py: LTX2_5_IMAGE_CRF

UPSAMPLER_2_3 = "rootonchair/LTX-2.3-spatial-upscaler-x2-v1.1-Diffusers"
TEMPORAL_2_3 = HubFile("Lightricks/LTX-2.3", "ltx-2.3-temporal-upscaler-x2-1.0.safetensors", 262_000_000)
TEMPORAL_2 = HubFile("Lightricks/LTX-2", "ltx-2-temporal-upscaler-x2-1.0.safetensors", 262_000_000)


@dataclass(frozen=True)
class Family:
    """A model known by name: its repositories in diffusers' layout, their sizes, and the licence to accept first.

    `weights_bytes` are those of the repository's components that are loaded. Without `upsampler_repo` the upsampler
    lies in the repository itself, counted in `weights_bytes`. `temporal` is the file of its temporal upsampler. A
    `gated` repository wants a login that accepted its terms.
    """

    name: str
    repo: str
    about: str
    weights_bytes: int
    recipes: Recipes = field(default_factory=distilled)
    upsampler_repo: str | None = UPSAMPLER_2_3
    adapter: HubFile | None = None
    temporal: HubFile | None = None
    licence: str = LICENCE
    licence_url: str = LICENCE_URL
    image_crf: int = IMAGE_CRF
    gated: bool = False
    revision: str = "main"
    upsampler_revision: str = "main"
    guessed: bool = False  # its recipes are those of most repositories; nobody has looked inside yet

    @property
    def download_bytes(self) -> int:
        upsampler = UPSAMPLER_BYTES if self.upsampler_repo else 0
        return self.loaded_bytes + upsampler + (self.temporal.bytes if self.temporal else 0)

    @property
    def loaded_bytes(self) -> int:
        """What memory must hold beside activations, the upsamplers left out: they are small and come last."""
        return self.weights_bytes + (self.adapter.bytes if self.adapter else 0)

    @property
    def repos(self) -> tuple[str, ...]:
        """All that must be here before it runs offline. Files that were found in a folder are."""
        others = (self.upsampler_repo, self.adapter and self.adapter.repo, self.temporal and self.temporal.repo)
        return tuple(dict.fromkeys([self.repo, *(repo for repo in others if repo and not Path(repo).is_absolute())]))

    def missing_bytes(self, cached: Mapping[str, int]) -> int:
        """What is still to be fetched, about, when so many bytes of each repository are here. 0: all is here.

        Sizes of repositories are known to the gigabyte, so one that is nearly whole counts as whole.
        """
        if all(cached.get(repo, 0) for repo in self.repos) and sum(cached.values()) >= 0.97 * self.download_bytes:
            return 0
        return max(0, self.download_bytes - sum(cached.values()))

    def source(self) -> DiffusersSource:
        info = ModelInfo(
            name=self.name,
            label=f"{self.about}.",
            default_resolution="720p",
            trained_short_side=1080,  # its rotary positions cover 2048 pixels a side: 1080p wide, not 1440p
            weights_bytes=self.loaded_bytes,
            windows=GPU_WINDOWS,
            licence=f"{self.licence}, {self.licence_url}",
            recipes=self.recipes,
            image_crf=self.image_crf,
            doubles_rate=self.temporal is not None,
        )
        return DiffusersSource(
            info,
            self.repo,
            self.revision,
            upsampler=self.upsampler_repo or self.repo,
            upsampler_revision=self.upsampler_revision if self.upsampler_repo else self.revision,
            adapter=self.adapter,
            temporal=self.temporal,
            guessed=self.guessed,
        )


FAMILIES = (
    Family(
        "ltx-2.3",
        "diffusers/LTX-2.3-Distilled-Diffusers",
        "LTX-2.3 distilled, the diffusers team's conversion",
        LTX_2_3_BYTES,
        temporal=TEMPORAL_2_3,
    ),
    Family(
        "ltx-2.3-v1.1",
        "rootonchair/LTX-2.3-Distilled-v1.1-Diffusers",
        "LTX-2.3 distilled v1.1, a private conversion of newer weights with cleaner endings",
        LTX_2_3_BYTES,
        temporal=TEMPORAL_2_3,
    ),
    Family(
        "ltx-2.3-dev",
        "diffusers/LTX-2.3-Diffusers",
        "LTX-2.3 undistilled, with its distilled LoRA for draft and final; the one that makes best",
        LTX_2_3_BYTES,
        undistilled(guided(28)),
        adapter=HubFile("Lightricks/LTX-2.3", "ltx-2.3-22b-distilled-lora-384-1.1.safetensors", 7_610_000_000),
        temporal=TEMPORAL_2_3,
    ),
    Family(
        "ltx-2",
        "Lightricks/LTX-2",
        "LTX-2.0 19B undistilled, with its distilled LoRA for draft and final",
        LTX_2_BYTES + UPSAMPLER_BYTES,
        undistilled(guided(29, use_cross_timestep=False)),
        upsampler_repo=None,
        adapter=HubFile("Lightricks/LTX-2", "ltx-2-19b-distilled-lora-384.safetensors", 7_670_000_000),
        temporal=TEMPORAL_2,
    ),
    Family(
        "ltx-2-distilled",
        "rootonchair/LTX-2-19b-distilled",
        "LTX-2.0 19B distilled, a private conversion",
        LTX_2_BYTES + UPSAMPLER_BYTES,
        distilled(Guidance(use_cross_timestep=False)),
        upsampler_repo=None,
        temporal=TEMPORAL_2,
    ),
    Family(
        "ltx-2.5",
        "Lightricks/LTX-2.5-Diffusers",
        "LTX-2.5 distilled, sampled by plain Euler steps where Lightricks' own pipeline takes ancestral ones",
        LTX_2_5_BYTES,
        upsampler_repo=None,
        licence=LATER_LICENCE,
        licence_url="https://huggingface.co/Lightricks/LTX-2.5-Diffusers",
        image_crf=LTX_2_5_IMAGE_CRF,
        gated=True,
    ),
)
DEFAULT = FAMILIES[0]


def named_by_id(repo: str, snapshot: Path | None) -> Family:
    """A repository that nobody described. Until its snapshot is here it is taken for a distilled LTX-2.3."""
    family = Family(
        repo,
        repo,
        "A repository named by its id",
        LTX_2_3_BYTES,
        licence=f"the licence on its page, and {LICENCE}",
        licence_url=f"https://huggingface.co/{repo}",
        guessed=True,
    )
    if snapshot is None:
        return replace(family, about=f"{family.about}, taken for a distilled LTX-2.3")
    adapter = distilled_lora(snapshot)
    return replace(
        family,
        recipes=recipes_of(snapshot, True, adapter is not None),
        upsampler_repo=None if has_upsampler(snapshot) else UPSAMPLER_2_3,
        adapter=adapter,
        guessed=False,
    )
