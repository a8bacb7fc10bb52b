"""What is held for review: no way of reading shows it, also none that is added later, until a person releases it.

The ways are walked by their registries: every tool, resource, template, completion, HTTP route and command. One that
is in a registry and not in the tables here fails.
"""

import json
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agents import SHORT, data, text
from anyio import to_thread
from http_kit import an_agent_of, an_app, client_of
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ImageContent, PromptReference, ResourceTemplateReference
from PIL import Image
from starlette.applications import Starlette
from test_cli import run
from test_http_owners import ASKED, filled, unfilled

from ltx_mcp.archive.library import Library
from ltx_mcp.cli import moderation_checks
from ltx_mcp.cli.command_table import COMMANDS
from ltx_mcp.errors import HeldForReview
from ltx_mcp.http.links import Links
from ltx_mcp.http.private_files import kept_secret
from ltx_mcp.jobs.presence import Presence
from ltx_mcp.jobs.store import JobStore
from ltx_mcp.moderation.audit import Audit
from ltx_mcp.moderation.base import Scores
from ltx_mcp.moderation.frames import FrameGate
from ltx_mcp.moderation.held_requests import HeldRequests
from ltx_mcp.moderation.policy import load_policy
from ltx_mcp.moderation.prompts import PromptGate
from ltx_mcp.moderation.stand_in import MagentaClassifier
from ltx_mcp.page import FILES
from ltx_mcp.parts import make_audit
from ltx_mcp.preparation.moderated_frames import InputFrames
from ltx_mcp.settings import Settings
from ltx_mcp.studio.gates import Gates
from ltx_mcp.studio.reviewing import settle_reviewed
from ltx_mcp.tools import TOOLS
from ltx_mcp.types import states
from ltx_mcp.types.frames import Frame
from ltx_mcp.types.owners import calling
from ltx_mcp.types.requests import GenerateRequest
from ltx_mcp.types.stages import Stage

pytestmark = pytest.mark.anyio

DOUBTFUL = {"prompt": "a magenta screen", **SHORT}

# Templates and routes that take a clip or a file are asked for the held one; of the others is said why they are not.
TEMPLATES = {
    "clip://{clip_id}": "", "clip://{clip_id}/video": "", "clip://{clip_id}/video/{part}": "",
    "clip://{clip_id}/sheet": "", "clip://{clip_id}/timeline": "",
    "ltx://verify/{+file}": "", "ltx://capabilities/{resolution}": "it takes a resolution",
}  # fmt: skip
ROUTES = {
    "/clips/{clip_id}/{name}": "", "/metrics": "", "/mcp": "its tools and resources are asked here",
    "/healthz": "it says only that the server answers", "/uploads": "it takes files", "/page/clips/{clip_id}": "",
    **{"/" if name == "index.html" else f"/page/{name}": "it is the same for everybody" for name in FILES},
}  # fmt: skip

# Of each command: how it is asked for the held CLIP (its FILE, a COPY of it, an EMPTY folder), or why it is not.
COMMAND_LINES: dict[str, Sequence[str] | str] = {
    "generate": ("a hill", "--extend", "CLIP"), "animate": ("CLIP@0.2", "a hill"), "restyle": ("CLIP", "a hill"),
    "finalize": ("CLIP",), "edit": ("FILM",), "import": ("FILE",), "search": ("magenta",), "clips": (),
    "view": ("CLIP",), "open": ("CLIP", "--print"), "export": ("CLIP", "EMPTY"), "verify": ("COPY",),
    "update": ("CLIP", "--title", "mine"), "delete": ("CLIP",), "trash": ("--restore", "CLIP"), "reindex": (),
    "serve": "its tools are asked here", "studio": "its page asks what is asked here",
    "install": "it reads no clip", "demo": "it makes its own",
    "jobs": "asked by itself", "models": "it reads no clip", "setup": "it reads no clip",
    "doctor": "it counts what is held", "policy": "it reads no clip", "audit": "it has no words and no frames",
    "licence": "it reads no clip", "review": "it is the person's own way",
}  # fmt: skip


class Doubtful(MagentaClassifier):
    """Is never sure: what the other calls explicit it scores between the thresholds."""

    def score(self, frames: Sequence[Frame]) -> list[Scores]:
        return [{name: score * 0.65 for name, score in row.items()} for row in super().score(frames)]


@asynccontextmanager
async def a_server(folder: Path) -> AsyncGenerator[tuple[Starlette, Client]]:
    async with (
        an_app(folder / "data", roots=(folder / "mine",), classifier=Doubtful()) as app,
        client_of(app) as client,
        an_agent_of(client) as agent,
    ):
        yield app, agent


def names_of(clip_id: str, folder: Path) -> dict[str, str]:
    """What stands for the placeholders of ASKED and COMMAND_LINES."""
    file = str(folder / "data" / "quarantine" / "clips" / clip_id / "video.mp4")
    return {"FRAME": f"{clip_id}@0.2", "CLIP": clip_id, "GONE": clip_id, "FILE": file, "SENT": file,
            "FOLDER": str(folder / "mine")}  # fmt: skip


def is_shown(result: CallToolResult) -> bool:
    return any(isinstance(block, ImageContent) for block in result.content) or "sheet_path" in str(data(result))


async def nothing_is_shown(app: Starlette, agent: Client, clip_id: str, job_id: str, folder: Path) -> None:
    """By any tool, resource, completion or route: what is held is answered as what does not exist."""
    names, absent = names_of(clip_id, folder), names_of(f"{clip_id[:-8]}00000000", folder)
    assert set(ASKED) == {tool.name for tool in TOOLS}
    for tool, calls in ASKED.items():
        for arguments in (call for call in calls if not {"JOB", "EXPORT"} & set(map(str, call.values()))):
            answers = [
                unfilled(text(await agent.call_tool(tool, filled(arguments, known))), known)
                for known in (names, absent)
            ]
            assert answers[0] == answers[1], (tool, arguments)
    held = await agent.call_tool("get_job", {"job_id": job_id})
    assert (data(held)["status"], data(held)["error"]["code"], held.is_error) == ("held", "held_for_review", True)
    assert f"ltx-mcp review release {clip_id}" in text(held)
    for result in (held, await agent.call_tool("cancel_job", {"job_id": job_id}), await agent.call_tool("get_job", {})):
        assert not is_shown(result)
        assert "quarantine" not in str(data(result)) + text(result)
    for query in ({}, {"query": "magenta screen"}):
        found = data(await agent.call_tool("search_clips", query))
        assert (found["moments"], found["total_clips"]) == ([], 0)
    await no_resource_shows_it(agent, clip_id, folder)
    await no_route_shows_it(app, clip_id, folder)


async def no_resource_shows_it(agent: Client, clip_id: str, folder: Path) -> None:
    templates = [each.uri_template for each in (await agent.list_resource_templates()).resource_templates]
    assert set(templates) == set(TEMPLATES), "a new template: say here what of a held clip it could show"
    for template in templates:
        if "{clip_id}" in template:
            with pytest.raises(MCPError):
                await agent.read_resource(template.replace("{clip_id}", clip_id).replace("{part}", "0"))
    copy = str(folder / "mine" / "copy.mp4")
    answered = str(await agent.read_resource(f"ltx://verify/{copy}"))
    assert clip_id not in answered
    assert "No clip of this archive is like it" in answered
    for resource in (await agent.list_resources()).resources:
        assert clip_id not in str(await agent.read_resource(resource.uri))
    references: list[tuple[PromptReference | ResourceTemplateReference, str]] = [
        *((ResourceTemplateReference(type="ref/resource", uri=each), "clip_id") for each in templates),
        *(
            (PromptReference(type="ref/prompt", name=prompt.name), argument.name)
            for prompt in (await agent.list_prompts()).prompts
            for argument in prompt.arguments or ()
        ),
    ]
    for reference, argument in references:
        completed = await agent.complete(reference, {"name": argument, "value": ""})
        assert clip_id not in completed.completion.values


async def no_route_shows_it(app: Starlette, clip_id: str, folder: Path) -> None:
    assert {route.path for route in app.routes if hasattr(route, "path")} == set(ROUTES), "a new route: ask it here"
    links = Links(kept_secret(folder / "data" / "link-secret"))
    async with client_of(app) as client:
        for name in ("video.mp4", "sheet.jpg", "clip.json", "fingerprint.json"):
            assert (await client.get(links.path(clip_id, name))).status_code == 404
        assert (await client.get(f"/page/clips/{clip_id}")).status_code == 404
        assert "ltx_mcp_clips 0" in (await client.get("/metrics")).text


async def review(folder: Path, *arguments: str) -> Any:
    """What the person at the machine does, and is told."""
    done = await to_thread.run_sync(lambda: run(folder / "data", "review", *arguments, "--json"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
async def test_no_command_shows_a_held_clip(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    async with a_server(tmp_path) as (_, agent):
        await agent.call_tool("generate_video", DOUBTFUL)
    (folder,) = (tmp_path / "data" / "quarantine" / "clips").iterdir()
    shutil.copy(folder / "video.mp4", tmp_path / "mine" / "copy.mp4")
    await to_thread.run_sync(no_command_shows_it, folder.name, tmp_path)


def no_command_shows_it(clip_id: str, folder: Path) -> None:
    assert set(COMMAND_LINES) == set(COMMANDS), "a new command: say here what of a held clip it could show"
    names = names_of(clip_id, folder) | {"COPY": str(folder / "mine" / "copy.mp4"), "EMPTY": str(folder / "mine")}
    names["FILM"] = str(folder / "mine" / "film.json")
    Path(names["FILM"]).write_text(json.dumps({"shots": [{"source": clip_id}]}))
    for command, line in COMMAND_LINES.items():
        if isinstance(line, str):
            continue
        done = run(folder / "data", command, *filled(list(line), names))
        assert done.returncode == (0 if command in ("search", "clips", "reindex", "verify") else 2), (command, done)
        assert "quarantine" not in done.stdout
        assert clip_id not in done.stdout
    listed = run(folder / "data", "jobs", "--json")
    assert "held" in listed.stdout
    assert "quarantine" not in listed.stdout


async def test_no_way_of_reading_shows_a_held_clip_before_it_is_released(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    async with a_server(tmp_path) as (app, agent):
        held = await agent.call_tool("generate_video", DOUBTFUL)
        job_id = data(held)["job_id"]
        (folder,) = (tmp_path / "data" / "quarantine" / "clips").iterdir()
        shutil.copy(folder / "video.mp4", tmp_path / "mine" / "copy.mp4")
        await nothing_is_shown(app, agent, folder.name, job_id, tmp_path)
    async with a_server(tmp_path) as (app, agent):
        await nothing_is_shown(app, agent, folder.name, job_id, tmp_path)
        (waiting,) = await review(tmp_path)
        assert (waiting["id"], waiting["what"], waiting["about"]) == (folder.name, "clip", DOUBTFUL["prompt"])
        assert Path(waiting["look_at"]).read_bytes() == (folder / "sheet.jpg").read_bytes()
        signed = (folder / "video.mp4").read_bytes()
        await review(tmp_path, "release", folder.name)
        made = await agent.call_tool("get_job", {"job_id": job_id})
        clip = data(made)["clip"]
        assert (data(made)["status"], clip["clip_id"], is_shown(made)) == ("succeeded", folder.name, True)
        assert Path(clip["path"]).read_bytes() == signed
        found = data(await agent.call_tool("search_clips", {"query": "magenta screen"}))
        assert [moment["clip_id"] for moment in found["moments"]] == [folder.name]
        copied = str(await agent.read_resource(f"ltx://verify/{tmp_path / 'mine' / 'copy.mp4'}"))
        assert folder.name in copied
        finished = data(await agent.call_tool("finalize_draft", {"clip": folder.name}))
        assert finished["status"] == "held", "its latents were kept, and what is made of it is looked at again"
        (again,) = await review(tmp_path)
        await review(tmp_path, "delete", again["id"])
        gone = data(await agent.call_tool("get_job", {"job_id": finished["job_id"]}))
        assert (gone["status"], "deleted it" in gone["error"]["message"]) == ("refused", True)
    assert await review(tmp_path) == []
    decided = [line for line in make_audit(Settings(data_dir=tmp_path / "data")).lines() if line["gate"] == "review"]
    assert [(line["decision"], line["by"]) for line in decided] == [
        ("released", "local user"),
        ("deleted", "local user"),
    ]


async def test_a_release_that_died_before_the_record_was_written_is_put_right(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    async with a_server(tmp_path) as (_, agent):
        jobs = [data(await agent.call_tool("generate_video", DOUBTFUL))["job_id"] for _ in range(2)]
        presence = Presence(tmp_path / "data")
        library = Library(tmp_path / "data", presence)
        released, deleted = (clip.clip_id for clip in library.quarantine.all())
        library.quarantine.release(released)
        library.remove(deleted)
        presence.close()
    async with a_server(tmp_path) as (_, agent):
        told = [data(await agent.call_tool("get_job", {"job_id": job_id})) for job_id in jobs]
    assert [job["status"] for job in told] == ["succeeded", "refused"]


async def test_words_and_inputs_that_are_held_may_pass_once_when_they_were_allowed(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine").mkdir()
    Image.fromarray(np.full((64, 96, 3), (255, 0, 255), np.uint8)).save(tmp_path / "mine" / "a.png")
    image = str(tmp_path / "mine" / "a.png")
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("generate_video", {"prompt": "Emmanuel Macron declares war on television", **SHORT}, "text"),
        ("animate_image", {"prompt": "a red circle", "image": image, "end_image": image, **SHORT}, "input"),
    ]
    async with a_server(tmp_path) as (_, agent):
        for tool, arguments, kind in asked:
            for _ in range(2):  # asked twice, held once
                held = data(await agent.call_tool(tool, arguments))
                assert held["status"] == "held", held
            (waiting,) = await review(tmp_path)
            assert (waiting["id"].startswith(kind), bool(waiting["look_at"])) == (True, kind == "input")
            assert waiting["id"] in held["error"]["hint"]
            await review(tmp_path, "release", waiting["id"])
            passed = data(await agent.call_tool(tool, arguments))
            # What the image leads to is doubtful too, and held as a clip: its words and inputs have passed.
            assert passed["status"] == "succeeded" or "The finished clip" in passed["error"]["message"]
            for clip in await review(tmp_path):
                await review(tmp_path, "delete", clip["id"])
            assert data(await agent.call_tool(tool, arguments))["status"] == "held", "once means once"
            for each in await review(tmp_path):
                await review(tmp_path, "delete", each["id"])


def test_what_was_allowed_to_one_owner_is_held_for_another(tmp_path: Path) -> None:
    gates = Gates(
        PromptGate(load_policy()), FrameGate(MagentaClassifier()), Audit(tmp_path / "audit"), HeldRequests(tmp_path)
    )
    gates.frames.load()
    doubtful = np.full((20, 20, 3), 90, np.uint8)
    doubtful[:13] = (255, 0, 255)
    asks: list[Callable[[], None]] = [
        lambda: gates.check_texts("job-1", [("prompt", "Emmanuel Macron declares war on television")], []),
        lambda: gates.check_inputs("job-1", "a circle", InputFrames(2.0, 2, [doubtful, doubtful])),
    ]
    for ask in asks:
        with calling("anna"):
            with pytest.raises(HeldForReview) as held:
                ask()
            (waiting,) = HeldRequests(tmp_path).all()
            assert waiting.request_id in held.value.hint
            HeldRequests(tmp_path).allow(waiting.request_id)
        with pytest.raises(HeldForReview):
            ask()
        with calling("anna"):
            ask()
        (waiting,) = HeldRequests(tmp_path).all()
        HeldRequests(tmp_path).delete(waiting.request_id)


def test_the_doctor_says_how_much_waits_and_nothing_of_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert moderation_checks.held(settings) == "nothing is held"
    HeldRequests(tmp_path).hold(f"text-{'0' * 24}", "violence", "secret words")
    for number in range(2):
        (tmp_path / "quarantine" / "clips" / f"a-magenta-screen-0000000{number}").mkdir(parents=True)
    found = moderation_checks.held(settings)
    assert found == "2 clips and 1 request: `ltx-mcp review` shows them, and you decide"


def test_the_doctor_names_what_setup_would_add_to_moderation(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert "`ltx-mcp setup` fetches Qwen3Guard-Gen-0.6B" in moderation_checks.guard_model(settings)
    assert moderation_checks.guard_model(Settings(data_dir=tmp_path, guard="off")) == "none: LTX_MCP_GUARD=off"
    found = moderation_checks.frame_classifier(settings)
    assert found.startswith("open_nsfw")
    assert "`ltx-mcp setup` fetches nsfw-image-detection-384" in found
    alone = moderation_checks.frame_classifier(Settings(data_dir=tmp_path, moderation="open-nsfw"))
    assert "setup" not in alone


async def test_what_was_allowed_is_not_used_up_by_a_job_that_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    image = tmp_path / "mine" / "a.png"
    arguments = {"prompt": "Emmanuel Macron declares war on television", "image": str(image), **SHORT}
    async with a_server(tmp_path) as (_, agent):
        held = data(await agent.call_tool("animate_image", arguments))
        (waiting,) = await review(tmp_path)
        assert waiting["id"] in held["error"]["hint"]
        await review(tmp_path, "release", waiting["id"])
        assert "a.png" in text(await agent.call_tool("animate_image", arguments)), "there is no such file yet"
        Image.fromarray(np.full((64, 96, 3), 90, np.uint8)).save(image)
        assert data(await agent.call_tool("animate_image", arguments))["status"] == "succeeded"


def test_a_clip_of_another_owner_that_was_released_and_then_deleted_was_not_refused(tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    library, jobs = Library(tmp_path, presence), JobStore(tmp_path / "jobs.sqlite", presence)
    job = jobs.create(GenerateRequest(prompt="a hill"), clip_id="a-hill-00000000", owner="anna")
    jobs.set_state(job.job_id, states.Running(Stage.DENOISING))
    jobs.set_state(job.job_id, states.Held("held_for_review", "It is held."))
    folder = library.clips_dir / "a-hill-00000000"
    assert not library.is_own(folder.name), "whose it is cannot be known yet"
    folder.mkdir()
    (folder / "clip.json").write_text('{"owner": "anna"}')
    assert not library.is_own(folder.name)
    with calling("anna"):
        assert library.is_own(folder.name)
    library.trash.put(folder.name)
    settle_reviewed(jobs, library)
    assert jobs.get(job.job_id).state == states.Succeeded(folder.name)
    jobs.close()
    presence.close()
