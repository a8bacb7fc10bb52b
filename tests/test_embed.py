"""One contract for every embedder, and what OpenClipEmbedder does about weights that are not there."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import ltx_mcp.micro
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.index.background import uninformative_frames
from ltx_mcp.index.embed import Embedder, OpenClipEmbedder, embed_query, pieces
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.types.frames import Frame

SHAPES_CLIP = Path(ltx_mcp.micro.__file__).parent / "shapes_clip"
EMBEDDERS: list[Callable[[], Embedder]] = [OpenClipEmbedder, ColourEmbedder]


@pytest.fixture(scope="module", params=EMBEDDERS, ids=lambda make: make.__name__)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    made: Embedder = request.param()
    return made


def plain(red: int, green: int, blue: int, height: int = 48, width: int = 80) -> Frame:
    return np.full((height, width, 3), (red, green, blue), dtype=np.uint8)


def test_vectors_are_float32_of_unit_length_one_for_each_input(embedder: Embedder) -> None:
    frames = embedder.embed_frames([plain(220, 40, 40), plain(40, 80, 220, 100, 33)])
    texts = embedder.embed_texts(["a red square", "blue", ""])
    assert frames.shape == (2, embedder.dim)
    assert texts.shape == (3, embedder.dim)
    assert frames.dtype == texts.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(np.concatenate([frames, texts]), axis=1), 1, atol=1e-5)


def test_nothing_in_gives_nothing_out(embedder: Embedder) -> None:
    assert embedder.embed_frames([]).shape == (0, embedder.dim)
    assert embedder.embed_texts([]).shape == (0, embedder.dim)


def test_the_same_input_gives_the_same_vector_in_any_batch(embedder: Embedder) -> None:
    frames = [plain(20 * shade, 90, 200) for shade in range(12)] * 3
    together = embedder.embed_frames(frames)
    alone = np.concatenate([embedder.embed_frames([frame]) for frame in frames])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_the_model_id_names_model_weights_and_their_hash(embedder: Embedder) -> None:
    name, _, rest = embedder.model_id.partition("/")
    pretrained, _, digest = rest.partition("@")
    assert name
    assert pretrained
    assert len(digest) == 8
    assert int(digest, 16)


def test_the_right_colour_stands_above_the_background_and_the_wrong_one_below(embedder: Embedder) -> None:
    drawing = plain(40, 80, 220, 96, 96)
    drawing[28:68, 28:68] = (220, 40, 40)
    background, frame = embedder.background(), embedder.embed_frames([drawing])
    right, wrong = (
        background.text_scores(frame, embed_query(embedder, text))[0] for text in ("a red on blue", "a green on yellow")
    )
    assert right > 0.5
    assert wrong < 0


def test_pure_noise_never_reaches_the_line_of_the_background(embedder: Embedder) -> None:
    rng = np.random.default_rng(3)
    noise = embedder.embed_frames([rng.integers(0, 256, (240, 416, 3), dtype=np.uint8) for _ in range(20)])
    background = embedder.background()
    for text in ("a red", "a white", "a green on blue"):
        assert background.text_scores(noise, embed_query(embedder, text)).max() < background.vote_z


def test_an_image_is_far_above_the_line_for_itself(embedder: Embedder) -> None:
    background, frames = embedder.background(), embedder.embed_frames([plain(220, 40, 40), plain(40, 180, 60)])
    scores = background.image_scores(frames, frames[0])
    assert scores[0] > background.vote_z > scores[1]


def test_a_text_is_understood_only_when_every_word_was_taught(embedder: Embedder) -> None:
    assert embedder.understands("A red, and blue!")
    assert not embedder.understands("a red lighthouse")


def test_a_very_long_text_has_a_vector_too(embedder: Embedder) -> None:
    vector = embed_query(embedder, "a red circle, " * 1500)
    assert np.isfinite(vector).all()
    assert vector.shape == (embedder.dim,)


def test_threads_may_load_and_use_one_embedder_at_once() -> None:
    embedder = OpenClipEmbedder()
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(embedder.embed_texts(["a red ring"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(found) == 4
    assert all(np.array_equal(vectors, found[0]) for vectors in found)


def test_a_device_that_cannot_be_used_is_replaced_by_the_cpu(caplog: pytest.LogCaptureFixture) -> None:
    embedder = OpenClipEmbedder(device=lambda: "cuda:99")
    assert embedder.device == "cuda:99"
    np.testing.assert_array_equal(embedder.embed_texts(["a red ring"]), OpenClipEmbedder().embed_texts(["a red ring"]))
    assert embedder.device == "cpu"
    assert "leaves cuda:99 for the CPU" in caplog.text


def test_naming_the_embedded_model_loads_no_torch() -> None:
    code = (
        "import sys; from ltx_mcp.index.embed import OpenClipEmbedder as E; e = E(); e.model_id; "
        "e.understands('red'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_the_embedded_checkpoint_tells_its_eleven_colours_and_seven_shapes_apart() -> None:
    embedder = OpenClipEmbedder()
    domain = json.loads((SHAPES_CLIP / "world.json").read_text())
    names = [f"a {colour} {shape}" for colour in domain["slots"]["colour"] for shape in domain["slots"]["shape"]]
    texts = embedder.embed_texts(names)
    assert len(set(np.argmax(texts @ texts.T, axis=1))) == 77
    assert np.triu(texts @ texts.T, k=1).max() < 0.98


def test_a_folder_of_ones_own_is_taken_like_the_embedded_one(tmp_path: Path) -> None:
    copy = tmp_path / "my clip"
    shutil.copytree(SHAPES_CLIP, copy)
    (copy / "world.json").unlink()
    mine, embedded = OpenClipEmbedder(str(copy)), OpenClipEmbedder("embedded")
    np.testing.assert_array_equal(mine.embed_texts(["a red ring"]), embedded.embed_texts(["a red ring"]))
    assert mine.model_id.startswith("my clip/local-dir@")
    assert mine.understands("a lighthouse")


def without(name: str, folder: Path) -> str:
    shutil.copytree(SHAPES_CLIP, folder)
    (folder / name).unlink()
    return str(folder)


def with_text(name: str, text: str, folder: Path) -> str:
    shutil.copytree(SHAPES_CLIP, folder)
    (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: without("open_clip_model.safetensors", folder), "has no open_clip_model.safetensors"),
        (lambda folder: without("open_clip_config.json", folder), "has no open_clip_config.json"),
        (lambda folder: with_text("open_clip_model.safetensors", "not weights", folder), "could not be loaded"),
        (lambda folder: with_text("open_clip_config.json", "{", folder), "could not be loaded"),
        (lambda folder: with_text("world.json", "[]", folder), "world.json cannot be read"),
        (lambda folder: "ViT-B-32", "does not name both a model and its weights"),
        (lambda folder: "ViT-B-32/no_such_tag", "is not known"),
        (lambda folder: "NoSuchModel/laion2b", "is not known"),
        (lambda folder: f"ViT-B-32/{SHAPES_CLIP / 'open_clip_model.safetensors'}", "could not be loaded"),
        (lambda folder: str(SHAPES_CLIP / "README.md"), "does not name both a model and its weights"),
    ],
)
def test_weights_that_cannot_be_used_are_refused_with_a_remedy(
    make: Callable[[Path], str], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnavailable, match=complaint) as refusal:
        OpenClipEmbedder(make(tmp_path / "clip")).load()
    assert refusal.value.hint


def test_long_texts_are_cut_at_clauses() -> None:
    assert pieces("a red ring, a blue star. then nothing", 4) == ["a red ring,", "a blue star.", "then nothing"]
    assert pieces("one two three four five", 4) == ["one two three four", "five"]
    assert pieces("", 4) == [""]


def test_the_frames_of_the_background_are_the_same_everywhere() -> None:
    frames = uninformative_frames()
    assert len(frames) == 24
    assert {frame.shape for frame in frames} == {(64, 64, 3)}
    assert all(np.array_equal(one, two) for one, two in zip(frames, uninformative_frames(), strict=True))
