"""Real footage, seen by an open_clip model of the full architecture of PE-Core-T-16-384, whose weights are random."""

import json
from pathlib import Path

import anyio
import pytest
from embedder_kit import PREPROCESS
from media_kit import film

from ltx_mcp.compose import open_studio
from ltx_mcp.index.catalogue import CHECKPOINT, CONFIG
from ltx_mcp.index.embed import OpenClipEmbedder
from ltx_mcp.jobs.record import Job
from ltx_mcp.settings import Settings
from ltx_mcp.types import states
from ltx_mcp.types.requests import ImportRequest
from ltx_mcp.types.searches import SearchRequest

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def full_architecture(folder: Path) -> Path:
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state = open_clip.create_model("PE-Core-T-16-384").state_dict()
    folder.mkdir()
    save_file({name: values.half().contiguous() for name, values in state.items()}, folder / CHECKPOINT)
    config = {"model_cfg": open_clip.get_model_config("PE-Core-T-16-384"), "preprocess_cfg": PREPROCESS}
    (folder / CONFIG).write_text(json.dumps(config))
    return folder


async def ignore(_job: Job) -> None:
    """Its progress."""


async def test_a_frame_of_real_footage_finds_its_own_moment(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", model="stand-in")
    embedder = OpenClipEmbedder(str(full_architecture(tmp_path / "pe")))
    with anyio.fail_after(280):
        async with open_studio(settings, embedder=embedder, any_file=True) as studio:
            clips = {}
            for path in (film("bikes.mp4"), film("bigbuckbunny.mp4")):
                job = await studio.start(ImportRequest(video=str(path), title=path.stem))
                job = await studio.jobs.wait(job.job_id, 200, ignore)
                assert isinstance(job.state, states.Succeeded), job.state
                clips[path.stem] = job.state.clip_id
            for stem, at_s in (("bikes", 6.0), ("bigbuckbunny", 3.0)):
                [moment] = (
                    await studio.search(SearchRequest(image=f"{clips[stem]}@{at_s}", limit=1, moments_per_clip=1))
                ).moments
                assert (moment.clip_id, moment.matched) == (clips[stem], "vision")
                assert moment.peak_s == pytest.approx(at_s, abs=0.6), "the sampled frames beside it look alike"
            assert (await studio.search(SearchRequest(query="bikes"))).moments[0].clip_id == clips["bikes"]
