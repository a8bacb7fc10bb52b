"""What belongs to one token is not there for another: every tool, argument, resource and completion, in both eras."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agents import SHORT, data, text
from http_kit import HERE, an_agent_of, an_app, client_of
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from ltx_mcp.http.app import Access
from ltx_mcp.tools import TOOLS

pytestmark = pytest.mark.anyio

TOKENS = {"": "0" * 32, "anna": "a" * 32, "bert": "b" * 32}
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(100)
SECRET = "xylophone"  # of anna's prompts; no answer to another has it

# For each tool: arguments in which CLIP, FRAME, SENT, JOB and others stand for what is anna's, or for what nobody has.
ASKED: dict[str, list[dict[str, Any]]] = {
    "generate_video": [{"prompt": "a hill", "extend": "CLIP"}, {"prompt": "a hill", "retake": "CLIP@0-0.3"}],
    "animate_image": [{"prompt": "a hill", "image": "FRAME"}, {"prompt": "a hill", "image": "SENT"}],
    "restyle_video": [{"prompt": "a hill", "video": "CLIP"}, {"prompt": "a hill", "video": "FILE"}],
    "finalize_draft": [{"clip": "CLIP"}],
    "edit_video": [{"shots": [{"source": "CLIP"}]}, {"shots": [{"source": "FRAME"}]}, {"base": "CLIP"}],
    "search_clips": [{"clip": "CLIP"}, {"image": "FRAME"}, {"image": "SENT"}],
    "view_clip": [{"clips": ["CLIP"]}, {"clips": ["FRAME"]}, {"clips": ["FILE"]}],
    "import_video": [{"video": "CLIP"}, {"video": "FILE"}, {"video": "SENT"}],
    "get_job": [{"job_id": "JOB"}, {"job_id": "EXPORT"}],
    "cancel_job": [{"job_id": "JOB"}, {"job_id": "EXPORT"}],
    "export_clip": [{"clip": "CLIP", "folder": "FOLDER"}],
    "update_clip": [{"clip": "CLIP", "title": "mine"}],
    "delete_clip": [{"clip": "CLIP"}, {"clip": "GONE", "restore": True}],
}


@asynccontextmanager
async def agents_of(folder: Path, mode: str) -> AsyncGenerator[dict[str, Client]]:
    """One for each token, on one server. Anna has sent a file."""
    access = Access.of(HERE, None, TOKENS)
    async with an_app(folder / "data", access, roots=(folder,)) as app, AsyncExitStack() as stack:
        clients = {owner: await stack.enter_async_context(client_of(app, token)) for owner, token in TOKENS.items()}
        sent = await clients["anna"].post("/uploads?name=a.png", content=IMAGE)
        (folder / "sent").write_text(sent.json()["reference"])
        yield {owner: await stack.enter_async_context(an_agent_of(each, mode)) for owner, each in clients.items()}


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, names) for each in value]
    return replaced(value, names.items()) if isinstance(value, str) else value


def unfilled(said: str, names: dict[str, str]) -> str:
    return replaced(said, sorted(((meant, name) for name, meant in names.items()), key=lambda pair: -len(pair[0])))


def replaced(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


async def annas_things(anna: Client, folder: Path) -> dict[str, str]:
    """What anna has, by the names of ASKED: a clip, one in the trash, a job that ended and one that is an export."""
    made = data(await anna.call_tool("generate_video", {"prompt": f"a red {SECRET}", **SHORT}))
    gone = data(await anna.call_tool("generate_video", {"prompt": f"a blue {SECRET}", **SHORT}))["clip"]["clip_id"]
    await anna.call_tool("delete_clip", {"clip": gone})
    clip = made["clip"]["clip_id"]
    export = data(await anna.call_tool("export_clip", {"clip": clip, "folder": str(folder)}))
    return {"FRAME": f"{clip}@0.2", "FILE": made["clip"]["path"], "CLIP": clip, "GONE": gone,
            "EXPORT": export["job_id"], "JOB": made["job_id"], "FOLDER": str(folder),
            "SENT": (folder / "sent").read_text()}  # fmt: skip


def nobodys(names: dict[str, str]) -> dict[str, str]:
    """The same names for what does not exist, of the same length."""
    other = {name: meant[:-8] + "0" * 8 for name, meant in names.items()}
    path = Path(names["FILE"])
    file = str(path.parent.with_name(other["CLIP"]) / path.name)
    sent = str(Path(names["SENT"]).parent.with_name("0" * 16) / "a.png")
    return {**other, "SENT": sent, "FRAME": f"{other['CLIP']}@0.2", "FILE": file, "FOLDER": names["FOLDER"]}


def test_every_tool_is_asked_for_what_is_anothers() -> None:
    assert set(ASKED) == {tool.name for tool in TOOLS}


@pytest.mark.parametrize("era", ["auto", pytest.param("legacy", marks=pytest.mark.slow)])
async def test_what_is_anothers_is_answered_as_what_does_not_exist(
    tmp_path: Path, era: str, subtests: pytest.Subtests
) -> None:
    async with agents_of(tmp_path, era) as agents:
        own = await agents["anna"].call_tool("search_clips", {"image": (tmp_path / "sent").read_text()})
        assert "belongs to the archive" not in text(own), "she may name it"
        names = await annas_things(agents["anna"], tmp_path)
        absent = nobodys(names)
        await agents["bert"].call_tool("generate_video", {"prompt": "a green hill", **SHORT})
        for stranger, clips in (("bert", 1), ("", 0)):
            agent = agents[stranger]
            for tool, arguments in ((tool, each) for tool, calls in ASKED.items() for each in calls):
                with subtests.test(f"{stranger or 'unnamed'}: {tool} {arguments}"):
                    answers = [
                        unfilled(text(await agent.call_tool(tool, filled(arguments, known))), known)
                        for known in (names, absent)
                    ]
                    assert answers[0] == answers[1], "it tells that something is there"
                    assert SECRET not in answers[0]
            for template in (await agent.list_resource_templates()).resource_templates:
                if "clip_id" in template.uri_template:
                    with subtests.test(f"{stranger or 'unnamed'}: {template.uri_template}"), pytest.raises(MCPError):
                        await agent.read_resource(
                            template.uri_template.replace("{clip_id}", names["CLIP"]).replace("{part}", "0")
                        )
            await nothing_is_listed(agent, clips)
        kept = data(await agents["anna"].call_tool("search_clips", {}))["moments"]
        assert [moment["title"] for moment in kept] == [f"a red {SECRET}"], "nothing was changed or deleted"
        back = await agents["anna"].call_tool("delete_clip", {"clip": names["GONE"], "restore": True})
        assert not back.is_error


async def nothing_is_listed(agent: Client, clips: int) -> None:
    """Nor found by words, by a slip of them, or completed: of an owner who has so many clips."""
    queries: list[dict[str, Any]] = [{}, {"query": "red"}, {"query": f"hill {SECRET[:-1]} qqqq"}, {"tags": ["x"]}]
    for query in queries:
        found = await agent.call_tool("search_clips", query)
        assert data(found)["total_clips"] == clips
        assert SECRET not in str(data(found)) + text(found)
    assert SECRET not in str(await agent.call_tool("get_job", {}))
    reference = ResourceTemplateReference(type="ref/resource", uri="clip://{clip_id}")
    completed = await agent.complete(reference, {"name": "clip_id", "value": ""})
    assert len(completed.completion.values) == clips


async def test_the_same_words_and_files_of_two_owners_are_two_jobs_and_two_clips(tmp_path: Path) -> None:
    ids: set[str] = set()
    async with agents_of(tmp_path, "auto") as agents:
        jobs = {}
        del agents[""]  # one job runs, and one waits
        for owner, agent in agents.items():
            jobs[owner] = data(await agent.call_tool("generate_video", {"prompt": "a red dog", "wait_s": 0, **SHORT}))
        for owner, agent in agents.items():
            clip = data(await agent.call_tool("get_job", {"job_id": jobs[owner]["job_id"]}))["clip"]
            exported = data(await agent.call_tool("export_clip", {"clip": clip["clip_id"], "folder": str(tmp_path)}))
            file = Path(exported["file"]["path"]).rename(tmp_path / "shared.mp4")
            taken = data(await agent.call_tool("import_video", {"video": str(file), "copy_file": True}))["clip"]
            ids |= {clip["clip_id"], taken["clip_id"]}
            found = data(await agent.call_tool("search_clips", {"query": "red dog"}))
            assert found["total_clips"] == 2
            assert {moment["clip_id"] for moment in found["moments"]} <= {clip["clip_id"], taken["clip_id"]}
    assert len(ids) == 4
