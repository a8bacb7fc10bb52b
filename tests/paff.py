"""H.264 of coded fields (PAFF), which no encoder at hand writes: every field a picture of its own, all plain samples.

As broadcasters write it: a frame is an IDR field and a predicted one. Names are those of ITU-R H.264, 7.3.
"""

from pathlib import Path

from media_kit import ffmpeg

_MACROBLOCKS = 2  # of each field: a frame is 32x32 pixels
_I_PCM, _P_SLICE, _I_SLICE = 25, 5, 7


class _Bits:
    """A payload, bit by bit: u(n) and ue(v) of H.264, 7.2."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, *fields: tuple[int, int]) -> "_Bits":
        """Each a value and its bits."""
        self.text += "".join(f"{value:0{bits}b}" for value, bits in fields)
        return self

    def ue(self, *values: int) -> "_Bits":
        for value in values:
            digits = f"{value + 1:b}"
            self.text += "0" * (len(digits) - 1) + digits
        return self

    def aligned(self) -> "_Bits":
        self.text += "0" * (-len(self.text) % 8)
        return self

    def unit(self, kind: int) -> bytes:
        """The NAL unit, with its stop bit."""
        self.text += "1"
        text = self.aligned().text
        return b"\0\0\0\1" + bytes([kind]) + int(text, 2).to_bytes(len(text) // 8, "big")


def paff(path: Path, frames: int = 25) -> Path:
    """Fields at 50 a second beside a tone; frame n is as light as 30 + 8 n of 255."""
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(_frame(number, 30 + 8 * number) for number in range(frames)))
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-r", 50, "-f", "h264", "-i", raw, "-map", 1, "-map", 0,
           "-c:v", "copy", path)  # fmt: skip
    return path


def _frame(number: int, luma: int) -> bytes:
    # Main profile, level 3; frame_num of 4 bits, order by type 2, one reference; 2x1 map units of coded fields.
    sequence = _Bits().u((77, 8), (0, 8), (30, 8)).ue(0, 0, 2, 1).u((0, 1)).ue(1, 0).u((0, 2), (1, 1), (0, 1))
    # Of the VUI only the time of a field: 1/50 s.
    sequence.u((1, 1), (0, 4), (1, 1), (1, 32), (50, 32), (1, 1), (0, 4))
    # CAVLC, one slice group and reference, no weights; init_qp, init_qs and chroma offset 0; deblocking is said below.
    picture = _Bits().ue(0, 0).u((0, 2)).ue(0, 0, 0).u((0, 3)).ue(0, 0, 0).u((1, 1), (0, 2))
    parts = [_Bits().u((0, 3)).unit(9), sequence.unit(0x67), picture.unit(0x68), _field(number, 0, luma)]
    return b"".join([*parts, _Bits().u((1, 3)).unit(9), _field(number, 1, luma)])


def _field(number: int, bottom: int, luma: int) -> bytes:
    bits = _Bits().ue(0, _P_SLICE if bottom else _I_SLICE, 0).u((0, 4), (1, 1), (bottom, 1))
    if bottom:
        bits.u((0, 3))  # no override and no change of references, no marking
    else:
        bits.ue(number % 2).u((0, 2))  # idr_pic_id; no marking
    bits.ue(0, 1)  # slice_qp_delta; no deblocking
    for _ in range(_MACROBLOCKS):
        if bottom:
            bits.ue(0)  # mb_skip_run
        bits.ue(_I_PCM + (5 if bottom else 0)).aligned().u(*[(luma, 8)] * 256, *[(128, 8)] * 128)
    return bits.unit(0x61 if bottom else 0x65)
