"""Whether an error has made the device useless to this process: whatever is asked of it then raises the same error.

CUDA calls such errors sticky: "any further CUDA work will return the same error. To continue using CUDA, the process
must be terminated and relaunched" (driver_types.h of CUDA 13.2, by the codes below), and until then the process keeps
the memory that it has there.
"""

import re

# Codes of cudaError_t with what cudaGetErrorString says of them, which torch's message repeats. All but three have the
# quoted words in driver_types.h; ECC, NVLink and a destroyed context are errors of the same kind by their description.
_STICKY = {
    214: "uncorrectable ECC error",
    220: "uncorrectable NVLink error",
    226: "hardware error",
    700: "illegal memory access",
    702: "launch timed out",
    709: "context is destroyed",
    710: "device-side assert",
    714: "hardware stack error",
    715: "illegal instruction",
    716: "misaligned address",
    717: "operation not supported on global/shared address space",
    718: "invalid program counter",
    719: "unspecified launch failure",
    721: "tensor memory not completely freed",
}
_SAID = re.compile(rf"\b(CUDA|HIP) error: .*({'|'.join(map(re.escape, _STICKY.values()))})")


def loses_device(error: BaseException) -> bool:
    """Whether this error, or one that it came from, is sticky. Loads no torch: who raised it has."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if _is_sticky(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _is_sticky(error: BaseException) -> bool:
    """torch.AcceleratorError has the code as `error_code`; torch before 2.8 raised RuntimeError, which has the text."""
    if not isinstance(error, RuntimeError):
        return False
    return getattr(error, "error_code", None) in _STICKY or _SAID.search(str(error)) is not None
