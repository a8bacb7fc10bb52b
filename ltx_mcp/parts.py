"""The parts of a studio that the settings name: engine, classifiers, embedder, voices, signer. None is loaded here."""

from functools import partial
from typing import assert_never

from ltx_mcp.archive.draft_latents import DraftLatents
from ltx_mcp.archive.library import Library
from ltx_mcp.controls.base import Controls
from ltx_mcp.controls.canny import CannyControl
from ltx_mcp.controls.depth import DepthControl
from ltx_mcp.controls.pose import PoseControl
from ltx_mcp.engine.base import Engine
from ltx_mcp.engine.deferred import DeferredEngine
from ltx_mcp.engine.lora.hub import LoraHub
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.engine.plan.memory import (
    EMBEDDER_BYTES,
    TRANSCRIBER_BYTES,
    Machine,
    probe_machine,
    resolve_device,
    room_beside,
)
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.engine.weights.choice import Withheld, withheld
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.hub.cache import local_hub
from ltx_mcp.index.choice import EMBEDDED, EmbedderChoice, Means, cpu_cores, cpu_has_bf16
from ltx_mcp.index.choice import choose as choose_among
from ltx_mcp.index.embed import Embedder, OpenClipEmbedder
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.weights import find_checkpoint
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.base import FrameClassifier
from ltx_mcp.moderation.ensemble import Ensemble
from ltx_mcp.moderation.fetched import NSFW_384, QWEN3_GUARD
from ltx_mcp.moderation.meaning import MeaningReader
from ltx_mcp.moderation.open_nsfw import OpenNsfw
from ltx_mcp.moderation.policy import Policy, load_policy
from ltx_mcp.moderation.qwen3_guard import Qwen3Guard
from ltx_mcp.moderation.timm_nsfw import TimmNsfw
from ltx_mcp.narration.base import Narrator
from ltx_mcp.narration.hibari import HibariNarrator
from ltx_mcp.narration.kokoro import KokoroNarrator
from ltx_mcp.narration.stand_in import ToneNarrator
from ltx_mcp.provenance.base import Signer
from ltx_mcp.provenance.c2pa_signer import C2paSigner
from ltx_mcp.provenance.credentials import own_credentials, read_credentials
from ltx_mcp.settings import Settings
from ltx_mcp.transcription import choice as transcribers
from ltx_mcp.transcription.base import Transcriber
from ltx_mcp.transcription.choice import TranscriberChoice
from ltx_mcp.transcription.stand_in import ToneTranscriber
from ltx_mcp.transcription.whisper import WhisperTranscriber

STAND_IN = "stand-in"
"""As LTX_MCP_MODEL and LTX_MCP_EMBEDDER: the twin that loads no model, to try everything around it in milliseconds."""


def choose_engine(settings: Settings) -> tuple[Engine, str]:
    """The engine that the settings name, and why, in words. Loads nothing. Raises ModelUnavailable."""
    if settings.model == STAND_IN:
        return StandInEngine(), "LTX_MCP_MODEL names the stand-in."
    from ltx_mcp.engine.diffusers_ltx.engine import LtxEngine
    from ltx_mcp.engine.weights.choice import choose

    machine = probe_machine()
    choice = choose(settings.model, settings.licence_is_accepted, machine, local_hub())
    engine = LtxEngine(choice.source, settings.device, settings.memory, machine, make_loras(settings))
    return engine, choice.reason


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings name; which weights it takes is decided when it is first needed."""
    return DeferredEngine(lambda: choose_engine(settings)[0])


def withheld_model(settings: Settings) -> Withheld | None:
    """The model that consent of the user would bring; none where the settings have said yes or no."""
    if settings.model == STAND_IN or settings.accept_licence is not None or settings.licence_is_accepted:
        return None
    return withheld(settings.model, probe_machine(), local_hub())


def make_loras(settings: Settings) -> InstalledLoras:
    """The LoRAs of the user's folder, and those of the Hugging Face hub where one is named."""
    return InstalledLoras(settings.lora_dir, hub=LoraHub(local_hub(), lambda: settings.licence_is_accepted))


def make_controls(settings: Settings) -> Controls:
    """The makers of control signals. None loads its model here."""
    device = resolve_device(settings.device, probe_machine())
    makers = (CannyControl(), DepthControl(device), PoseControl(device))
    return {maker.control: maker for maker in makers}


def make_classifier(settings: Settings) -> FrameClassifier:
    """The embedded one, and with it the one that `ltx-mcp setup` fetches, once it is here. Loads nothing yet."""
    match settings.moderation:
        case "open-nsfw":
            return OpenNsfw()
        case "auto":
            fetched = NSFW_384.folder(local_hub())
            return OpenNsfw() if fetched is None else Ensemble(OpenNsfw(), TimmNsfw(fetched, NSFW_384.name))
        case other:
            assert_never(other)


def make_reader(settings: Settings) -> MeaningReader | None:
    """The guard model, where it is here and not switched off. Loads nothing yet."""
    folder = None if settings.guard == "off" else QWEN3_GUARD.folder(local_hub())
    return None if folder is None else Qwen3Guard(folder, QWEN3_GUARD.name)


def choose_embedder(settings: Settings) -> EmbedderChoice:
    """Which embedder looks, and which would be better. Reads the hub's cache; may import open_clip."""
    if settings.embedder == STAND_IN:
        return EmbedderChoice(STAND_IN, "LTX_MCP_EMBEDDER names the stand-in.")
    has_device = embedder_device(settings) != "cpu"
    means = Means(has_device, cpu_cores(), cpu_has_bf16(), probe_machine().ram_bytes)
    try:
        choice = choose_among(settings.embedder, means, local_hub())
        find_checkpoint(choice.weights)
    except ModelUnavailable as error:
        return EmbedderChoice(EMBEDDED, "The embedded one looks instead.", problem=str(error))
    return choice


def make_embedder(settings: Settings) -> Embedder:
    """The embedder that looks. Loads nothing yet."""
    return remake_embedder(settings, choose_embedder(settings).weights)


def remake_embedder(settings: Settings, weights: str) -> Embedder:
    """An embedder by its `weights`. Loads nothing yet."""
    return ColourEmbedder() if weights == STAND_IN else OpenClipEmbedder(weights, partial(embedder_device, settings))


def embedder_device(settings: Settings, machine: Machine | None = None) -> str:
    """Where an embedder runs: on the device if the video model leaves it room there, else on the CPU."""
    return _device_beside(settings, EMBEDDER_BYTES, machine)


def _device_beside(settings: Settings, needed_bytes: int, machine: Machine | None = None) -> str:
    """The device, if the video model leaves so much of it free, else the CPU."""
    from ltx_mcp.engine.weights.choice import choose

    machine = machine or probe_machine()
    if machine.cuda_bytes is None:
        return "cpu"
    model = "micro" if settings.model == STAND_IN else settings.model
    try:
        device = resolve_device(settings.device, machine)
        weights_bytes = choose(model, settings.licence_is_accepted, machine, local_hub()).source.info.weights_bytes
    except ModelUnavailable:
        return "cpu"
    room = room_beside(device, machine, weights_bytes, settings.memory)
    return device if device.startswith("cuda") and room >= needed_bytes else "cpu"


def choose_transcriber(settings: Settings) -> TranscriberChoice:
    """Which model transcribes speech, and which would be better. Reads the hub's cache."""
    return transcribers.choose(settings.speech, _transcriber_device(settings) != "cpu", cpu_cores(), local_hub())


def make_transcriber(settings: Settings, choice: TranscriberChoice) -> Transcriber | None:
    """What transcribes speech; None where nothing does. Loads nothing yet."""
    if choice.name == STAND_IN:
        return ToneTranscriber()
    if choice.folder is None:
        return None
    return WhisperTranscriber(choice.name, choice.folder, partial(_transcriber_device, settings))


def _transcriber_device(settings: Settings) -> str:
    return _device_beside(settings, EMBEDDER_BYTES + TRANSCRIBER_BYTES)


def make_narrator(settings: Settings) -> Narrator:
    """`auto` is hibari, whose weights are installed with it. None has loaded a model yet."""
    match settings.narrator:
        case "kokoro":
            return KokoroNarrator()
        case "stand-in":
            return ToneNarrator()
        case _:
            return HibariNarrator()


def make_signer(settings: Settings) -> Signer:
    """It signs with the user's certificate, or with one that is made here on first use. Loads nothing yet."""
    if settings.sign_certificate is None and settings.sign_key is None:
        return C2paSigner(partial(own_credentials, settings.data_dir))
    return C2paSigner(partial(read_credentials, settings.sign_certificate, settings.sign_key))


def make_policy(settings: Settings) -> Policy:
    return load_policy(settings.policy)


def make_audit(settings: Settings) -> Audit:
    return Audit(settings.data_dir / "audit.jsonl")


def make_draft_latents(settings: Settings, library: Library) -> DraftLatents:
    """Those of held drafts are kept too: once released, a draft can be finalized."""
    return DraftLatents(
        settings.data_dir,
        settings.keep_latents_days,
        lambda: [*library.clip_ids(), *library.quarantine.clip_ids()],
    )
