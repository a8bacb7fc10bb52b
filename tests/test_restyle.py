"""The modes of restyle_video: which one is taken and why, what each keeps, and what it needs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from agents import an_agent, data, text
from gates import Gate
from safetensors.torch import save_file

from ltx_mcp.controls.base import ControlMaker
from ltx_mcp.controls.canny import CannyControl
from ltx_mcp.engine.base import ModelCard
from ltx_mcp.engine.lora.card import LoraCard, Trigger
from ltx_mcp.engine.lora.installed import Picked
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import BadInput, ModelUnavailable
from ltx_mcp.media.encode import VideoWriter
from ltx_mcp.media.footage import Footage, open_footage, read_audio, read_video
from ltx_mcp.media.probe import probe, read_frames
from ltx_mcp.preparation.restyle_methods import GET_CONTROL, GET_RESTYLE, choose_restyle_method, shown_strength
from ltx_mcp.types.callbacks import Check
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.requests import Control, RestyleRequest
from ltx_mcp.types.stages import Stage

MODEL = ModelCard("ltx-2.3", "test", "240p", 10**9, 240, takes_loras=True)


def lora(name: str, **facts: Any) -> LoraCard:
    return LoraCard(**{"name": name, "path": Path(name), "bytes": 1, "kind": "ic_lora", **facts})


STYLE = lora("clay", kind="lora")
RESTYLE = lora("restyle", restyle=True, base="LTX-2.3")
UNION = lora("union", controls=("canny", "depth", "pose"), base="LTX-2.3")
POSES = lora("poses", controls=("pose",))
DEBLUR = lora("deblur", base="LTX-2.3", template="Reference shows {reference}. DEBLUR {result}.", strength=1.2,
              triggers=(Trigger(word="DEBLUR"),))  # fmt: skip
TRACKS = lora("tracks", unsupported="it needs drawn motion tracks")
FOREIGN = lora("foreign", restyle=True, base="LTX-2")
BROKEN = lora("broken", restyle=True, problem="It is damaged.")


def asked(**arguments: Any) -> RestyleRequest:
    return RestyleRequest(video="x", prompt="in clay", **arguments)


def method(
    installed: Sequence[LoraCard] = (), named: Sequence[LoraCard] = (), model: ModelCard = MODEL, **arguments: Any
) -> tuple[str, list[str]]:
    """The recipe, and the LoRAs that act."""
    chosen = choose_restyle_method(
        asked(**arguments), [Picked(card, card.strength) for card in named], installed, model
    )
    return chosen.recipe, [each.card.name for each in chosen.loras]


# -- which mode -------------------------------------------------------------------------------------------

CHOICES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({}, "repaint", []),
    ({"named": [STYLE]}, "repaint", ["clay"]),
    ({"installed": [STYLE]}, "repaint", []),
    ({"installed": [DEBLUR]}, "repaint", []),  # one for a special purpose is never taken unasked
    ({"installed": [FOREIGN, BROKEN, TRACKS]}, "repaint", []),
    ({"installed": [POSES]}, "repaint", []),  # auto asks for no model that sees people
    ({"installed": [UNION]}, "structure (canny)", ["union"]),
    ({"installed": [UNION, RESTYLE]}, "reference", ["restyle"]),
    ({"installed": [FOREIGN, RESTYLE], "named": [STYLE]}, "reference", ["restyle", "clay"]),
    ({"installed": [RESTYLE], "named": [DEBLUR]}, "reference", ["deblur"]),
    ({"installed": [RESTYLE], "named": [UNION, STYLE]}, "structure (canny)", ["union", "clay"]),
    ({"named": [POSES]}, "structure (pose)", ["poses"]),
    ({"installed": [RESTYLE, UNION], "control": "depth"}, "structure (depth)", ["union"]),
    ({"installed": [RESTYLE, UNION], "mode": "repaint"}, "repaint", []),
    ({"installed": [RESTYLE, UNION], "mode": "structure"}, "structure (canny)", ["union"]),
    ({"installed": [RESTYLE, UNION], "mode": "reference"}, "reference", ["restyle"]),
    ({"installed": [POSES, UNION], "mode": "structure", "control": "pose"}, "structure (pose)", ["poses"]),
    ({"named": [DEBLUR], "mode": "structure", "control": "canny"}, "structure (canny)", ["deblur"]),
    ({"installed": [UNION, RESTYLE], "model": ModelCard("ltx-2.3", "test", "240p", 1, 1)}, "repaint", []),
    (
        {"installed": [UNION, RESTYLE], "model": ModelCard("micro", "test", "240p", 1, 1, takes_loras=True)},
        "repaint",
        [],
    ),
]


@pytest.mark.parametrize(("arguments", "recipe", "names"), CHOICES, ids=lambda value: str(value)[:60])
def test_the_mode_is_taken_by_what_is_named_and_by_what_is_installed(
    arguments: dict[str, Any], recipe: str, names: list[str]
) -> None:
    assert method(**arguments) == (recipe, names)


@pytest.mark.parametrize(
    ("installed", "named", "words"),
    [
        ([], [], "auto took repaint: no IC-LoRA for this model"),
        ([RESTYLE], [], "auto took reference: restyle is installed."),
        (
            [UNION],
            [],
            "auto took structure: union is installed. Restyled by the IC-LoRA union from the source's edges.",
        ),
        ([], [DEBLUR], "auto took reference: deblur was named."),
    ],
)
def test_auto_says_what_it_took_and_why(installed: list[LoraCard], named: list[LoraCard], words: str) -> None:
    chosen = choose_restyle_method(asked(), [Picked(card, 1.0) for card in named], installed, MODEL)
    assert any(note.startswith(words) for note in chosen.notes), chosen.notes


def test_a_template_is_offered_and_not_filled_in() -> None:
    notes = choose_restyle_method(asked(), [Picked(DEBLUR, 1.2)], [], MODEL).notes
    assert any(DEBLUR.template in note for note in notes)
    assert choose_restyle_method(asked(), [Picked(DEBLUR, 1.2)], [], MODEL).loras[0].strength == 1.2


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"mode": "reference"}, [f"https://huggingface.co/{GET_RESTYLE}", "LTX_MCP_LORA_DIR", "repaint works without"]),
    ({"mode": "structure"}, [f"https://huggingface.co/{GET_CONTROL}", "takes canny", "LTX_MCP_LORA_DIR", "repaint"]),
    ({"mode": "structure", "installed": [POSES]}, ["takes canny"]),
    ({"control": "depth"}, ["takes depth", GET_CONTROL]),
    ({"mode": "reference", "installed": [DEBLUR, UNION]}, ["Name one in loras; there is deblur."]),
    ({"mode": "reference", "control": "canny"}, ["control goes with mode=structure"]),
    ({"mode": "repaint", "control": "canny"}, ["control goes with mode=structure"]),
    ({"mode": "repaint", "named": [RESTYLE]}, ["restyle is an IC-LoRA", "repaint has none"]),
    ({"mode": "reference", "named": [UNION]}, ["mode=structure; it takes canny, depth, pose"]),
    ({"mode": "structure", "named": [DEBLUR]}, ["deblur is not known as a control LoRA", "mode=reference"]),
    ({"mode": "structure", "named": [POSES], "control": "canny"}, ["poses does not take canny", "It takes pose"]),
    ({"named": [RESTYLE, DEBLUR]}, ["restyle and deblur are IC-LoRAs", "Name one"]),
    ({"named": [TRACKS]}, ["tracks cannot be used here: it needs drawn motion tracks"]),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_done_is_refused_with_what_to_do(arguments: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(BadInput) as refused:
        method(**arguments)
    assert not [word for word in words if word not in str(refused.value)], str(refused.value)


@pytest.mark.parametrize(("strength", "shown"), [(0, 1.0), (0.3, 1.0), (0.6, 1.0), (0.8, 0.5), (0.9, 0.25), (1, 0.0)])
def test_above_the_default_strength_the_reference_fades(strength: float, shown: float) -> None:
    assert shown_strength(strength) == pytest.approx(shown)
    chosen = choose_restyle_method(asked(strength=strength), [Picked(RESTYLE, 1.0)], [], MODEL)
    assert chosen.rework is not None
    assert chosen.rework.strength == pytest.approx(shown)
    assert any("changes nothing here" in note for note in chosen.notes) is (strength < 0.6)


# -- as an agent meets them -------------------------------------------------------------------------------

GREEN = (30, 160, 60)
TONE = (0.3 * np.sin(np.linspace(0, 2000, 96_000)))[None].astype(np.float32)


def a_video(folder: Path, colour: tuple[int, int, int] = GREEN, frames: int = 30, fps: float = 20) -> Path:
    path = folder / "source.mp4"
    with VideoWriter(path, 320, 180, fps, frames, audio=TONE) as writer:
        for index in range(frames):
            frame = np.full((180, 320, 3), colour, np.uint8)
            frame[60:120, 40 + 4 * index : 100 + 4 * index] = (230, 230, 230)
            writer.write(frame)
    return path


def a_lora(folder: Path, name: str, **metadata: str) -> None:
    folder.mkdir(exist_ok=True)
    noise = torch.Generator().manual_seed(7)
    layers = {"transformer.proj_out": (64, 128)}
    tensors = {}
    for layer, (inputs, outputs) in layers.items():
        tensors[f"{layer}.lora_A.weight"] = 0.3 * torch.randn(4, inputs, generator=noise)
        tensors[f"{layer}.lora_B.weight"] = 0.3 * torch.randn(outputs, 4, generator=noise)
    save_file(tensors, folder / f"{name}.safetensors", metadata or None)


class Greys:
    """A twin of the control makers without a model: the picture's own greys."""

    control: Control

    def __init__(self, control: Literal["depth", "pose"], missing: bool = False) -> None:
        self.control = control
        self.missing = missing

    def ready(self) -> None:
        if self.missing:
            raise ModelUnavailable("The model of greys is not here.", "hf download greys")

    def read(self, footage: Footage, width: int, height: int, fps: float, frames: int, check: Check) -> Sequence[Frame]:
        made = []
        for frame in read_video(footage, width, height, fps, frames):
            check()
            made.append(np.repeat(frame.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2))
        return made


CONTROLS: dict[Control, ControlMaker] = {"canny": CannyControl(), "depth": Greys("depth"), "pose": Greys("pose", True)}


def frame_of(clip: dict[str, Any], at_s: float) -> Frame:
    return next(frame for _, frame in read_frames(Path(clip["path"]), [at_s]))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "recipe"),
    [
        ({}, "reference"),
        ({"mode": "structure"}, "structure (canny)"),
        ({"control": "depth"}, "structure (depth)"),
        ({"mode": "repaint"}, "repaint"),
        ({"loras": [{"name": "canny-control-ic-lora", "strength": 0.5}], "quality": "draft"}, "structure (canny)"),
    ],
)
async def test_every_mode_keeps_length_rate_shape_and_sound(
    tmp_path: Path, mode: str, arguments: dict[str, Any], recipe: str
) -> None:
    installed = tmp_path / "loras"
    a_lora(installed, "restyle-ic-lora", reference_downscale_factor="1", trigger_words="ReStYl")
    a_lora(installed, "canny-control-ic-lora", reference_downscale_factor="2")
    a_lora(installed, "depth-control-ic-lora")
    video = a_video(tmp_path)
    async with an_agent(
        tmp_path / "data", mode, roots=[tmp_path], lora_dir=installed, controls=CONTROLS, limit_s=120
    ) as agent:
        ask = {"video": str(video), "prompt": "a red ring in watercolour", **arguments}
        job = data(await agent.call_tool("restyle_video", ask))
        found = data(await agent.call_tool("search_clips", {"query": "watercolour ring", "kind": "restyled"}))
    clip = job["clip"]
    facts = probe(Path(clip["path"]))
    assert (facts.frames, facts.fps, facts.width, facts.height) == (30, 20, 416, 240)
    assert (clip["kind"], clip["recipe"], clip["source"]) == ("restyled", recipe, str(video))
    assert [moment["clip_id"] for moment in found["moments"]] == [clip["clip_id"]]
    kept, source = (read_audio(open_footage(path, "")) for path in (Path(clip["path"]), video))
    assert kept is not None
    assert source is not None
    assert pitch(kept) == pytest.approx(pitch(source), rel=0.02)
    names = [use["name"] for use in clip.get("loras", ())]
    if recipe == "reference":
        assert names == ["restyle-ic-lora"]
        assert job["effective"]["prompt"] == "ReStYl a red ring in watercolour"
        assert any("auto took reference" in note for note in job["effective"]["notes"])
        corner = frame_of(clip, 0.5)[-20:, -20:].mean(axis=(0, 1))
        assert corner[1] > corner[0] + 30, "half of it is the source, which is green"
    if recipe == "structure (canny)":
        shown = job["effective"]["reference"]
        assert (shown["lora"], shown["control"], shown["downscale_factor"]) == ("canny-control-ic-lora", "canny", 2)
        corner = frame_of(clip, 0.5)[-20:, -20:].mean()
        assert corner < 25, "an edge picture is black where nothing is"
    if recipe == "repaint":
        assert not names


def pitch(sound: np.ndarray[Any, Any]) -> float:
    """The strongest frequency in Hz, at 48 kHz."""
    return float(np.abs(np.fft.rfft(sound[0])).argmax() * 48_000 / sound.shape[1])


@pytest.mark.anyio
async def test_a_span_is_shown_to_the_ic_lora_and_nothing_else(tmp_path: Path, mode: str) -> None:
    a_lora(tmp_path / "loras", "restyle-ic-lora")
    async with an_agent(tmp_path / "data", mode, lora_dir=tmp_path / "loras") as agent:
        ask = {"prompt": "a red screen, then a blue screen", "duration_s": 2, "quality": "draft"}
        made = data(await agent.call_tool("generate_video", ask))["clip"]
        span = {"video": f"{made['clip_id']}@1-1.75", "prompt": "a white cross", "mode": "reference"}
        clip = data(await agent.call_tool("restyle_video", span))["clip"]
    assert clip["frames"] == 18
    red, _, blue = frame_of(clip, 0)[5, 5]
    assert blue > red + 40


@pytest.mark.anyio
async def test_a_source_and_a_trigger_are_moderated_before_anything_runs(tmp_path: Path, mode: str) -> None:
    installed = tmp_path / "loras"
    a_lora(installed, "restyle-ic-lora", trigger_words="hardcore porn")
    a_lora(installed, "canny-control-ic-lora")
    gate = Gate(Stage.LOADING)
    magenta, fine = a_video(tmp_path, (255, 0, 255)), tmp_path / "fine"
    fine.mkdir()
    engine = StandInEngine(gate)
    async with an_agent(tmp_path / "data", mode, engine, roots=[tmp_path], lora_dir=installed) as agent:
        ask = {"video": str(magenta), "prompt": "it glows", "mode": "structure"}
        source = await agent.call_tool("restyle_video", ask)
        words = await agent.call_tool("restyle_video", {"video": str(a_video(fine)), "prompt": "it glows"})
    assert (source.is_error, data(source)["status"]) == (True, "refused")
    assert (words.is_error, data(words)["status"]) == (True, "refused"), "auto brings the trigger, and it is gated too"
    assert gate.passes == 0


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "reference"}, [GET_RESTYLE, "LTX_MCP_LORA_DIR", "mode=repaint works without"]),
        ({"mode": "structure"}, [GET_CONTROL, "mode=repaint works without"]),
        ({"control": "sketch"}, ["control", "canny, depth, pose"]),
        ({"mode": "magic"}, ["mode", "auto, reference, structure, repaint"]),
        ({"loras": [{"name": "nobody/nothing"}]}, ["nobody/nothing", "LTX_MCP_"]),
        ({"loras": [{"name": "claymation-stile"}]}, ["claymation-stile", "claymation-style"]),
    ],
)
async def test_what_is_missing_is_said_before_anything_is_queued(
    tmp_path: Path, arguments: dict[str, Any], words: list[str]
) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        result = await agent.call_tool("restyle_video", {"video": str(a_video(tmp_path)), "prompt": "x", **arguments})
    assert result.is_error
    assert not [word for word in words if word not in text(result)], text(result)


@pytest.mark.anyio
async def test_a_signal_that_cannot_be_made_is_refused_before_the_queue(tmp_path: Path) -> None:
    a_lora(tmp_path / "loras", "pose-control-ic-lora")
    gate = Gate(Stage.LOADING)
    engine = StandInEngine(gate)
    async with an_agent(
        tmp_path / "data", engine=engine, roots=[tmp_path], lora_dir=tmp_path / "loras", controls=CONTROLS
    ) as agent:
        ask = {"video": str(a_video(tmp_path)), "prompt": "x", "control": "pose"}
        result = await agent.call_tool("restyle_video", ask)
    assert "hf download greys" in text(result)
    assert gate.passes == 0


@pytest.mark.anyio
async def test_capabilities_say_which_modes_work_and_which_loras_there_are(tmp_path: Path) -> None:
    import json

    installed = tmp_path / "loras"
    a_lora(installed, "canny-control-ic-lora")
    a_lora(installed, "pose-control-ic-lora")
    async with an_agent(tmp_path / "data", lora_dir=installed, controls=CONTROLS) as agent:
        resource = (await agent.read_resource("ltx://capabilities")).contents[0]
        listed = (await agent.read_resource("ltx://loras")).contents[0]
    told = json.loads(resource.text)  # type: ignore[union-attr]
    modes = {offer["mode"]: offer for offer in told["restyle"]}
    assert {mode: offer["works"] for mode, offer in modes.items()} == {
        "reference": False, "structure": True, "repaint": True,
    }  # fmt: skip
    assert "no IC-LoRA for this model is installed" in modes["reference"]["how"]
    assert "canny; pose: The model of greys is not here." in modes["structure"]["how"]
    assert told["loras"] == ["canny-control-ic-lora", "pose-control-ic-lora"]
    named = json.loads(listed.text)  # type: ignore[union-attr]
    assert [card["name"] for card in named["installed"]] == told["loras"]
    known = {each["id"]: each for each in named["known"]}
    assert known["claymation-style"]["trigger"] == "claymation style"
    assert known["union-control"]["megabytes"] == 654
    assert "motion-track-control" not in known, "nothing here can drive it"
