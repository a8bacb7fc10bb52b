"""Signed provenance: every file that leaves carries it, names what it was made from, and shows when it was changed."""

import getpass
import json
import os
import random
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from agents import SHORT, an_agent, data, text, whole
from media_kit import CLIP_ID, GREEN, archive, ffmpeg, write_counting
from PIL import Image

from ltx_mcp.archive.originals import sha256_of
from ltx_mcp.compose import open_studio
from ltx_mcp.engine.stand_in import StandInEngine
from ltx_mcp.errors import SigningFailed
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.jobs.record import Job
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.parts import make_signer
from ltx_mcp.preparation.inputs import Inputs
from ltx_mcp.preparation.parents import parents_of
from ltx_mcp.provenance.base import Action, Claim, Manifest, Signer
from ltx_mcp.provenance.c2pa_signer import C2paSigner
from ltx_mcp.provenance.credentials import own_credentials
from ltx_mcp.provenance.stand_in import Unsigned
from ltx_mcp.settings import Settings
from ltx_mcp.types import states
from ltx_mcp.types.clips import COMPOSITE, JOINED, MODEL_MADE, Clip
from ltx_mcp.types.requests import (
    AnimateRequest,
    ClipRequest,
    FinalizeRequest,
    GenerateRequest,
    ImportRequest,
    RestyleRequest,
)
from ltx_mcp.types.timeline import EditRequest

MADE = Claim(title="clip", actions=(Action(action="c2pa.created", digital_source_type=MODEL_MADE, model="LTX"),))


def a_signer(folder: Path) -> C2paSigner:
    return C2paSigner(partial(own_credentials, folder))


async def ignore(job: Job) -> None:
    pass


def roles(manifest: Manifest) -> list[str]:
    return sorted(each.role for each in manifest.ingredients)


def flipped(path: Path, target: Path) -> Path:
    """A copy with one bit of its media changed."""
    content = bytearray(path.read_bytes())
    content[content.index(b"mdat") + len(content) // 8] ^= 1
    target.write_bytes(content)
    return target


@pytest.mark.anyio
async def test_every_clip_is_signed_last_and_names_everything_that_it_was_made_from(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    Image.new("RGB", (416, 240), GREEN).save(tmp_path / "holiday of anna.png")
    write_counting(tmp_path / "anna cycles.mp4")
    image, video = str(tmp_path / "holiday of anna.png"), str(tmp_path / "anna cycles.mp4")
    signer = a_signer(tmp_path / "data")
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:

        async def made(tool: str, **arguments: Any) -> dict[str, Any]:
            clip: dict[str, Any] = data(await agent.call_tool(tool, arguments))["clip"]
            return clip

        words = {"prompt": "a red circle", **SHORT}
        clip = await made("generate_video", **words)
        other = await made("generate_video", **words, seed=2)
        still = await made("animate_image", **words, image=image)
        longer = await made("generate_video", **words, extend=clip["clip_id"])
        footage = await made("import_video", video=video)
        shots = [{"source": each["clip_id"], "duration_s": 0.3} for each in (clip, other, still, longer)]
        shots += [{"source": video, "duration_s": 0.3}, {"source": f"{clip['clip_id']}@0.1", "duration_s": 0.3}]
        joined = await made("edit_video", shots=shots, resolution="240p", fps=10)
        cut = await made("edit_video", shots=[{"source": video, "duration_s": 0.3}], resolution="240p", fps=10)
    expected = [
        (clip, MODEL_MADE, [], ["c2pa.created"]),
        (still, MODEL_MADE, ["inputTo"], ["c2pa.created"]),
        (longer, MODEL_MADE, ["parentOf"], ["c2pa.opened", "c2pa.edited"]),
        (footage, None, ["parentOf"], ["c2pa.opened", "c2pa.transcoded"]),
        (joined, COMPOSITE, ["componentOf"] * 5, ["c2pa.created", "c2pa.placed"]),
        (cut, JOINED, ["componentOf"], ["c2pa.created", "c2pa.placed"]),
    ]
    for made_clip, origin, of, actions in expected:
        with subtests.test(made_clip["kind"], actions=actions):
            path, kept = Path(made_clip["path"]), whole(made_clip)
            found = signer.read(path)
            assert (found.state, found.ours, found.digital_source_type) == ("valid", True, origin), found
            assert (roles(found), [each.action for each in found.actions]) == (of, actions)
            assert kept["provenance"]["signed"]
            assert kept["provenance"]["manifest"] == found.labels[0]
            assert (kept["sha256"], kept["bytes"]) == (sha256_of(path), path.stat().st_size)
            assert signer.read(path.with_name("sheet.jpg")).digital_source_type == (origin or JOINED)
            for private in ("red circle", "red-circle", "anna", getpass.getuser() + "/", str(tmp_path)):
                assert private.encode() not in path.read_bytes()
    parents = {whole(each)["provenance"]["manifest"] for each in (clip, other, still, longer)}
    assert parents <= set(signer.read(Path(joined["path"])).labels), "each with its own manifest"
    broken = signer.read(flipped(Path(joined["path"]), tmp_path / "broken.mp4"))
    assert (broken.state, broken.ours) == ("invalid", False)
    assert "mismatch" in broken.problems[0]


def test_each_request_names_its_files_by_what_they_are_to_it(tmp_path: Path, subtests: pytest.Subtests) -> None:
    image, tune = str(tmp_path / "a.png"), str(tmp_path / "b.wav")
    Image.new("RGB", (8, 6), GREEN).save(image)
    ffmpeg("-f", "lavfi", "-i", "sine=d=1", tune)
    animated = {"tool": "animate_image", "image": image, "keyframes": [{"image": f"{CLIP_ID}@1", "at_s": 1}]}
    film: dict[str, Any] = {"shots": [{"source": "black"}, {"source": f"{CLIP_ID}@0-1"}, {"source": image}]}
    changed: dict[str, Any] = {**film, "base": CLIP_ID, "music": {"source": tune}, "narration": [{"audio": tune}]}
    words: dict[str, Any] = {"prompt": "a ball"}
    cases: list[tuple[ClipRequest, list[str]]] = [
        (GenerateRequest(**words), []),
        (GenerateRequest(**words, extend=image), ["parentOf png"]),
        (GenerateRequest(**words, retake=f"{CLIP_ID}@1-2"), ["parentOf clip"]),
        (AnimateRequest.model_validate({**words, **animated}), ["inputTo png", "inputTo clip"]),
        (RestyleRequest(**words, video=CLIP_ID), ["parentOf clip"]),
        (ImportRequest(video=image), ["parentOf png"]),
        (
            FinalizeRequest.model_validate({"clip": CLIP_ID, "final": {**words, **animated}}),
            ["parentOf clip", "inputTo png"],
        ),
        (EditRequest.model_validate(film), ["componentOf clip", "componentOf png"]),
        (EditRequest.model_validate(changed), ["parentOf clip", "componentOf png", "componentOf wav"]),
        (GenerateRequest(**words, extend=str(tmp_path / "gone.mp4")), []),
    ]
    with archive(tmp_path / "data") as library:
        inputs = Inputs(library, [tmp_path])
        for request, expected in cases:
            with subtests.test(request.tool, expected=expected):
                found = [
                    f"{each.role} {each.path.suffix[1:].replace('mp4', 'clip')}"
                    for each in parents_of(request, inputs)
                    if each.path is not None
                ]
                assert found == expected


@pytest.mark.anyio
async def test_exports_are_signed_and_keep_their_mark_when_they_come_back(
    tmp_path: Path, subtests: pytest.Subtests
) -> None:
    signer = a_signer(tmp_path / "data")
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        clip = data(await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT}))["clip"]
        for wanted in ("mp4", "gif", "prores", "png", "wav", "webm"):
            arguments = {"clip": clip["clip_id"], "folder": str(tmp_path), "format": wanted}
            file = Path(data(await agent.call_tool("export_clip", arguments))["file"]["path"])
            with subtests.test(wanted):
                found = signer.read(file)
                assert found.state == ("none" if wanted == "webm" else "valid"), found
                assert {each.label for each in found.ingredients} <= {whole(clip)["provenance"]["manifest"]}
                if wanted == "wav":
                    continue
                again = data(await agent.call_tool("import_video", {"video": str(file)}))["clip"]
                kept = whole(again)
                assert (kept["model"], kept["provenance"]["digital_source_type"]) == ("stand-in", MODEL_MADE)
                shots = [{"source": str(file), "duration_s": 0.3}]
                edited = data(await agent.call_tool("edit_video", {"shots": shots, "resolution": "240p"}))["clip"]
                assert whole(edited)["provenance"]["digital_source_type"] == COMPOSITE


@pytest.mark.anyio
async def test_a_file_whose_manifest_says_that_a_model_made_it_keeps_that_mark(tmp_path: Path) -> None:
    foreign = write_counting(tmp_path / "foreign.mp4")
    a_signer(tmp_path / "another installation").sign(foreign, MADE)
    found = a_signer(tmp_path / "data").read(foreign)
    assert (found.state, found.ours) == ("valid", False), "whoever made the key is not known here"
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        for in_place in (True, False):
            arguments = {"video": str(foreign), "copy_file": not in_place}
            clip_id = data(await agent.call_tool("import_video", arguments))["clip"]["clip_id"]
            [facts] = (await agent.read_resource(f"clip://{clip_id}")).contents
            clip = json.loads(facts.text)  # type: ignore[union-attr]
            assert (clip["kind"], clip["model"]) == ("imported", "LTX")
            assert clip["provenance"]["digital_source_type"] == MODEL_MADE
            assert clip["provenance"]["signed"] is not in_place, "footage in place is never changed"
            await agent.call_tool("delete_clip", {"clip": clip_id})


async def made_with(settings: Settings, signer: Signer | None) -> Clip:
    parts: dict[str, Any] = {"engine": StandInEngine(), "classifier": MagentaClassifier(), "embedder": ColourEmbedder()}
    async with open_studio(settings, **parts, signer=signer) as studio:
        job = await studio.start(GenerateRequest(prompt="a red circle", duration_s=0.5, quality="draft"))
        state = (await studio.jobs.wait(job.job_id, 20, ignore)).state
        assert isinstance(state, states.Succeeded)
        return await studio.archive.clip(state.clip_id)


@pytest.mark.anyio
async def test_a_clip_that_cannot_be_signed_is_kept_and_says_so(tmp_path: Path) -> None:
    clip = await made_with(Settings(data_dir=tmp_path), Unsigned())
    assert not clip.provenance.signed
    assert "no signed provenance" in clip.effective["notes"][-1]


@pytest.mark.anyio
async def test_a_prompt_is_signed_only_where_the_user_says_so(tmp_path: Path) -> None:
    for asked in (True, False):
        clip = await made_with(Settings(data_dir=tmp_path, sign_prompts=asked), None)
        assert clip.provenance.signed
        assert (b"a red circle" in clip.path.read_bytes()) is asked


def test_the_key_is_the_users_alone_and_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(own_credentials, [tmp_path] * 16))
    assert len(made) == 1
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "provenance" / "signer.pem").stat().st_mode) == 0o600
    assert b"PRIVATE" not in next(iter(made)).chain


@pytest.mark.anyio
async def test_no_answer_and_no_file_holds_the_key(tmp_path: Path) -> None:
    async with an_agent(tmp_path / "data", roots=[tmp_path]) as agent:
        result = await agent.call_tool("generate_video", {"prompt": "a red circle", **SHORT})
        clip = await agent.read_resource(f"clip://{data(result)['clip']['clip_id']}")
        stolen = await agent.call_tool("import_video", {"video": str(tmp_path / "data" / "provenance" / "signer.pem")})
    key = next(line for line in (tmp_path / "data" / "provenance" / "signer.pem").read_text().splitlines()[1:])
    assert stolen.is_error
    assert key not in text(result) + text(stolen) + clip.model_dump_json() + str(data(result))
    assert key.encode() not in Path(data(result)["clip"]["path"]).read_bytes()


def test_a_certificate_of_the_users_own_signs_and_one_that_cannot_is_named(tmp_path: Path) -> None:
    own = own_credentials(tmp_path / "elsewhere")
    (tmp_path / "chain.pem").write_bytes(own.chain)
    (tmp_path / "key.pem").write_bytes(own.key)

    def signer(key: str) -> Signer:
        chain = tmp_path / "chain.pem"
        return make_signer(Settings(data_dir=tmp_path / "data", sign_certificate=chain, sign_key=tmp_path / key))

    clip = write_counting(tmp_path / "clip.mp4")
    before = clip.read_bytes()
    with pytest.raises(SigningFailed, match="LTX_MCP_SIGN_KEY"):
        signer("nothing.pem").sign(clip, MADE)
    assert clip.read_bytes() == before
    signer("key.pem").sign(clip, MADE)
    assert signer("key.pem").read(clip).ours
    assert not (tmp_path / "data" / "provenance").exists(), "no other key is made"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.pem", "clip.mp4", "elsewhere", "key.pem"]


def test_nothing_in_a_file_makes_the_reader_raise(tmp_path: Path) -> None:
    signed = write_counting(tmp_path / "clip.mp4")
    signer = a_signer(tmp_path)
    signer.sign(signed, MADE)
    content, draw, hostile = signed.read_bytes(), random.Random(1), tmp_path / "hostile.mp4"
    states_seen = set()
    for _ in range(150):
        changed = bytearray(content[: draw.choice([len(content), draw.randrange(len(content))])])
        for _ in range(draw.randrange(1, 30)):
            if changed:
                changed[draw.randrange(len(changed))] = draw.randrange(256)
        hostile.write_bytes(changed)
        states_seen.add(signer.read(hostile).state)
    assert "valid" not in states_seen
    assert {"invalid", "unreadable"} <= states_seen
