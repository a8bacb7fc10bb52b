"""What the demo brings itself: a drawn evening landscape and a quiet chord, so that it needs no file of anyone's."""

import wave
from pathlib import Path

import numpy as np

WIDTH, HEIGHT = 1280, 720
RATE = 48_000  # Hz
TONE_S = 4.0
_CHORD_HZ = (220.0, 277.18, 329.63)  # A major
_SKY = ((28, 34, 74), (244, 150, 96))  # top, horizon
_HILLS = ((0.62, 60, 2.1, (58, 52, 92)), (0.72, 46, 3.3, (38, 36, 66)), (0.83, 34, 4.7, (20, 22, 44)))
_SUN = (900, 400, 62, (255, 214, 150))  # x, y, radius in pixels


def draw_evening(path: Path) -> Path:
    """A PNG of 1280x720: a sun over three rows of hills."""
    from PIL import Image

    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    top, horizon = (np.array(colour, dtype=np.float32) for colour in _SKY)
    image = top + (horizon - top) * (y / HEIGHT * 1.25).clip(0, 1)[..., None]
    sun_x, sun_y, radius, colour = _SUN
    distance = np.hypot(x - sun_x, y - sun_y)
    glow = np.exp(-(((distance - radius).clip(0) / 150) ** 1.2))[..., None]
    image += (np.array(colour, dtype=np.float32) - image) * glow
    for height, rise, waves, shade in _HILLS:
        ridge = HEIGHT * height + rise * np.sin(x / WIDTH * np.pi * waves + waves)
        image[y > ridge] = shade
    Image.fromarray(image.round().astype(np.uint8)).save(path)
    return path


def write_tone(path: Path) -> Path:
    """A WAV of four seconds, 16-bit stereo at 48 kHz: a chord that swells and fades, so that it loops softly."""
    seconds = np.arange(round(TONE_S * RATE)) / RATE
    chord = np.sum([np.sin(2 * np.pi * pitch * seconds) for pitch in _CHORD_HZ], axis=0) / len(_CHORD_HZ)
    samples = 0.4 * chord * np.sin(np.pi * seconds / TONE_S)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.repeat(samples[:, None], 2, axis=1) * 32_767).astype("<i2").tobytes())
    return path
