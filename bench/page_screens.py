"""Draws the screenshots of docs/page.md: `python bench/page_screens.py [docs]`. Needs Debian's chromium and playwright.

An archive of still-image films, photographs (those inside scikit-image's wheel) and the stand-in's shapes, in a folder
of its own, seen by a browser of its own.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import skimage
from mcp import Client
from PIL import Image
from playwright.async_api import Page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from gates import Gate  # noqa: E402
from page_kit import PHONE, a_page, a_site, until  # noqa: E402

from ltx_mcp.engine.stand_in import StandInEngine  # noqa: E402
from ltx_mcp.types.stages import Stage  # noqa: E402

PHOTOS = Path(skimage.__file__).parent / "data"
SAID = """WEBVTT

00:00.400 --> 00:02.800
The coffee is poured.

00:03.400 --> 00:05.800
The cat has heard the cup.

00:06.400 --> 00:09.000
And a rocket waits in the morning light.
"""


def still(name: str, seconds: float, motion: str) -> dict[str, Any]:
    return {"source": str(PHOTOS / name), "duration_s": seconds, "motion": motion, "transition": "dissolve"}


FILMS: list[dict[str, Any]] = [
    {"title": "Eileen Collins before her flight", "aspect": "9:16", "shots": [still("astronaut.png", 4, "push_in")]},
    {"title": "Deep field, ten days of light", "shots": [still("hubble_deep_field.jpg", 5, "pan_right")]},
    {"title": "A red circle, then a blue square", "clip": 4},
    {"title": "The rocket on its pad", "shots": [still("rocket.jpg", 4, "push_in")]},
    {"title": "Moon at first quarter", "aspect": "1:1", "shots": [still("moon.png", 4, "pull_out")]},
    {"title": "A yellow ring drifts over the dark", "clip": 3},
    {
        "title": "Morning, then space",
        "shots": [
            still("coffee.png", 3, "push_in"),
            still("chelsea.png", 3.5, "pan_left"),
            still("rocket.jpg", 3.5, "push_in"),
        ],
        "subtitles": {"text": SAID},
    },
    {"title": "Chelsea the cat in the window", "photo": "chelsea.png"},
]


async def fill(agent: Client) -> None:
    for film in FILMS:
        if "photo" in film:
            call = ("import_video", {"video": str(PHOTOS / film["photo"]), "title": film["title"]})
        elif "clip" in film:
            call = ("generate_video", {"prompt": film["title"], "duration_s": film["clip"], "resolution": "480p"})
        else:
            call = ("edit_video", {"resolution": "480p", **film})
        result = await agent.call_tool(*call)
        assert not result.is_error, result.content
    found = (await agent.call_tool("search_clips", {"query": "rocket"})).structured_content
    await agent.call_tool("update_clip", {"clip": found["moments"][0]["clip_id"], "pinned": True, "tags": ["launch"]})


async def settled(page: Page) -> None:
    """Every frame that is seen is drawn."""
    below = "each.getBoundingClientRect().top > innerHeight"
    empty = "[...document.querySelectorAll('.frame:empty')]"
    await until(page, f"{empty}.every((each) => {below})")
    shown = "each.readyState >= 2 && !each.seeking && each.getVideoPlaybackQuality().totalVideoFrames > 0"
    await until(page, f"[...document.querySelectorAll('video')].every((each) => ({shown}) || {below})")
    await page.evaluate(
        "async () => { for (let n = 0; n < 30; n++) await new Promise(requestAnimationFrame) }"
    )  # painted


async def draw(page: Page, folder: Path, name: str) -> None:
    await settled(page)
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        await page.screenshot(path=file.name)
        with Image.open(file.name) as shot:
            shot.convert("RGB").save(folder / f"{name}.webp", quality=82, method=6)


async def main(folder: Path) -> None:
    gate = Gate(Stage.DENOISING)
    held = {"now": False}

    def pause(stage: Stage, step: int) -> None:
        if held["now"] and step >= 5:
            gate(stage, step)

    with tempfile.TemporaryDirectory() as data:
        async with a_site(Path(data), engine=StandInEngine(pause), roots=(PHOTOS,)) as (url, agent):
            await fill(agent)
            async with a_page() as page:
                await page.goto(url)
                await page.wait_for_selector(".card video")
                await page.wait_for_selector(".card img")
                await draw(page, folder, "page_grid")
                await page.fill("#query", "cat")
                await page.wait_for_selector(".moment")
                await draw(page, folder, "page_search")
                await page.click(".card:has-text('Morning') .moment")
                await page.wait_for_selector("dialog video")
                await until(page, "document.querySelector('dialog video').currentTime > 4.2")
                await page.keyboard.press("Space")
                await page.wait_for_selector(".signature p:has-text('ltx-mcp')")
                await draw(page, folder, "page_player")
            held["now"] = True
            asked = {"prompt": "A lighthouse in the fog, its lamp turning slowly over a grey sea", "wait_s": 0}
            job = (await agent.call_tool("generate_video", asked)).structured_content
            await gate.arrived()
            async with a_page(scheme="light") as page:
                await page.goto(url)
                await page.wait_for_selector(".job progress")
                await page.wait_for_selector(".card img")
                await page.click("summary")
                await draw(page, folder, "page_jobs")
            await agent.call_tool("cancel_job", {"job_id": job["job_id"]})
            gate.open()
            async with a_page(PHONE, scale=1.5) as page:
                await page.goto(url)
                await page.wait_for_selector(".card video")
                await draw(page, folder, "page_phone")


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
