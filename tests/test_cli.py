"""The `ltx-mcp` command: results on standard output, remedies on standard error, exit codes that mean something.

Commands run in this process, on the stand-ins for model and embedder; one whole process at the end holds that nothing
else stands between the shell and `main`. The demo on the micro model is in the slow lane.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import anyio
import anyio.lowlevel
import pytest
from agents import an_agent, text
from media_kit import packets
from PIL import Image

from ltx_mcp.cli.demo import Story
from ltx_mcp.cli.interrupt import interruptible
from ltx_mcp.cli.main import main

LIMIT_S = 60


class Done(NamedTuple):
    """What a shell sees of a command."""

    returncode: int
    stdout: str
    stderr: str


def settings_of(folder: Path, **settings: str) -> dict[str, str]:
    stand_ins = {"LTX_MCP_MODEL": "stand-in", "LTX_MCP_EMBEDDER": "stand-in"}
    return {"LTX_MCP_DATA_DIR": str(folder), **stand_ins, **settings}


def run(folder: Path, *arguments: str, **settings: str) -> Done:
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        for name, value in settings_of(folder, **settings).items():
            patch.setenv(name, value)
        try:
            code = main(arguments)
        except SystemExit as usage:  # argparse
            code = int(usage.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def told_by_the_demo(done: Done) -> dict[str, Any]:
    """The demo's story, held to what is true of it whatever the model."""
    assert done.returncode == 0, done.stderr
    story: dict[str, Any] = json.loads(done.stdout)
    film, (first, second) = story["film"], story["shots"]
    assert all(Path(clip["path"]).is_file() for clip in (first, second, film))
    assert [clip["kind"] for clip in (first, second, film)] == ["generated", "generated", "edited"]
    assert [source["reference"] for source in film["sources"][:2]] == [first["clip_id"], second["clip_id"]]
    assert (film["duration_s"], film["has_audio"]) == (6.0, True)
    assert abs(film["effective"]["loudness"]["integrated_lufs"] + 14) <= 0.5
    assert story["moments"][0]["clip_id"] == film["clip_id"]
    words = Story(**story).told()  # what a person reads, who gave no --json
    assert all(clip["path"] in words and clip["title"] in words for clip in (first, second, film))
    return story


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which the demo has run."""
    folder = tmp_path_factory.mktemp("archive")
    story = told_by_the_demo(run(folder, "demo", "--json"))
    assert "stand-in" in story["model"]
    assert story["moments"][0]["matched"] == "speech", "the stand-ins see nothing in it, and hear its voice"
    return folder


@pytest.mark.slow
def test_the_demo_finds_a_clip_of_the_micro_model_in_words_that_no_prompt_has(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, LTX_MCP_MODEL="micro", LTX_MCP_EMBEDDER="auto")
    command = [sys.executable, "-m", "ltx_mcp", "demo", "--json"]
    process = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=240)
    story = told_by_the_demo(Done(process.returncode, process.stdout, process.stderr))
    moment, shot = story["moments"][0], story["film"]["effective"]["shots"][1]
    assert moment["matched"] == "vision"
    assert shot["start_s"] <= moment["peak_s"] <= shot["end_s"], "the second shot, at its time in the film"
    assert "micro model" in story["model"]


def test_a_clip_is_made_with_what_was_asked_and_listed(archive: Path) -> None:
    asked = ["--duration", "0.5", "--fps", "12", "--aspect", "1:1", "--quality", "draft", "--no-audio", "--seed", "3"]
    done = run(archive, "generate", "a green kite", *asked, "--json")
    assert done.returncode == 0, done.stderr
    clip = json.loads(done.stdout)
    assert (clip["width"], clip["height"], clip["frames"], clip["seed"]) == (240, 240, 6, 3)
    assert clip["has_audio"] is False
    listed = json.loads(run(archive, "clips", "--json").stdout)
    assert listed[0]["clip_id"] == clip["clip_id"]
    assert json.loads(run(archive, "jobs", "--json").stdout)[0]["status"] == "succeeded"


def test_a_moment_is_animated_and_the_clip_restyled(archive: Path) -> None:
    clip_id = json.loads(run(archive, "clips", "--json").stdout)[-1]["clip_id"]
    options = ["--duration", "0.5", "--quality", "draft", "--keyframe", f"0.25={clip_id}@0.5"]
    animated = run(archive, "animate", f"{clip_id}@1", "it drifts on", *options, "--json")
    assert animated.returncode == 0, animated.stderr
    made = json.loads(animated.stdout)
    assert (made["kind"], made["source"], made["frames"]) == ("animated", f"{clip_id}@1", 12)
    restyled = run(archive, "restyle", made["clip_id"], "in watercolour", "--strength", "0.4", "--json")
    assert restyled.returncode == 0, restyled.stderr
    assert json.loads(restyled.stdout)["source"] == made["clip_id"]
    assert json.loads(restyled.stdout)["requested"]["keep_audio"] is True
    asked = ("restyle", made["clip_id"], "in ink", "--no-keep-audio", "--json")
    assert json.loads(run(archive, *asked).stdout)["requested"]["keep_audio"] is False


@pytest.mark.slow
def test_a_clip_is_continued_by_several_prompts_and_a_span_of_it_is_regenerated(archive: Path) -> None:
    clip_id = json.loads(run(archive, "clips", "--json").stdout)[-1]["clip_id"]
    options = [
        "--extend",
        f"{clip_id}@0-0.5",
        "--then",
        "it stops",
        "--duration",
        "0.5",
        "--quality",
        "draft",
        "--json",
    ]
    extended = run(archive, "generate", "it drifts on", *options)
    assert extended.returncode == 0, extended.stderr
    made = json.loads(extended.stdout)
    assert (made["recipe"], made["source"], made["frames"]) == ("extend", f"{clip_id}@0-0.5", 36)
    span = f"{made['clip_id']}@0.5-1"
    again = run(archive, "generate", "it turns", "--retake", span, "--quality", "draft", "--json")
    assert again.returncode == 0, again.stderr
    assert (json.loads(again.stdout)["recipe"], json.loads(again.stdout)["source"]) == ("retake", span)


def test_a_search_prints_the_moment_and_its_path(archive: Path) -> None:
    done = run(archive, "search", "rain on windows")
    assert done.returncode == 0, done.stderr
    assert "blue-square-rises" in done.stdout.replace("\n", "")
    found = json.loads(run(archive, "search", "rain on windows", "--json").stdout)
    assert Path(found["moments"][0]["path"]).is_file()


def test_an_embedder_that_is_not_here_leaves_the_words_and_says_how_to_get_it(archive: Path) -> None:
    done = run(archive, "search", "rain on windows", "--json", LTX_MCP_EMBEDDER="ViT-B-32/laion2b_s34b_b79k")
    found = json.loads(done.stdout)
    assert "blue-square-rises" in found["moments"][0]["clip_id"]
    assert "`ltx-mcp setup` fetches ViT-B-32 (0.6 GB, MIT)" in found["note"]
    unknown = run(archive, "search", "rain on windows", "--json", LTX_MCP_EMBEDDER="ViT-B-32/nothing")
    assert json.loads(unknown.stdout)["moments"] == found["moments"]
    assert "ViT-B-32/nothing is not known" in json.loads(unknown.stdout)["note"]


def test_setup_says_what_it_would_fetch_and_fetches_nothing_that_nobody_agreed_to(archive: Path) -> None:
    planned = run(archive, "setup", "--dry-run", "--json", LTX_MCP_EMBEDDER="auto")
    parts = {part["name"]: part for part in json.loads(planned.stdout)}
    assert planned.returncode == 0
    assert {part["licence"] for part in parts.values() if part["part"] == "search"} <= {"Apache-2.0", "MIT"}
    assert [part["here"] for part in parts.values() if part["part"] == "moderation"] == [True, False, False]
    named = {"LTX_MCP_EMBEDDER": "PE-Core-B-16/meta"}
    assert "1.8 GB to fetch. Licence: Apache-2.0." in run(archive, "setup", "--dry-run", **named).stdout
    forbidden = run(archive, "setup", "--yes", LTX_MCP_DOWNLOADS="never", **named)
    assert (forbidden.returncode, "LTX_MCP_DOWNLOADS=never" in forbidden.stderr) == (2, True)
    offline = run(archive, "setup", "--yes", **named)
    assert (offline.returncode, "HF_HUB_OFFLINE forbids fetching it" in offline.stderr) == (1, True)
    nobody = run(archive, "setup", **named)
    assert (nobody.returncode, "--yes fetches it" in nobody.stderr) == (2, True)


def test_reindex_heals_an_index_that_was_lost(archive: Path) -> None:
    before = found_by_words(archive)
    (archive / "index").rename(archive / "index-lost")
    done = run(archive, "reindex", "--prune", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["added"]) >= 2
    assert json.loads(done.stdout)["pruned"] == []
    assert found_by_words(archive) == before != set()


def found_by_words(archive: Path) -> set[str]:
    """By text alone: embeddings of a decoded file differ a little from those taken while it was rendered."""
    moments = json.loads(run(archive, "search", "red circle", "--json").stdout)["moments"]
    return {moment["clip_id"] for moment in moments if moment["matched"] != "vision"}


def test_the_models_are_listed_for_people_and_for_scripts(archive: Path) -> None:
    listed = json.loads(run(archive, "models", "--json").stdout)
    assert {"ltx-2.3", "ltx-2.3-dev", "ltx-2", "ltx-2.5"} < {model["name"] for model in listed}
    told = run(archive, "models").stdout
    assert "LTX-2 Community License" in told
    assert "GB to fetch" in told


def test_a_draft_is_finished_from_the_command_line(archive: Path) -> None:
    made = ("generate", "a red circle", "--duration", "0.5", "--quality", "draft", "--json")
    draft = json.loads(run(archive, *made).stdout)
    finished = run(archive, "finalize", draft["clip_id"], "--json")
    assert finished.returncode == 0, finished.stderr
    clip = json.loads(finished.stdout)
    assert (clip["recipe"], clip["width"], clip["source"]) == ("final", 832, draft["clip_id"])


def test_the_doctor_is_content_here_and_names_what_is_missing_elsewhere(archive: Path) -> None:
    healthy = run(archive, "doctor", "--json", LTX_MCP_MODEL="micro", LTX_MCP_EMBEDDER="auto")
    assert healthy.returncode == 0, healthy.stdout
    findings = {finding["what"]: finding for finding in json.loads(healthy.stdout)}
    assert "micro" in findings["model"]["found"]
    ill = run(archive, "doctor", LTX_MCP_MODEL="ltx-2.3", LTX_MCP_EMBEDDER="ViT-B-32/laion2b_s34b_b79k")
    assert ill.returncode == 1
    assert "LTX_MCP_ACCEPT_LICENCE" in ill.stdout
    assert "too large: ltx-2.3" in ill.stdout
    assert ill.stdout.count("NOT OK") >= 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["generate", "hardcore porn"], 3, "refused"),
        (["generate", "x", "--duration", "99"], 2, "--duration"),
        (["generate", ""], 2, "prompt"),
        (["generate", "x", "--resolution", "9p"], 2, "240p"),
        (["generate", "x", "--extend", "none-aaaaaaaa"], 2, "no clip"),
        (["generate", "x", "--retake", "none-aaaaaaaa@1-2", "--then", "y"], 2, "then adds shots"),
        (["search", "x", "--clip", "none-aaaaaaaa"], 2, "no clip"),
        (["search", "x", "--limit", "21"], 2, "--limit = 21 cannot be used: it must be a whole number from 1 to 20"),
        (["search", "--image", "/etc/passwd"], 2, "passwd"),
        (["animate", "none-aaaaaaaa@1", "x"], 2, "no clip"),
        (["animate", "mistyped.png", "x"], 2, "mistyped.png cannot be read: No such file"),
        (["animate", "astronaut", "x"], 2, "'astronaut' is not a valid media reference. There is no such file."),
        (["animate", "https://example.org/a.png", "x"], 2, "URLs are not fetched"),
        (["finalize", "none-aaaaaaaa"], 2, "no clip"),
        (["import", "mistyped.mp4"], 2, "mistyped.mp4 cannot be read: No such file"),
        (["edit", "mistyped.json"], 2, "mistyped.json cannot be read: No such file"),
        (["generate", "x", "--lora", "nothing=1"], 2, "nothing"),
        (["animate", "x.png", "x", "--keyframe", "dusk.png"], 2, "SECONDS=IMAGE"),
        (["nonsense"], 2, "demo"),
        ([], 2, "COMMAND"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    archive: Path, arguments: list[str], code: int, words: str
) -> None:
    done = run(archive, *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_what_was_mistyped_leaves_no_job_behind(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "first.png")
    for arguments in (
        ("animate", "mistyped.png", "x"),
        ("animate", str(tmp_path / "first.png"), "x", "--keyframe", "0.5=mistyped.png"),
        ("restyle", "none-aaaaaaaa@1-2", "x"),
        ("generate", "x", "--extend", "mistyped.mp4"),
        ("generate", "x", "--fps", "999"),
        ("generate", "x", "--extend", "a", "--retake", "b"),
        ("generate", "x", "--lora", "nothing"),
    ):
        done = run(tmp_path / "data", *arguments)
        assert done.returncode == 2, done
    assert json.loads(run(tmp_path / "data", "jobs", "--json").stdout) == []


def test_a_person_may_name_any_file_by_a_path_from_here_and_an_agent_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Image.new("RGB", (320, 180), (200, 30, 30)).save("first.png")
    Image.new("RGB", (320, 180), (30, 30, 200)).save(tmp_path / "last.png")
    asked = ("animate", "first.png", "it drifts", "--end-image", "../last.png", "--duration", "0.5", "--json")
    done = run(tmp_path / "data", *asked)
    assert done.returncode == 0, done.stderr
    clip = json.loads(done.stdout)
    assert clip["source"] == str(tmp_path / "here" / "first.png"), "whoever reads it later stands elsewhere"
    assert Path(clip["requested"]["end_image"]).samefile(tmp_path / "last.png")
    inside = clip["path"].replace("video.mp4", "sheet.jpg")
    assert "belongs to the archive" in run(tmp_path / "data", "animate", inside, "x").stderr

    async def as_an_agent() -> str:
        async with an_agent(tmp_path / "data") as agent:
            arguments = {"image": str(tmp_path / "here" / "first.png"), "prompt": "it drifts"}
            return text(await agent.call_tool("animate_image", arguments))

    assert "LTX_MCP_ROOTS" in anyio.run(as_an_agent)


def test_a_films_paths_start_at_its_folder(tmp_path: Path) -> None:
    Image.new("RGB", (320, 180), (200, 30, 30)).save(tmp_path / "red.png")
    film = tmp_path / "film.json"
    film.write_text(json.dumps({"shots": [{"source": "red.png", "duration_s": 0.5}, {"source": "blue.png"}]}))
    missing = run(tmp_path / "data", "edit", str(film))
    assert missing.returncode == 2
    assert f"{tmp_path / 'blue.png'} cannot be read" in missing.stderr
    film.write_text(json.dumps({"shots": [{"source": "red.png", "duration_s": 0.5}]}))
    done = run(tmp_path / "data", "edit", str(film), "--resolution", "240p", "--title", "Red", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"][0]["reference"] == str(tmp_path / "red.png")


def test_ctrl_c_holds_off_while_a_job_begins() -> None:
    begun = []

    async def work() -> None:
        with interruptible():
            with anyio.CancelScope(shield=True):
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(20):
                    await anyio.lowlevel.checkpoint()
                begun.append("a job")
            await anyio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        anyio.run(work)
    assert begun == ["a job"]


@pytest.mark.slow
def test_ctrl_c_cancels_the_job_and_says_so(tmp_path: Path) -> None:
    long = [sys.executable, "-m", "ltx_mcp", "generate", "x", "--duration", "20", "--resolution", "2160p"]
    env = {**os.environ, **settings_of(tmp_path)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it
    with subprocess.Popen(long, env=env, preexec_fn=heeding, **pipes) as process:
        with fail_after(process, LIMIT_S):
            while not (jobs := json.loads(run(tmp_path, "jobs", "--json").stdout)):
                assert process.poll() is None
        assert jobs[0]["status"] == "running"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, out) == (130, "")
    assert "Cancelled; nothing unfinished was kept." in err
    assert "Traceback" not in err
    assert json.loads(run(tmp_path, "jobs", "--json").stdout)[0]["status"] == "cancelled"
    assert not list((tmp_path / "staging").rglob("*.mp4"))


@contextmanager
def fail_after(process: subprocess.Popen[str], limit_s: float) -> Iterator[None]:
    """Bound a wait for another process: it is killed at the limit."""
    timer = Timer(limit_s, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def test_all_problems_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    done = run(tmp_path, "clips", LTX_MCP_MAX_WAIT_S="soon", LTX_MCP_LOG_LEVEL="loud", LTX_MCP_COLOUR="red")
    assert done.returncode == 2
    for name in ("LTX_MCP_MAX_WAIT_S", "LTX_MCP_LOG_LEVEL", "LTX_MCP_COLOUR"):
        assert name in done.stderr


def test_the_config_file_is_read_under_the_environment_and_placeholders_count_as_unset(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('LTX_MCP_MODEL = "micro"\nmax_queue = "many"\n')
    done = run(tmp_path, "clips", LTX_MCP_MODEL="${user_config.model}")
    assert done.returncode == 2
    assert "LTX_MCP_MAX_QUEUE='many'" in done.stderr
    assert "LTX_MCP_MODEL" not in done.stderr
    assert run(tmp_path, "clips", LTX_MCP_MAX_QUEUE="3").returncode == 0


def test_the_command_is_a_process_that_says_and_exits_the_same(tmp_path: Path) -> None:
    arguments = ("generate", "hardcore porn", "--json")
    command = [sys.executable, "-m", "ltx_mcp", *arguments]
    env = {**os.environ, **settings_of(tmp_path)}
    process = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert Done(process.returncode, process.stdout, process.stderr) == run(tmp_path, *arguments)
    assert process.returncode == 3


def test_edit_makes_the_same_film_of_json_and_of_its_timeline(tmp_path: Path) -> None:
    for colour in ("red", "blue"):
        Image.new("RGB", (416, 240), colour).save(tmp_path / f"{colour}.png")
    shots = [{"source": f"{colour}.png", "duration_s": 0.5, "transition": "dissolve"} for colour in ("red", "blue")]
    shots[0]["duration_s"] = 1.0
    (tmp_path / "film.json").write_text(json.dumps({"title": "Two", "fps": 10, "shots": shots}))
    roots = {"LTX_MCP_ROOTS": str(tmp_path)}
    first = run(tmp_path / "data", "edit", str(tmp_path / "film.json"), "--json", **roots)
    assert first.returncode == 0, first.stderr
    film = json.loads(first.stdout)
    timeline = Path(film["path"]).with_name("timeline.otio")
    second = json.loads(run(tmp_path / "data", "edit", str(timeline), "--json", **roots).stdout)
    assert packets(Path(second["path"])) == packets(Path(film["path"]))
    assert (film["kind"], film["frames"]) == ("edited", 10)
    missing = run(tmp_path / "data", "edit", str(tmp_path / "none.json"))
    assert (missing.returncode, "none.json cannot be read" in missing.stderr) == (2, True)
