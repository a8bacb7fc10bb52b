"""`ltx-mcp doctor`: what this machine will use and why, and what is missing and how to get it."""

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from ltx_mcp.cli import moderation_checks
from ltx_mcp.cli.models import known_families
from ltx_mcp.engine.plan.memory import GB, probe_machine
from ltx_mcp.errors import BadInput, ModelUnavailable, SettingsError, StudioError
from ltx_mcp.hub.cache import local_hub
from ltx_mcp.jobs.engine_lock import EngineLock
from ltx_mcp.parts import (
    choose_embedder,
    choose_engine,
    choose_transcriber,
    make_narrator,
    make_signer,
    make_transcriber,
    remake_embedder,
)
from ltx_mcp.provenance.claims import image_claim
from ltx_mcp.server.attaching import status_of
from ltx_mcp.server.introduction import Stranger
from ltx_mcp.settings import Settings
from ltx_mcp.types.value import Value


class Check(Value):
    """One line of the report. `ok` is False where something must be done: `remedy` says what."""

    what: str
    found: str
    ok: bool = True
    remedy: str = ""


def examine(settings: Settings) -> list[Check]:
    """Look at everything the studio needs. Loads all but the video model; downloads nothing but what that needs."""
    checks: dict[str, Callable[[Settings], str]] = {
        "machine": _machine,
        "model": _model,
        "families": _families,
        "frame size": _frame_size,
        "ffmpeg": _ffmpeg,
        "prompt rules": moderation_checks.prompt_rules,
        "frame classifier": moderation_checks.frame_classifier,
        "guard model": moderation_checks.guard_model,
        "held for review": moderation_checks.held,
        "embedder": _embedder,
        "better embedder": _better_embedder,
        "speech": _speech,
        "voice": _voice,
        "signature": _signature,
        "watermark": _watermark,
        "data directory": _data_dir,
        "engine": engine_owner,
        "input roots": _roots,
    }
    return [_finding(what, check, settings) for what, check in checks.items()]


def _finding(what: str, check: Callable[[Settings], str], settings: Settings) -> Check:
    try:
        return Check(what=what, found=check(settings))
    except StudioError as error:
        return Check(what=what, found=error.message, ok=False, remedy=error.hint)
    except (SettingsError, OSError, RuntimeError) as error:
        return Check(what=what, found=str(error), ok=False, remedy="Correct the setting or the folder it names.")


def _machine(settings: Settings) -> str:
    machine = probe_machine()
    device = f"CUDA device with {machine.cuda_bytes / GB:.0f} GB" if machine.cuda_bytes else "no CUDA device"
    return f"{platform.machine()}, {os.cpu_count()} cores, {machine.ram_bytes / GB:.0f} GB of memory, {device}"


def _model(settings: Settings) -> str:
    engine, reason = choose_engine(settings)
    return f"{engine.card.name}. {reason} {engine.card.label} Licence: {engine.card.licence}."


def _families(settings: Settings) -> str:
    """In short; `ltx-mcp models` says more."""
    lines = known_families(settings)
    fitting = [line.name for line in lines if line.fits.startswith("yes")]
    here = [line.name for line in lines if line.here]
    others = [line.name for line in lines if line.name not in fitting]
    too_large = f"; too large: {', '.join(others)}" if others else ""
    return f"fit this machine: {', '.join(fitting)}{too_large}; here: {', '.join(here)}"


def _frame_size(settings: Settings) -> str:
    card = choose_engine(settings)[0].card
    return (
        f"{card.default_resolution} unless asked otherwise; at most {card.max_pixel_frames / 1e6:,.0f} M pixel-frames"
    )


def _ffmpeg(settings: Settings) -> str:
    import imageio_ffmpeg

    return f"{imageio_ffmpeg.get_ffmpeg_version()}, {imageio_ffmpeg.get_ffmpeg_exe()}"


def _embedder(settings: Settings) -> str:
    choice = choose_embedder(settings)
    if choice.problem:
        raise ModelUnavailable(choice.problem, choice.reason)
    if choice.best is not None and settings.embedder == choice.best.weights:
        raise ModelUnavailable(
            f"{choice.best.name} is not here; the embedded one looks meanwhile.",
            f"`ltx-mcp setup` fetches {choice.best.said}.",
        )
    embedder = remake_embedder(settings, choice.weights)
    embedder.load()
    return f"{embedder.model_id}, {embedder.dim} dimensions, on {embedder.device}. {choice.reason}"


def _better_embedder(settings: Settings) -> str:
    """What `setup` would fetch, and what comes by itself."""
    choice = choose_embedder(settings)
    if choice.best is None:
        return "none to be fetched"
    held = local_hub().cached_bytes([choice.best.repo])[choice.best.repo]
    begun = f", {held / GB:.1f} GB of it here already" if held else ""
    itself = {
        "auto": f"; `ltx-mcp serve` fetches {choice.automatic.name} by itself" if choice.automatic else "",
        "ask": "; a search asks first, where the host can show a form",
        "never": "; LTX_MCP_DOWNLOADS=never forbids it",
    }
    return f"{choice.best.said}{begun}: `ltx-mcp setup` fetches it{itself[settings.downloads]}"


def _speech(settings: Settings) -> str:
    """What transcribes, by loading it, and what would be better."""
    choice = choose_transcriber(settings)
    if choice.problem:
        raise ModelUnavailable(choice.problem, "Correct LTX_MCP_SPEECH.")
    transcriber = make_transcriber(settings, choice)
    if transcriber is not None:
        transcriber.load()
    better = "" if choice.best is None else f" `ltx-mcp setup` fetches {choice.best.said}."
    return f"{choice.name if transcriber is not None else 'nothing transcribes'}. {choice.reason}{better}"


def _voice(settings: Settings) -> str:
    narrator = make_narrator(settings)
    speech = narrator.speak("One, two, three.")
    languages = ", ".join(dict.fromkeys(voice.language for voice in narrator.voices))
    return f"{narrator.name} ({languages}), speaks three words in {speech.duration_s:.1f} s"


def _signature(settings: Settings) -> str:
    """By signing an image and reading it back."""
    from PIL import Image

    signer = make_signer(settings)
    with TemporaryDirectory() as folder:
        image = Path(folder) / "image.png"
        Image.new("RGB", (8, 8)).save(image)
        signer.sign(image, image_claim([None]))
        return f"clips are signed by {signer.read(image).signed_by}"


def _watermark(settings: Settings) -> str:
    if settings.watermark:
        return "in the frames and audio that a model renders; `ltx-mcp verify` reads it"
    return "none: LTX_MCP_WATERMARK=off"


def _data_dir(settings: Settings) -> str:
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".writable"
    probe.touch()
    probe.unlink()
    free = f"{shutil.disk_usage(folder).free / GB:.0f} GB free"
    quota = f", quota {settings.max_bytes / GB:g} GB" if settings.max_bytes else ""
    return f"{folder}, {free}{quota}"


def engine_owner(settings: Settings) -> str:
    """Which process has it. Raises StudioError where one has that does not answer."""
    with EngineLock(settings.data_dir) as lock:
        if lock.acquire():
            return "no server runs on this data directory"
        if (address := lock.address()) is None:
            raise StudioError("another process has it, and does not say where it listens.", "Try again in a moment.")
    try:
        owner = anyio.run(status_of, address)
    except (OSError, Stranger):
        hint = "If it hangs, end it: another takes its place."
        raise StudioError(f"process {address.pid} has it, and does not answer.", hint) from None
    guests = ", ".join(map(str, owner.guests)) or "none"
    memory = f"; memory: {owner.peak_bytes / GB:.1f} GB at most" if owner.peak_bytes else ""
    return (
        f"process {owner.pid} (ltx-mcp {owner.version}, {owner.up_s:.0f} s); attached processes: {guests}; "
        f"unfinished jobs: {owner.unfinished_jobs}{memory}"
    )


def _roots(settings: Settings) -> str:
    """Each with whether it exists. Raises BadInput where one does not."""
    listed = ", ".join(f"{root} ({_state(root)})" for root in settings.roots)
    if not all(root.is_dir() for root in settings.roots):
        raise BadInput(listed, "Make the folder, or correct LTX_MCP_ROOTS; the others can be used meanwhile.")
    return listed or "none: agents can use clips of the archive as inputs, and no files"


def _state(root: Path) -> str:
    if root.is_dir():
        return "exists"
    return "not a folder" if root.exists() else "does not exist"
