"""Published LoRAs for LTX-2.3 that are known to work, as plain data.

Source: the catalogue that LTX-Desktop ships (Lightricks/LTX-Desktop at 274ade2, Apache-2.0:
backend/runtime_config/lora_catalog.json), whose entries name repository, file, exact size, trigger, strength,
input, login and licence. Where it gives no strength, that of the entry's tips or model card. Union-Control,
which it does not list, is from its own repository. Variants for LTX-2.5 are left out. Of some of Lightricks' own
repositories the file's size could not be looked up: they are known by their names alone.

A file on disk is taken for one of these only if name and size agree: trainers give out names such as
`lora_weights_step_05000` freely.
"""

from dataclasses import dataclass
from typing import Literal

from ltx_mcp.types.requests import Control

LoraKind = Literal["lora", "ic_lora"]
Position = Literal["first_token", "anywhere"]
Base = Literal["LTX-2", "LTX-2.3"]

COMMUNITY = "LTX-2 Community License"


@dataclass(frozen=True)
class CatalogueEntry:
    """One published file. `input` is what it needs beside words; `template` has the places that a prompt must fill.

    The last four are of IC-LoRAs alone. `skip_stage_2`: it runs in one pass. `audio`: whether the clip should keep the
    source's audio. `controls`: the signals that it takes for a reference; none: the source as it is. `unsupported`: why
    restyle_video cannot give it what it needs.
    """

    id: str
    repo: str
    file: str
    bytes: int
    kind: LoraKind = "lora"
    trigger: str = ""  # exact spelling: the text encoder tells upper case from lower
    position: Position = "anywhere"
    strength: float = 1.0
    input: Literal["text", "image", "video"] = "text"
    licence: str = COMMUNITY
    base: Base = "LTX-2.3"
    template: str = ""
    skip_stage_2: bool = False
    audio: Literal["source", "generated"] = "source"
    controls: tuple[Control, ...] = ()
    unsupported: str = ""

    def describes(self, file: str, bytes: int) -> bool:
        """Whether a file of this name and size is this one: by both, or, where the size is not known, by its name."""
        if self.file:
            return (file, bytes) == (self.file, self.bytes)
        return file.lower().startswith(self.repo.partition("/")[2].lower())

    def goes_by(self, name: str) -> bool:
        """Whether the name is its id, or its repository with or without the file (`owner/repo:file`)."""
        repo, _, file = name.partition(":")
        return name == self.id or (repo == self.repo and file in ("", self.file))


def _style(id: str, repo: str, file: str, bytes: int, trigger: str = "") -> CatalogueEntry:
    """The styles of one author share everything else."""
    return CatalogueEntry(id, f"vrgamedevgirl84/{repo}_LoRa", f"{file}.safetensors", bytes, trigger=trigger)


def _camera(move: str, bytes: int) -> CatalogueEntry:
    """Lightricks' camera moves: made for LTX-2, listed for 2.3 as well."""
    repo = f"Lightricks/LTX-2-19b-LoRA-Camera-Control-{move.title()}"
    file = f"ltx-2-19b-lora-camera-control-{move}.safetensors"
    return CatalogueEntry(move, repo, file, bytes, base="LTX-2")


def _control(
    id: str,
    repo: str,
    bytes: int,
    version: str = "0.9",
    *,
    trigger: str = "",
    position: Position = "anywhere",
    strength: float = 1.0,
    input: Literal["image", "video"] = "video",
    template: str = "",
    audio: Literal["source", "generated"] = "source",
    unsupported: str = "",
) -> CatalogueEntry:
    """Lightricks' own IC-LoRAs, whose files are named after their repositories."""
    return CatalogueEntry(
        id=id,
        repo=f"Lightricks/LTX-2.3-22b-IC-LoRA-{repo}",
        file=f"ltx-2.3-22b-ic-lora-{repo.lower()}-{version}.safetensors",
        bytes=bytes,
        kind="ic_lora",
        trigger=trigger,
        position=position,
        strength=strength,
        input=input,
        template=template,
        skip_stage_2=True,
        audio=audio,
        unsupported=unsupported,
    )


def _unsized(
    id: str, repo: str, controls: tuple[Control, ...] = (), base: Base = "LTX-2.3", unsupported: str = ""
) -> CatalogueEntry:
    """An IC-LoRA of Lightricks that is known by its repository alone: file and size are looked up there."""
    return CatalogueEntry(
        id, f"Lightricks/{repo}", "", 0, kind="ic_lora", input="video", base=base,
        controls=controls, unsupported=unsupported,
    )  # fmt: skip


LORAS = (
    CatalogueEntry(
        "fpv-motion",
        "chsengni/ltx2.3-fpv-motion",
        "ltx2.3_fpv_motion.safetensors",
        308_666_208,
        licence="Apache-2.0",
    ),
    CatalogueEntry(
        "crt-animation-terminal",
        "lovis93/crt-animation-terminal-ltx-2.3-lora",
        "crtanim_10000.safetensors",
        428_150_680,
        trigger="crtanim,",
        position="first_token",
        licence="Apache-2.0",
    ),
    CatalogueEntry(
        "openwheel-tcam-style",
        "mxturbo/Openwheel-motorsports-Cockpit-T-Cam-LTX2.3",
        "openwheel-t-cam-ltx2.3_000000500.safetensors",
        1_348_027_408,
        licence="Apache-2.0",
    ),
    _style("fantasy-anime-style", "LTX_2.3_Fantasy_Anime_Style", "Fantasy_Anime", 352_679_880, "f4nt4sy4n1m6"),
    _style("fantasy-realism-style", "LTX_2.3_Fantasy_Realism_Style", "Fantasy_Realism", 352_679_888, "f4nt4sy"),
    _style(
        "cinematic-cyberpunk-style",
        "LTX_2.3_Cinematic_Sci-fi-Cyberpunk_Style",
        "Cinematic_sci-fi-cyberpunk",
        352_679_888,
        "C6b4rP8nk",
    ),
    _style("claymation-style", "LTX_2.3_Clay_Mation_Style", "Claymation", 352_679_880, "claymation style"),
    _style("cozy-felt-style", "LTX2.3_Cozy_Felt_Style", "CozyFelt", 352_679_880, "F3ltCut0u7"),
    _style(
        "fantasy-painterly-style", "LTX_2.3_Fantasy_Painterly_Style", "Fantasy_Painterly", 352_679_888, "D4rkP41nt3r"
    ),
    _style("paper-cutout-style", "LTX_2.3_Paper_Cut_Out_Style", "PaperCutOutStyle", 352_679_880, "Pap3rCut0u7"),
    _style("soft-enhance-style", "LTX_2.3_Soft_Enhance_Style", "LTX2.3_Soft_Enhance", 352_679_864),
    _style("wild-west-style", "LTX_2.3_Wild_West_Style", "Wild_West", 705_198_384, "W1ldW4st"),
    CatalogueEntry(
        "product-ad-style",
        "SOLRICKS/ltx-2.3-product-ad-style",
        "LTX23_Product_Commercial_LoRA.safetensors",
        337_360_792,
        trigger="srx_commercial",
        strength=0.85,
        input="image",
    ),
    CatalogueEntry(
        "cinemagraph-motion",
        "Lightricks/LTX-2.3-22b-LoRA-Cinemagraph",
        "ltx-2.3-22b-lora-cinemagraph-0.9.safetensors",
        201_453_416,
        trigger="CINEMAGRAPH_MOTION",
        position="first_token",
        strength=2.0,  # the catalogue's figure; its tips say about 1.0
        input="image",
    ),
    CatalogueEntry(
        "transition",
        "joyfox/LTX-2.3-Transition-LORA",
        "ltx2.3-transition.safetensors",
        390_229_424,
        trigger="zhuanchang",
        input="image",
        licence="Apache-2.0",
    ),
    CatalogueEntry(
        "vbvr",
        "LiconStudio/Ltx2.3-VBVR-lora-I2V",
        "Ltx2.3-Licon-VBVR-I2V-390K-R32.safetensors",
        554_006_432,
        input="image",
    ),
    _camera("dolly-in", 327_309_208),
    _camera("dolly-out", 327_309_208),
    _camera("jib-up", 2_214_978_664),
    _camera("jib-down", 2_214_978_664),
)
"""LoRAs that change the look or the motion of a clip made from words or from an image."""

IC_LORAS = (
    CatalogueEntry(
        "union-control",
        "Lightricks/LTX-2.3-22b-IC-LoRA-Union-Control",
        "ltx-2.3-22b-ic-lora-union-control-ref0.5.safetensors",
        654_465_352,
        kind="ic_lora",
        input="video",
        controls=("canny", "depth", "pose"),
    ),
    _control("clean-plate", "Clean-Plate", 327_309_305, "1.0"),
    CatalogueEntry(
        "3d-render-to-real",
        "fal/LTX-2.3-3DREAL-LoRA",
        "3DREAL-strong-v2.safetensors",
        327_287_352,
        kind="ic_lora",
        skip_stage_2=True,
        trigger="3DREAL",
        position="first_token",
        input="video",
        licence="Other",
    ),
    CatalogueEntry(
        "3d-render-to-real-light",
        "fal/LTX-2.3-3DREAL-LoRA",
        "3DREAL-light.safetensors",
        163_708_856,
        kind="ic_lora",
        skip_stage_2=True,
        trigger="3DREAL",
        position="first_token",
        input="video",
        licence="Other",
    ),
    _control("day-to-night", "Day-To-Night", 327_309_305),
    _control(
        "colorization",
        "Colorization",
        906_071_437,
        trigger="COLORIZE",
        template="Reference shows {reference}. Edited shows the same scene with natural colors restored. "
        "COLORIZE {result}.",
    ),
    _control(
        "decompression",
        "Decompression",
        906_071_437,
        trigger="ENHANCE QUALITY",
        template="Reference shows {reference}, heavily compressed with visible macroblocking, chroma bleed and "
        "ringing. Edited shows the same scene restored to high quality with sharp detail and clean edges. "
        "ENHANCE QUALITY {result}.",
    ),
    _control(
        "deblur",
        "Deblur",
        906_071_437,
        trigger="DEBLUR",
        template="Reference shows {reference}, heavily out of focus with soft defocused blur. Edited shows the same "
        "scene in sharp focus with crisp detail. DEBLUR {result}.",
    ),
    _control("cross-eyed", "Cross-Eyed", 327_309_305),
    _control(
        "water-simulation",
        "Water-Simulation",
        906_071_437,
        trigger="ADD WATER",
        strength=1.2,
        template="Reference shows {reference}. Edited shows the same scene with water added. ADD WATER {result}.",
    ),
    _control(
        "ingredients",
        "Ingredients",
        1_308_778_338,
        strength=1.4,
        input="image",
        template="Reference sheet: {panels}. Generated video: {action}.",
        audio="generated",
    ),
    _control("instant-shave", "Instant-Shave", 654_465_349, trigger="REMOVEBEARD", position="first_token"),
    _control(
        "outpainting",
        "In-Outpainting",
        1_308_778_338,
        unsupported="it needs the source on a larger canvas, which is not made here",
    ),
    CatalogueEntry(
        "greenscreen-avatar",
        "OmerHagage/ltx2-greenscreen-avatar-ic-lora-vertical-v1",
        "lora_weights_step_05000.safetensors",
        1_308_756_416,
        kind="ic_lora",
        skip_stage_2=True,
        input="video",
        licence="MIT",
    ),
    CatalogueEntry(
        "upscale",
        "Zlikwid/LTX_2.3_Upscale_IC_Lora",
        "ltx2.3_upscale_ic-lora_06250.safetensors",
        327_287_384,
        kind="ic_lora",
        skip_stage_2=True,
        trigger="upscale",
        input="video",
        licence="Other",
        template="upscale",
    ),
    CatalogueEntry(
        "crossview-prompt",
        "Cseti/LTX2.3-22B_IC-LoRA-CrossView-Prompt",
        "LTX2.3-22B_IC-LoRA-CrossView-Prompt_v0.9_13700.safetensors",
        100_767_456,
        kind="ic_lora",
        skip_stage_2=True,
        trigger="crossview.",
        position="first_token",
        strength=1.5,
        input="video",
        licence="Apache-2.0",
        template="crossview. new camera angle: {azimuth}, {elevation}, {distance}.",
    ),
)
"""LoRAs that rework a reference: a video, or a sheet of images."""

_TRACKS = "it needs drawn motion tracks, which are not made here"
_VOICE = "it needs a new voice, which cannot be given here"
_HDR = "it needs a pipeline of its own, with more than eight bits a colour"

UNSIZED = (
    _unsized("motion-track-control", "LTX-2.3-22b-IC-LoRA-Motion-Track-Control", unsupported=_TRACKS),
    _unsized("hdr", "LTX-2.3-22b-IC-LoRA-HDR", unsupported=_HDR),
    _unsized("dub-it", "LTX-2.3-22b-IC-LoRA-DubIt", unsupported=_VOICE),
    _unsized("relight", "LTX-2.3-22b-IC-LoRA-Relight"),
    _unsized("canny-control", "LTX-2-19b-IC-LoRA-Canny-Control", ("canny",), "LTX-2"),
    _unsized("depth-control", "LTX-2-19b-IC-LoRA-Depth-Control", ("depth",), "LTX-2"),
    _unsized("pose-control", "LTX-2-19b-IC-LoRA-Pose-Control", ("pose",), "LTX-2"),
    _unsized("detailer", "LTX-2-19b-IC-LoRA-Detailer", base="LTX-2"),
    CatalogueEntry("restyle", "Cseti/LTX2.3-22B_ReStyle_IC-LoRA", "", 0, kind="ic_lora", input="video", licence=""),
)
"""IC-LoRAs that are known by their repositories alone. An installed file is taken for one by the beginning of its
name: Lightricks' files are named after their repositories."""

CATALOGUE = LORAS + IC_LORAS + UNSIZED
