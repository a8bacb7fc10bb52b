"""Narrators for tests, among them Kokoro's real loading code on a tiny model with Kokoro's inputs and outputs."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ltx_mcp.narration.base import Narrator
from ltx_mcp.narration.hibari import HibariNarrator
from ltx_mcp.narration.kokoro import VOICES, KokoroNarrator
from ltx_mcp.narration.stand_in import ToneNarrator

TOKEN_SAMPLES = 1200  # of the tiny model's audio for each token
KOKORO_VOICES = ("af_heart", "bm_george", "if_sara")


def tiny_kokoro(folder: Path) -> Path:
    """A folder in the layout of Kokoro's repository. Its model hums: louder for the second voice."""
    (folder / "onnx").mkdir(parents=True)
    (folder / "voices").mkdir()
    onnx.save(_humming(), folder / "onnx" / "model.onnx")
    for place, name in enumerate(KOKORO_VOICES):
        assert name in {voice.name for voice in VOICES}
        np.full((510, 1, 256), 0.1 * (place + 1), "<f4").tofile(folder / "voices" / f"{name}.bin")
    return folder


def _humming() -> onnx.ModelProto:
    """waveform[t] = mean(style) * sin(t / 10) / speed, `TOKEN_SAMPLES` for each token."""
    constants = {"zero": np.int64(0), "one": np.int64(1), "samples": np.int64(TOKEN_SAMPLES), "tenth": np.float32(0.1)}
    nodes = [
        helper.make_node("Size", ["input_ids"], ["tokens"]),
        helper.make_node("Mul", ["tokens", "samples"], ["length"]),
        helper.make_node("Range", ["zero", "length", "one"], ["index"]),
        helper.make_node("Cast", ["index"], ["time"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["time", "tenth"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("ReduceMean", ["style"], ["loudness"], keepdims=0),
        helper.make_node("Div", ["loudness", "speed"], ["amplitude"]),
        helper.make_node("Mul", ["wave", "amplitude"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["waveform"]),
    ]
    initial = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    initial.append(onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "shape"))
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "length_of_text"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, [1, None])]
    graph = helper.make_graph(nodes, "humming", inputs, outputs, initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def narrators(folder: Path) -> dict[str, Narrator]:
    return {
        "stand-in": ToneNarrator(),
        "hibari": HibariNarrator(),
        "kokoro": KokoroNarrator(str(tiny_kokoro(folder))),
    }


def level_db(samples: NDArray[np.float32]) -> float:
    """RMS in dBFS; -200 for digital silence."""
    return float(20 * np.log10(max(1e-10, np.sqrt(np.mean(np.asarray(samples, np.float64) ** 2)))))
