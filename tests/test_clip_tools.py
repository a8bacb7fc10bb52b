"""view_clip, export_clip, update_clip and delete_clip, as an agent meets them: real client, real studio, stand-ins."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from agents import SHORT, an_agent, data, text
from mcp import Client
from mcp.types import ImageContent
from PIL import Image

from ltx_mcp.media.probe import probe

pytestmark = pytest.mark.anyio


async def a_clip(agent: Client, prompt: str = "a red circle", **more: Any) -> dict[str, Any]:
    result = await agent.call_tool("generate_video", {"prompt": prompt, **SHORT, **more})
    clip: dict[str, Any] = data(result)["clip"]
    return clip


async def test_an_agent_looks_at_a_clip(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip = await a_clip(agent, duration_s=2)
        result = await agent.call_tool("view_clip", {"clip": clip["clip_id"], "frames": 4})
    [viewed] = data(result)["clips"]
    assert viewed["frames_at_s"] == [0.25, 0.75, 1.25, 1.75]
    assert len(viewed["rms_db"]) == 2
    assert viewed["cuts_s"] == []
    [image] = [block for block in result.content if isinstance(block, ImageContent)]
    assert Image.open(BytesIO(base64.b64decode(image.data))).format == "JPEG"
    assert len(result.model_dump_json()) < 900_000
    assert "0.25, 0.75, 1.25, 1.75" in text(result)


async def test_a_span_a_frame_times_and_several_clips_are_viewed(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        one, other = [(await a_clip(agent, prompt, duration_s=2))["clip_id"] for prompt in ("red", "blue")]
        calls: list[tuple[dict[str, Any], list[list[float]]]] = [
            ({"clip": f"{one}@0.5-1.5", "frames": 2}, [[0.75, 1.25]]),
            ({"clip": f"{one}@1.5"}, [[1.5]]),
            ({"clip": one, "at_s": [1.5, 0.5]}, [[0.5, 1.5]]),
            ({"clip": [one, f"{other}@1.0"], "frames": 4}, [[0.5, 1.5], [1.0]]),
        ]
        for arguments, times in calls:
            found = data(await agent.call_tool("view_clip", arguments))
            assert [clip["frames_at_s"] for clip in found["clips"]] == times


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"clip": "no-such-clip-aaaaaaaa"}, "no clip"),
        ({"clip": "/etc/passwd"}, "import_video"),
        ({"clip": "{id}", "at_s": [3.0]}, "go from 0 to"),
        ({"clip": "{id}@9"}, "go from 0 to"),
        ({"clip": "{id}", "frames": 17}, "frames"),
        ({"clip": ["{id}"] * 9, "at_s": [0.1, 0.2]}, "at most 16"),
        ({"clip": []}, "clip"),
        ({"clip": "{id}", "size": "huge"}, "size"),
    ],
)
async def test_what_cannot_be_viewed_is_said(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    async with an_agent(tmp_path) as agent:
        clip_id = (await a_clip(agent))["clip_id"]
        filled = {
            name: [part.replace("{id}", clip_id) if isinstance(part, str) else part for part in value]
            if isinstance(value, list)
            else value.replace("{id}", clip_id)
            if isinstance(value, str)
            else value
            for name, value in arguments.items()
        }
        result = await agent.call_tool("view_clip", filled)
    assert result.is_error
    assert words in text(result)


async def test_a_clip_is_exported_into_a_folder_of_the_users(tmp_path: Path) -> None:
    outside, roots = tmp_path / "outside", tmp_path / "films"
    outside.mkdir()
    roots.mkdir()
    (roots / "file").touch()
    async with an_agent(tmp_path / "data", roots=[roots]) as agent:
        clip = await a_clip(agent)
        arguments = {"clip": clip["clip_id"], "folder": str(roots)}
        jobs = [
            await agent.call_tool("export_clip", {**arguments, **more})
            for more in (
                {},
                {},
                {"format": "gif", "name": "../demo"},
                {"clip": f"{clip['clip_id']}@0.2", "format": "png"},
            )
        ]
        first, second, gif, png = [data(job)["file"] for job in jobs]
        again = data(await agent.call_tool("get_job", {"job_id": data(jobs[0])["job_id"]}))
        found = data(await agent.call_tool("search_clips", {"images": False}))
        hostile = await agent.call_tool("export_clip", {**arguments, "name": "child pornography"})
        for wrong in (
            {"folder": str(outside)},
            {"folder": str(roots / "file")},
            {"folder": str(roots / "none")},
            {"folder": "films"},
        ):
            refused = await agent.call_tool("export_clip", {**arguments, **wrong})
            assert refused.is_error
    assert "refused the request's name" in text(hostile)
    assert again["file"] == first
    assert first["path"] in text(jobs[0])
    assert found["total_clips"] == 1, "an export makes no clip"
    assert Path(first["path"]) == roots / f"{clip['clip_id']}.mp4"
    assert Path(second["path"]) == roots / f"{clip['clip_id']}-2.mp4"
    assert Path(gif["path"]) == roots / "demo.gif"
    assert Path(png["path"]).suffix == ".png"
    assert probe(Path(first["path"])).frames == clip["frames"]
    assert list(outside.iterdir()) == []


async def test_an_export_waits_in_the_lane_of_edits_and_can_be_cancelled(tmp_path: Path) -> None:
    Image.new("RGB", (416, 240)).save(tmp_path / "long.png")
    film = {"shots": [{"source": str(tmp_path / "long.png"), "duration_s": 600}], "fps": 60, "wait_s": 0}
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        clip = await a_clip(agent)
        busy = data(await agent.call_tool("edit_video", film))
        asked = {"clip": clip["clip_id"], "folder": str(tmp_path), "format": "prores", "wait_s": 0}
        waiting = data(await agent.call_tool("export_clip", asked))
        assert (waiting["status"], waiting["queue_position"]) == ("queued", 0)
        ended = data(await agent.call_tool("cancel_job", {"job_id": waiting["job_id"]}))
        assert ended["status"] == "cancelled"
        await agent.call_tool("cancel_job", {"job_id": busy["job_id"]})
        after = data(await agent.call_tool("export_clip", {**asked, "wait_s": 30}))
    assert [path.name for path in tmp_path.glob("*.mov")] == [Path(after["file"]["path"]).name]


async def test_a_title_and_tags_are_found_and_a_pin_protects(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        red, blue = [(await a_clip(agent, prompt))["clip_id"] for prompt in ("a red circle", "a blue square")]
        changed = data(
            await agent.call_tool("update_clip", {"clip": red, "title": "Lighthouse", "tags": ["Demo"], "pinned": True})
        )
        assert (changed["title"], changed["tags"], changed["pinned"]) == ("Lighthouse", ["demo"], True)
        tagged = data(await agent.call_tool("search_clips", {"tags": ["demo"], "images": False}))
        assert {moment["clip_id"] for moment in tagged["moments"]} == {red}
        none = data(await agent.call_tool("search_clips", {"tags": ["demo", "other"], "images": False}))
        assert none["moments"] == []
        titled = data(await agent.call_tool("search_clips", {"query": "lighthouse", "images": False}))
        assert titled["moments"][0]["clip_id"] == red
        refused = await agent.call_tool("delete_clip", {"clip": red})
        assert "is pinned" in text(refused)
        assert data(await agent.call_tool("delete_clip", {"clip": blue}))["clip_id"] == blue


async def test_nothing_to_change_and_refused_words_are_errors(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        clip_id = (await a_clip(agent))["clip_id"]
        assert "Nothing is to be changed" in text(await agent.call_tool("update_clip", {"clip": clip_id}))
        for words in ({"title": "naked child"}, {"tags": ["naked child"]}):
            result = await agent.call_tool("update_clip", {"clip": clip_id, **words})
            assert result.is_error
            assert "Moderation refused" in text(result)
        assert (await agent.call_tool("update_clip", {"clip": f"{clip_id}@0.1", "pinned": True})).is_error


async def test_a_deleted_clip_is_in_no_search_and_what_was_made_from_it_stays(tmp_path: Path) -> None:
    async with an_agent(tmp_path) as agent:
        source = (await a_clip(agent))["clip_id"]
        derived = data(await agent.call_tool("generate_video", {"prompt": "it goes on", "extend": source, **SHORT}))[
            "clip"
        ]
        deleted = await agent.call_tool("delete_clip", {"clip": source})
        assert "restore=true" in text(deleted)
        found = data(await agent.call_tool("search_clips", {"images": False}))
        assert {moment["clip_id"] for moment in found["moments"]} == {derived["clip_id"]}
        assert Path(derived["path"]).is_file()
        assert (await agent.call_tool("view_clip", {"clip": source})).is_error
        assert (await agent.call_tool("delete_clip", {"clip": source})).is_error
        gone = await agent.call_tool("edit_video", {"shots": [{"source": source}]})
        assert "Shot 1: There is no clip" in text(gone)
        assert "It is in the trash: delete_clip with restore=true" in text(gone)
        unknown = await agent.call_tool("delete_clip", {"clip": "red-ball-3f9k2m7q", "restore": True})
        assert f"It holds {source}" in text(unknown), "what can be restored is said"
        restored = data(await agent.call_tool("delete_clip", {"clip": source, "restore": True}))
        assert (restored["clip_id"], restored["in_trash"]) == (source, False)
        again = data(await agent.call_tool("search_clips", {"images": False}))
        assert source in {moment["clip_id"] for moment in again["moments"]}
        twice = await agent.call_tool("delete_clip", {"clip": source, "restore": True})
        assert twice.is_error
    assert not list((tmp_path / "trash").iterdir())
