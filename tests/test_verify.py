"""Verifying: a file is known by its bytes, by its manifest, and, where both are lost, by how it looks."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import SHORT, an_agent, data
from c2pa import Reader
from mcp import Client, MCPError
from media_kit import ffmpeg, film, photo
from PIL import Image

from ltx_mcp.engine.base import NO_MATERIALS, Materials, Rendering, Watch
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.preparation.origins import marked_origin
from ltx_mcp.provenance.fingerprint import FINGERPRINT, Fingerprint, fingerprint_of, read, text_of
from ltx_mcp.provenance.frame_hash import distances, hash_frame
from ltx_mcp.provenance.matching import match
from ltx_mcp.provenance.stand_in import Unsigned
from ltx_mcp.types.clips import COMPOSITE, MODEL_MADE
from ltx_mcp.types.plans import Plan
from ltx_mcp.watermark.base import FoundMark

PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png")


async def verified(agent: Client, file: Path | str) -> dict[str, Any]:
    [content] = (await agent.read_resource(f"ltx://verify/{file}")).contents
    found: dict[str, Any] = json.loads(content.text)  # type: ignore[union-attr]
    return found


def how(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["clip_id"], each["how"]) for each in found["clips"]]


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_file_of_this_archive_is_known_in_every_state_that_it_comes_back_in(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    ffmpeg("-i", film("bikes.mp4"), "-t", 2, "-vf", "scale=320:-2", tmp_path / "bikes.mp4")
    ffmpeg("-ss", 6.2, "-i", film("bikes.mp4"), "-t", 2, "-vf", "scale=320:-2", tmp_path / "unknown.mp4")
    async with an_agent(tmp_path / "data", roots=[tmp_path], watermark=True) as agent:
        words = {"prompt": "a red circle", **SHORT, "duration_s": 2}
        clip = data(await agent.call_tool("generate_video", words))["clip"]
        footage = data(await agent.call_tool("import_video", {"video": str(tmp_path / "bikes.mp4")}))["clip"]
        shots = [{"source": footage["clip_id"], "duration_s": 1.0}, {"source": clip["clip_id"], "duration_s": 1.0}]
        joined = data(await agent.call_tool("edit_video", {"shots": shots, "resolution": "240p", "fps": 12}))["clip"]
        exported = data(
            await agent.call_tool("export_clip", {"clip": clip["clip_id"], "folder": str(tmp_path), "format": "webm"})
        )["file"]["path"]
        small = ("-map_metadata", -1, "-vf", "scale=iw/2:-2", "-crf", 28, "-an")
        cropped = ("-map_metadata", -1, "-vf", "crop=trunc(iw*.45)*2:trunc(ih*.45)*2", "-crf", 28)
        copies = {"clip-small.mp4": (clip, small), "small.mp4": (footage, small), "cropped.mp4": (footage, cropped)}
        for name, (made, options) in copies.items():
            ffmpeg("-i", made["path"], *options, tmp_path / name)
        (tmp_path / "renamed.mp4").write_bytes(Path(joined["path"]).read_bytes())
        (tmp_path / "tagged.mp4").write_bytes(Path(joined["path"]).read_bytes() + b"\0\0\0\x08free")
        expected = [
            (clip["clip_id"], clip["clip_id"], "the same file"),
            ("renamed.mp4", joined["clip_id"], "the same file"),
            ("tagged.mp4", joined["clip_id"], "made from it, by its manifest"),
            (Path(exported).name, clip["clip_id"], "an export of it"),
            ("clip-small.mp4", clip["clip_id"], "made from it, by its watermark"),
            ("small.mp4", footage["clip_id"], "looks the same"),
            ("cropped.mp4", footage["clip_id"], "looks the same"),
        ]
        for file, known, by in expected:
            with subtests.test(file):
                found = await verified(agent, file if file == known else tmp_path / file)
                assert how(found)[0] == (known, by), found["answer"]
        joined_found = await verified(agent, tmp_path / "renamed.mp4")
        unknown = await verified(agent, tmp_path / "unknown.mp4")
        (tmp_path / "outside").mkdir()
        with pytest.raises(MCPError, match="not inside an allowed folder"):
            await verified(agent, "/etc/hostname")
        with pytest.raises(MCPError, match="belongs to the archive"):
            await verified(agent, tmp_path / "data" / "provenance" / "signer.pem")
    assert joined_found["clips"][0]["made_from"] == [footage["clip_id"], clip["clip_id"]]
    assert (joined_found["manifest"]["state"], joined_found["manifest"]["ours"]) == ("valid", True)
    assert (unknown["clips"], unknown["manifest"]["state"]) == ([], "none")
    assert "No clip of this archive is like it." in unknown["answer"]


@pytest.mark.anyio
async def test_an_export_without_frames_is_known_where_nothing_is_signed(tmp_path: Path) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path], signer=Unsigned()) as agent:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
        wanted = {"clip": clip["clip_id"], "folder": str(tmp_path), "format": "wav"}
        file = data(await agent.call_tool("export_clip", wanted))["file"]["path"]
        assert how(await verified(agent, file)) == [(clip["clip_id"], "an export of it")]


@pytest.mark.anyio
async def test_a_copy_is_known_by_its_look_though_the_clips_fingerprint_was_lost(tmp_path: Path) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", "seed": 1, **SHORT}))["clip"]
        kept = Path(clip["path"]).with_name(FINGERPRINT)
        first = read(kept.read_text())
        kept.write_text("damaged")
        ffmpeg("-i", clip["path"], "-map_metadata", -1, "-crf", 30, tmp_path / "copy.mp4")
        assert how(await verified(agent, tmp_path / "copy.mp4")) == [(clip["clip_id"], "looks the same")]
    again = read(kept.read_text())
    assert np.allclose(first.times_s, again.times_s)
    assert distances(first.hashes, again.hashes).max() <= 14, (
        "made of the encoded frames, which match tells from others by no more bits"
    )


def test_a_hash_survives_scaling_and_compression_and_tells_photographs_apart() -> None:
    frames = [np.array(Image.open(photo(name)).convert("RGB")) for name in PHOTOS]
    hashes = [hash_frame(frame) for frame in frames]
    for frame, own in zip(frames, hashes, strict=True):
        squeezed = BytesIO()
        Image.fromarray(frame).resize((200, 150)).save(squeezed, "JPEG", quality=30)
        assert distances(hash_frame(np.array(Image.open(squeezed))), own).max() <= 8
        others = [distances(other, own).min() for other in hashes if other is not own]
        assert min(others) > 16
    grey = np.full((48, 64, 3), 120, dtype=np.uint8)
    assert distances(hash_frame(grey), hash_frame(grey)).min() == 64, "what shows nothing is like nothing"


def test_a_fingerprint_is_aligned_in_time_and_its_text_is_its_own() -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 255, (6, 8, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(9)]
    made = fingerprint_of(np.arange(9) / 2, frames)
    kept = read(text_of(made))
    assert np.array_equal(kept.hashes, made.hashes)
    assert np.allclose(kept.times_s, made.times_s)
    film = np.concatenate([rng.integers(1, 2**63, 24).astype(np.uint64), made.hashes[2:, 0].repeat(4)])
    found = match(made, np.arange(len(film)) / 8, film)
    assert found is not None
    assert found.share == pytest.approx(7 / 9), "of those that would lie in the film"
    assert [time_s for time_s, _ in found.pairs] == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    unlike = Fingerprint(made.times_s, rng.integers(1, 2**63, made.hashes.shape).astype(np.uint64))
    assert match(unlike, np.arange(len(film)) / 8, film) is None
    for broken in ("", "[]", '{"method": "other"}', text_of(made).replace("0.5,", "")):
        with pytest.raises(ValueError, match=r".*"):
            read(broken)


@pytest.mark.anyio
async def test_a_copy_that_lost_its_manifest_keeps_its_mark_where_it_is_surely_one(tmp_path: Path) -> None:
    for name, start_s in (("footage", 0), ("other", 6.2)):
        ffmpeg("-ss", start_s, "-i", film("bikes.mp4"), "-t", 2, "-vf", "scale=320:-2", tmp_path / f"{name}.mp4")
    lossy = ("-map_metadata", -1, "-crf", 30, "-an")
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=120) as agent:

        async def taken(name: str) -> dict[str, Any]:
            made = data(await agent.call_tool("import_video", {"video": str(tmp_path / name), "copy_file": True}))
            return dict(made["clip"], notes=" ".join(made["effective"].get("notes", ())))

        words = {"prompt": "a red circle, then a blue square", "seed": 3, **SHORT, "duration_s": 2, "fps": 24}
        made = data(await agent.call_tool("generate_video", words))["clip"]
        shots = [{"source": str(tmp_path / "footage.mp4")}, {"source": made["clip_id"]}]
        joined = data(await agent.call_tool("edit_video", {"shots": shots, "resolution": "240p"}))["clip"]
        for clip, name in ((made, "made-copy.mp4"), (joined, "joined-copy.mp4")):
            ffmpeg("-i", clip["path"], *lossy, tmp_path / name)
        ffmpeg("-i", joined["path"], *lossy, "-t", 2, tmp_path / "half.mp4")
        copies = {name: await taken(name) for name in ("half.mp4", "made-copy.mp4", "joined-copy.mp4")}
        unknown = await taken("other.mp4")
    types = {name: copy["provenance"].get("digital_source_type") or "" for name, copy in copies.items()}
    kinds = {name: each.rpartition("/")[2] for name, each in types.items()}
    assert kinds == {
        "made-copy.mp4": "trainedAlgorithmicMedia",
        "joined-copy.mp4": "compositeWithTrainedAlgorithmicMedia",
        "half.mp4": "",
    }
    assert f"matches {made['clip_id']}" in copies["made-copy.mp4"]["notes"]
    assert f"possibly a copy of {joined['clip_id']}" in copies["half.mp4"]["notes"], "its half that is not ours"
    assert "copy of" not in unknown["notes"] + (unknown["provenance"].get("digital_source_type") or "")


class NoisyEngine(StandInEngine):
    """Its clips sound like rain."""

    def render(self, plan: Plan, watch: Watch, materials: Materials = NO_MATERIALS) -> Rendering:
        rain = np.random.default_rng(plan.seed).normal(0, 0.1, (2, round(plan.duration_s * 24_000)))
        return replace(super().render(plan, watch, materials), audio=rain.astype(np.float32), sample_rate=24_000)


@pytest.mark.slow
@pytest.mark.anyio
async def test_audio_is_led_back_to_its_clip_by_its_mark_also_without_frames(tmp_path: Path) -> None:
    words = {**SHORT, "prompt": "rain", "duration_s": 6}
    ffmpeg("-f", "lavfi", "-i", "sine=d=6", tmp_path / "sine.mp3")
    async with an_agent(
        tmp_path / "data", engine=NoisyEngine(), roots=[tmp_path], limit_s=180, watermark=True
    ) as agent:
        clip = data(await agent.call_tool("generate_video", words))["clip"]
        longer = data(await agent.call_tool("generate_video", {**words, "extend": clip["clip_id"], "seed": 2}))["clip"]
        for made, name in ((clip, "rain.mp3"), (longer, "longer.mp3")):
            ffmpeg("-i", made["path"], "-vn", "-map_metadata", -1, "-b:a", "128k", tmp_path / name)
        alone = await verified(agent, tmp_path / "rain.mp3")
        both = await verified(agent, tmp_path / "longer.mp3")
        with pytest.raises(MCPError, match="a video is needed here"):
            await verified(agent, tmp_path / "sine.mp3")
    assert how(alone) == [(clip["clip_id"], "made from it, by its watermark")]
    assert "Its audio carries a watermark of ltx-mcp: a model made it." in alone["answer"]
    first, second = both["watermarks"]
    assert [first["clip_id"], second["clip_id"]] == [clip["clip_id"], longer["clip_id"]], "each where it was made"
    assert first["start_s"] < 3 < second["start_s"]


def in_frames(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [mark for mark in found["watermarks"] if mark["medium"] == "frames"]


def test_only_a_video_that_is_marked_nearly_throughout_is_wholly_a_models() -> None:
    def origin(duration_s: float, *spans: tuple[float, float]) -> str:
        marks = [FoundMark(text="0-0", start_s=start, end_s=end, agreement=1.0) for start, end in spans]
        return marked_origin(marks, duration_s, [])[0].digital_source_type

    assert origin(4, (0, 4)) == origin(4.5, (0, 2), (2, 5)) == origin(600, (0, 300)) == MODEL_MADE
    assert origin(4, (0, 3)) == origin(600, (0, 200)) == COMPOSITE


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_film_is_led_back_to_its_clips_by_their_marks_and_footage_is_not_marked(tmp_path: Path) -> None:
    ffmpeg("-i", film("bikes.mp4"), "-t", 2, "-vf", "scale=416:240", tmp_path / "bikes.mp4")
    words = {**SHORT, "duration_s": 3, "seed": 1}
    async with an_agent(tmp_path / "data", roots=[tmp_path], limit_s=180, watermark=True) as agent:
        made = [
            data(await agent.call_tool("generate_video", {**words, "prompt": prompt}))["clip"]
            for prompt in ("a red circle", "a blue square")
        ]
        footage = data(await agent.call_tool("import_video", {"video": str(tmp_path / "bikes.mp4")}))["clip"]
        shots = [{"source": clip["clip_id"]} for clip in (made[0], footage, made[1])]
        joined = data(await agent.call_tool("edit_video", {"shots": shots, "resolution": "240p"}))["clip"]
        ffmpeg("-i", joined["path"], "-map_metadata", -1, "-crf", 28, tmp_path / "copy.mp4")
        found = await verified(agent, tmp_path / "copy.mp4")
        longer = data(
            await agent.call_tool("generate_video", {**words, "prompt": "a ring", "extend": footage["clip_id"]})
        )["clip"]
        continued = await verified(agent, longer["clip_id"])
        ffmpeg("-i", made[0]["path"], "-map_metadata", -1, "-crf", 28, tmp_path / "whole.mp4")
    async with an_agent(tmp_path / "elsewhere", roots=[tmp_path], limit_s=180) as other:
        for name, copied, source_type in (
            ("copy.mp4", True, "compositeWithTrainedAlgorithmicMedia"),
            ("whole.mp4", False, "trainedAlgorithmicMedia"),
        ):
            film_or_clip = {"video": str(tmp_path / name), "copy_file": copied}
            imported = data(await other.call_tool("import_video", film_or_clip))
            assert imported["clip"]["provenance"]["digital_source_type"].endswith(f"/{source_type}"), name
            assert "Its frames carry a watermark of ltx-mcp (0-" in " ".join(imported["effective"]["notes"])
            assert imported["clip"]["model"] == "a model that is not named"
    first, second = in_frames(found)
    assert [first["clip_id"], second["clip_id"]] == [clip["clip_id"] for clip in made]
    assert first["start_s"] == 0
    assert 3 <= second["start_s"] <= 6
    assert first["text"][:8] == second["text"][:8], "one installation"
    with Reader(made[0]["path"]) as reader:
        assert first["text"] in reader.json(), "a soft binding"
    assert {name for name, by in how(found)} == {clip["clip_id"] for clip in made}
    assert "Its frames carry 2 watermarks of ltx-mcp" in found["answer"]
    assert "watermark" not in footage["provenance"]
    [mark] = in_frames(continued)
    assert (mark["clip_id"], mark["start_s"] >= 1) == (longer["clip_id"], True), "its first two seconds are footage"
