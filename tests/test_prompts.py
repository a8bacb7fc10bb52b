"""The menu's prompts and the completions, over a real client in both protocol eras."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, get_args

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextContent

from ltx_mcp.server.prompts import MAX_COMPLETIONS, register_completions, register_prompts
from ltx_mcp.types.requests import Camera
from ltx_mcp.types.sizes import ASPECTS

pytestmark = pytest.mark.anyio

LIMIT_S = 30.0
CLIP = ResourceTemplateReference(uri="clip://{clip_id}")
SHEET = ResourceTemplateReference(uri="clip://{clip_id}/sheet")
SHOT, STORYBOARD = PromptReference(name="shot"), PromptReference(name="storyboard")


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def an_agent(
    mode: str, clip_ids: tuple[str, ...] = (), lora_names: tuple[str, ...] = ()
) -> AsyncGenerator[Client]:
    server: MCPServer[Any] = MCPServer("test", log_level="ERROR")

    @server.resource("clip://{clip_id}")
    async def clip(clip_id: str) -> str:
        return clip_id

    async def all_clip_ids() -> tuple[str, ...]:
        await anyio.lowlevel.checkpoint()
        return clip_ids

    async def all_lora_names() -> tuple[str, ...]:
        await anyio.lowlevel.checkpoint()
        return lora_names

    register_prompts(server)
    register_completions(server, all_clip_ids, all_lora_names)
    with anyio.fail_after(LIMIT_S):
        async with Client(server, mode=mode) as agent:
            yield agent


async def told(agent: Client, name: str, **arguments: str) -> str:
    [message] = (await agent.get_prompt(name, arguments)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


async def completed(agent: Client, ref: Any, argument: str, typed: str = "") -> list[str]:
    return (await agent.complete(ref, {"name": argument, "value": typed})).completion.values


async def test_the_menu_lists_both_prompts_with_their_arguments(mode: str) -> None:
    async with an_agent(mode) as agent:
        prompts = {prompt.name: prompt for prompt in (await agent.list_prompts()).prompts}
    assert list(prompts) == ["shot", "storyboard"]
    for name, arguments in (("shot", ["idea", "camera", "lora"]), ("storyboard", ["idea", "length_s", "aspect"])):
        listed = prompts[name].arguments or []
        assert [argument.name for argument in listed] == arguments
        assert [argument.required for argument in listed] == [True, False, False]
        assert all(argument.description for argument in listed)
        assert prompts[name].title
        assert prompts[name].description


async def test_shot_teaches_the_order_and_ends_with_the_idea(mode: str) -> None:
    async with an_agent(mode) as agent:
        text = await told(agent, "shot", idea="a fox {reads} by the fire")
    parts = ["one flowing paragraph", "action", "looks", "setting", "camera", "light", "sound", "double quotes"]
    places = [text.lower().index(part) for part in parts]
    assert places == sorted(places)
    assert text.endswith("The idea:\na fox {reads} by the fire")
    assert len(text.encode()) < 2048
    assert "camera=" not in text
    assert "loras=" not in text


async def test_a_chosen_camera_and_lora_are_passed_on_as_arguments(mode: str) -> None:
    async with an_agent(mode) as agent:
        text = await told(agent, "shot", idea="a fox", camera="jib_up", lora="claymation")
        assert 'camera="jib_up"' in text
        assert 'loras=[{"name": "claymation"}]' in text
        assert len(text.encode()) < 2048
        with pytest.raises(MCPError):
            await told(agent, "shot", idea="a fox", camera="loop")
        with pytest.raises(MCPError):
            await told(agent, "shot")


async def test_fields_left_empty_in_a_form_count_as_left_out(mode: str) -> None:
    async with an_agent(mode) as agent:
        assert await told(agent, "shot", idea="x", camera="", lora="") == await told(agent, "shot", idea="x")
        blank = await told(agent, "storyboard", idea="x", length_s="", aspect="")
        assert blank == await told(agent, "storyboard", idea="x")


async def test_storyboard_plans_shots_that_add_up_repeat_the_looks_and_end_in_a_film(mode: str) -> None:
    async with an_agent(mode) as agent:
        text = await told(agent, "storyboard", idea="two robots fall in love", length_s="45", aspect="9:16")
        assert "about 9 shots" in text
        assert "together exactly 45 s" in text
        assert 'aspect="9:16"' in text
        assert "word for word in every shot" in text
        assert text.index("generate_video") < text.index("finalize_draft") < text.index("edit_video"), "ends in a film"
        assert text.endswith("two robots fall in love")
        assert len(text.encode()) < 2048
        for length_s in ("nan", "-1", "601", "long"):
            with pytest.raises(MCPError):
                await told(agent, "storyboard", idea="x", length_s=length_s)


async def test_clip_ids_complete_for_every_resource_of_a_clip(mode: str) -> None:
    ids = ("red-ball-2a3b4c5d", "coastal-city-3f9k2m7q", "city-rain-7q7q7q7q")
    async with an_agent(mode, clip_ids=ids) as agent:
        assert await completed(agent, CLIP, "clip_id") == list(ids)
        assert await completed(agent, SHEET, "clip_id", "City") == ["city-rain-7q7q7q7q", "coastal-city-3f9k2m7q"]
        assert await completed(agent, CLIP, "clip_id", "nowhere") == []


async def test_presets_shapes_and_loras_complete_where_they_belong(mode: str) -> None:
    async with an_agent(mode, lora_names=("claymation", "Cozy.Felt")) as agent:
        assert await completed(agent, SHOT, "camera") == list(get_args(Camera))
        assert await completed(agent, SHOT, "camera", "jib") == ["jib_up", "jib_down"]
        assert await completed(agent, SHOT, "lora", "cozy") == ["Cozy.Felt"]
        assert await completed(agent, STORYBOARD, "aspect") == list(ASPECTS)
        assert "30" in await completed(agent, STORYBOARD, "length_s")
        assert await completed(agent, SHOT, "idea", "a") == []
        assert await completed(agent, PromptReference(name="other"), "camera") == []


async def test_every_completed_value_is_accepted(mode: str) -> None:
    async with an_agent(mode) as agent:
        for camera in await completed(agent, SHOT, "camera"):
            assert camera in await told(agent, "shot", idea="x", camera=camera)
        for length_s in await completed(agent, STORYBOARD, "length_s"):
            assert f"exactly {length_s} s" in await told(agent, "storyboard", idea="x", length_s=length_s)


async def test_more_than_a_hundred_completions_are_cut_and_counted(mode: str) -> None:
    ids = tuple(f"clip-{number:08d}" for number in range(150))
    async with an_agent(mode, clip_ids=ids) as agent:
        completion = (await agent.complete(CLIP, {"name": "clip_id", "value": "clip"})).completion
    assert completion.values == list(ids[:MAX_COMPLETIONS])
    assert completion.total == 150
    assert completion.has_more is True
