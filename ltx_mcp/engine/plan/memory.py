"""What fits where: memory policies as data, chosen by the size of the device, applied with diffusers' own tools.

Nothing here imports torch until a policy is applied, so a card can be shown before anything is loaded.
"""

import ctypes
import os
import re
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ltx_mcp.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

GIB = 2**30
GB = 10**9


class Offload(StrEnum):
    """Where weights wait: on the device, a whole model at a time in host memory, or a few layers at a time."""

    NONE = "none"
    MODEL = "model"
    GROUP = "group"


@dataclass(frozen=True)
class MemoryPolicy:
    """How a model is laid out. Bytes are what it needs at least; `max_pixel_frames` is made width x height x frames.

    That counts what one pass works on at once: of a frame in tiles one tile, and a share of the whole (layout.py).
    `conditioned_load` is by what a pixel-frame takes more where tokens have timesteps of their own, `source_load` what
    a source video beside adds. Both are calculated, not measured. `decode_load` is what each made pixel takes while the
    video is decoded, in pixel-frames of a pass; 0 where the transformer has left the device by then, or is so large
    that its passes take more.
    """

    name: str
    device_bytes: int
    host_bytes: int
    offload: Offload
    eight_bit: bool  # transformer and text encoder stored as float8, computed in the model's dtype
    max_pixel_frames: int
    conditioned_load: float = 2.0
    source_load: float = 0.0  # where main memory holds it, and the device does not
    decode_load: float = 0.0


POLICIES = (
    MemoryPolicy("resident", 90 * GB, 48 * GB, Offload.NONE, False, 1920 * 1088 * 481),
    MemoryPolicy("offload", 76 * GB, 80 * GB, Offload.MODEL, False, 3840 * 2176 * 121),
    MemoryPolicy("offload-48", 45 * GB, 80 * GB, Offload.MODEL, False, 1920 * 1088 * 241),
    MemoryPolicy("offload-8bit", 30 * GB, 80 * GB, Offload.MODEL, True, 1920 * 1088 * 121),
    MemoryPolicy("stream-8bit", 22 * GB, 80 * GB, Offload.GROUP, True, 1280 * 768 * 121),
    MemoryPolicy("stream-8bit-16", 15 * GB, 80 * GB, Offload.GROUP, True, 1024 * 576 * 121),
)
"""For LTX-2.3 (71 GB of bfloat16 weights, 38 of them the transformer), largest first.

Calculated from the component sizes and from published tables of Lightricks' own tools; not measured by us. The
largest sizes are 1080p for 20, 10 and 5 s, 4K for 5 s, 720p and 540p for 5 s. Host memory holds the weights once
while they load. Below 15 GB of device memory Lightricks' own desktop app declines as well.

`conditioned_load`: with a timestep for each token the modulation is 9 vectors of 4,096 for each, held once and once
more with a block's own added: 147 KB a token in bfloat16, 2.4 GB twice at 1080p for 5 s. What the largest sizes leave
for all else comes to as much: (90 - 71) GB over 1080p for 20 s are 155 KB a token."""

POLICY_WEIGHTS_BYTES = 71 * GB
_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:[0-9]{1,2})?")
TRANSCRIBER_BYTES = (
    3 * GB
)  # calculated: whisper-large-v3-turbo takes 1.6 in float16, a window's features and caches 0.3
EMBEDDER_BYTES = 3 * GB  # calculated: PE-Core-L-14-336 takes 1.34 in bfloat16, 32 frames in its widest layers 0.3
SMALL_MODEL_BYTES = GIB  # a model below this is simply resident
SMALL_BYTES_PER_PIXEL_FRAME = 16
"""Of the micro model at its peak, process memory measured on a CPU: 9 at 240p for 20 s, 13 at 540p for 5 s, 27 at
1080p for 2 s (long clips cost less, as only two tiles are held). LTX-2.3's activations are some eight times wider."""

SMALL_DECODE_LOAD = 25 * 12 / SMALL_BYTES_PER_PIXEL_FRAME
"""In float32: 17 frames at a time of a large video, and the 8 before that are blended (decode.py: CPU_WINDOWS). This
is 2.5 GB at 2160p, where the server was measured at 4.2 GiB, 1.2 of them before it (docs/performance.md)."""

SMALL_CONDITIONED_LOAD = 1.15  # 18 vectors of 64 to 256 floats a token of 8,192 pixel-frames: up to 2.3 bytes each
SOURCE_BYTES_PER_PIXEL_FRAME = 3


@dataclass(frozen=True)
class Machine:
    """What this machine has, in bytes. `cuda_bytes` is the first visible CUDA device's memory, None without one."""

    ram_bytes: int
    cuda_bytes: int | None = None


def probe_machine() -> Machine:
    """Ask the system and the CUDA driver. Takes milliseconds; needs neither torch nor nvidia-smi."""
    return Machine(ram_bytes=_ram_bytes(), cuda_bytes=_cuda_bytes())


def _ram_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 8 * GB


def _cuda_bytes() -> int | None:
    # The driver's own API, so that CUDA_VISIBLE_DEVICES counts.
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return None
    device, size = ctypes.c_int(), ctypes.c_size_t()
    ready = driver.cuInit(0) == 0 and driver.cuDeviceGet(ctypes.byref(device), 0) == 0
    if not ready or driver.cuDeviceTotalMem_v2(ctypes.byref(size), device) != 0:
        return None
    return size.value


def resolve_device(device: str, machine: Machine) -> str:
    """`auto` is cuda where there is one, else the CPU. Raises ModelUnavailable for what names no device here."""
    if device != "auto":
        if not _DEVICE.fullmatch(device):
            raise ModelUnavailable(
                f"LTX_MCP_DEVICE={device} names no device.", "It is auto, cpu, cuda, or one of several as cuda:1."
            )
        if device.startswith("cuda") and machine.cuda_bytes is None:
            raise ModelUnavailable(
                f"LTX_MCP_DEVICE={device}, and there is no CUDA device here.", "Set it to auto or cpu."
            )
        return device
    return "cpu" if machine.cuda_bytes is None else "cuda"


def pick(device: str, machine: Machine, weights_bytes: int, name: str = "auto") -> MemoryPolicy:
    """The policy for a model of this size on this device ("cpu", "cuda", ...), or the one asked for by name.

    Raises ModelUnavailable where nothing fits, or no policy has that name.
    """
    if name != "auto":
        _named(name)  # a name that does not exist is an error everywhere
    if weights_bytes < SMALL_MODEL_BYTES or not device.startswith("cuda"):
        return whole(_device_bytes(device, machine), weights_bytes)
    if name != "auto":
        return _named(name)
    device_bytes = _device_bytes(device, machine)
    more = max(0, weights_bytes - POLICY_WEIGHTS_BYTES)  # a distilled LoRA, mostly
    for policy in POLICIES:
        on_device = 0 if policy.offload is Offload.GROUP else more
        if policy.device_bytes + on_device <= device_bytes and policy.host_bytes + more <= machine.ram_bytes:
            return policy
    smallest = POLICIES[-1]
    raise ModelUnavailable(
        f"The model needs {smallest.device_bytes / GB:.0f} GB of device memory and {smallest.host_bytes / GB:.0f} GB"
        f" of main memory at least; here are {device_bytes / GB:.0f} and {machine.ram_bytes / GB:.0f}.",
        "Set LTX_MCP_MODEL=micro, or name a policy in LTX_MCP_MEMORY to try all the same.",
    )


def leaner(policy: MemoryPolicy, machine: Machine) -> MemoryPolicy | None:
    """The next policy that takes less of the device's memory, and that main memory has room for; None after the last.

    Never from sixteen to eight bits: the same seed would give another clip, and LoRAs would be refused.
    """
    if policy not in POLICIES:  # the whole model in one memory: nothing can be offloaded
        return None
    rest = POLICIES[POLICIES.index(policy) + 1 :]
    fitting = (each for each in rest if each.eight_bit == policy.eight_bit and each.host_bytes <= machine.ram_bytes)
    return next(fitting, None)


def room_beside(device: str, machine: Machine, weights_bytes: int, name: str = "auto") -> int:
    """Bytes of the device's memory that a model of this size leaves to others, under the policy that it would get."""
    if weights_bytes < SMALL_MODEL_BYTES:
        return _device_bytes(device, machine) // 2
    try:
        return _device_bytes(device, machine) - pick(device, machine, weights_bytes, name).device_bytes
    except ModelUnavailable:
        return 0


def whole(device_bytes: int, weights_bytes: int) -> MemoryPolicy:
    """Everything in one memory: the micro model anywhere, and any model on a CPU.

    Half of what the weights leave goes to activations; the rest is the system's, the encoder's and the index's.
    """
    room = (device_bytes - weights_bytes) // 2
    if room <= 0:
        raise ModelUnavailable(
            f"The model's weights take {weights_bytes / GB:.0f} GB and the device has {device_bytes / GB:.0f}.",
            "Set LTX_MCP_MODEL=micro.",
        )
    small = weights_bytes < SMALL_MODEL_BYTES
    per_pixel_frame = SMALL_BYTES_PER_PIXEL_FRAME * (1 if small else 8)
    conditioned = SMALL_CONDITIONED_LOAD if small else MemoryPolicy.conditioned_load
    beside = SOURCE_BYTES_PER_PIXEL_FRAME / per_pixel_frame
    decoding = SMALL_DECODE_LOAD if small else 0.0
    most = room // per_pixel_frame
    return MemoryPolicy("whole", weights_bytes, 0, Offload.NONE, False, most, conditioned, beside, decoding)


def _device_bytes(device: str, machine: Machine) -> int:
    return machine.cuda_bytes or 0 if device.startswith("cuda") else machine.ram_bytes


def _named(name: str) -> MemoryPolicy:
    known = {policy.name: policy for policy in POLICIES}
    if name not in known:
        raise ModelUnavailable(
            f"There is no memory policy {name!r}.", f"LTX_MCP_MEMORY is auto or one of: {', '.join(known)}."
        )
    return known[name]


def place(pipeline: Any, policy: MemoryPolicy, device: "torch.device") -> None:
    """Lay a loaded pipeline out as the policy says."""
    if policy.eight_bit:
        _store_in_eight_bits(pipeline)
    if policy.offload is Offload.MODEL:
        pipeline.enable_model_cpu_offload(device=device)
    elif policy.offload is Offload.GROUP:
        _stream_layers(pipeline, device)
    else:
        pipeline.to(device)


def _store_in_eight_bits(pipeline: Any) -> None:
    import torch
    from diffusers.hooks import apply_layerwise_casting

    for model in (pipeline.transformer, pipeline.text_encoder):
        apply_layerwise_casting(
            model,
            storage_dtype=torch.float8_e4m3fn,
            compute_dtype=model.dtype,
            # lm_head is the embedding; the layers of a LoRA that lies around others would fail in eight bits
            skip_modules_pattern=("norm", "embed", "lm_head", "lora", "^proj_in$", "^proj_out$"),
        )


def _stream_layers(pipeline: Any, device: "torch.device") -> None:
    from diffusers.hooks import apply_group_offloading

    streamed = ("text_encoder", "connectors", "transformer")
    for name in streamed:
        apply_group_offloading(
            getattr(pipeline, name), onload_device=device, offload_type="leaf_level", use_stream=device.type == "cuda"
        )
    for name in ("vae", "audio_vae", "vocoder"):
        getattr(pipeline, name).to(device)
