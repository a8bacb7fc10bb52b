"""The words of a search: parts of words in scripts without spaces, slips, and queries that are no words at all."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from index_kit import find, ids, make_clip

from ltx_mcp.index.letters import parts_asked, parts_of
from ltx_mcp.index.rebuild import match_words
from ltx_mcp.index.spelling import Vocabulary, slips_between
from ltx_mcp.index.stand_in import ColourEmbedder
from ltx_mcp.index.store import ClipIndex

pytestmark = pytest.mark.anyio

PROMPTS = {
    "panda": "一只红色的熊猫在竹林里吃竹子",
    "whale": "蓝色的鲸鱼在海里游泳",
    "dog": "夕焼けの海辺を犬が走っています。波の音",
    "cat-th": "แมวกำลังเล่นเปียโนในห้องนั่งเล่น",
    "cat-km": "ឆ្មាកំពុងលេងព្យាណូ",
    "cat-ko": "한국의 고양이가 피아노를 연주한다",
    "mixed": "LTX動画で街を歩く",
    "cat-ru": "Кошка играет на пианино",
    "boats": "Fishing boats leave the harbour at dawn",
    "castle": "A castle above the river",
    "violin": "A violinist in a café plays",
}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClipIndex]:
    index = ClipIndex(tmp_path_factory.mktemp("words") / "index", ColourEmbedder())
    with anyio.fail_after(120):
        await index.put([make_clip(clip_id, prompt) for clip_id, prompt in PROMPTS.items()])
        yield index
    await index.close()


@pytest.mark.parametrize(
    ("asked", "clip_id"),
    [
        ("熊猫", "panda"),
        ("竹林", "panda"),
        ("红色的熊猫", "panda"),
        ("大熊猫", "panda"),
        ("鲸", "whale"),
        ("犬", "dog"),
        ("海辺を走る犬", "dog"),
        ("ﾋﾟｱﾉ", None),
        ("เปียโน", "cat-th"),
        ("ห้อง", "cat-th"),
        ("ព្យាណូ", "cat-km"),
        ("고양이", "cat-ko"),
        ("피아노 연주", "cat-ko"),
        ("動画", "mixed"),
        ("кошка", "cat-ru"),
        ("КОШКА ИГРАЕТ", "cat-ru"),
        ("cafe", "violin"),
        ("绿色的鹦鹉", None),
        ("ช้าง", None),
    ],
)
async def test_a_prompt_is_found_by_a_part_of_it_in_any_script(
    index: ClipIndex, asked: str, clip_id: str | None
) -> None:
    found = await find(index, asked)
    assert ids(found)[:1] == ([clip_id] if clip_id else []), found.note
    assert clip_id is None or "few of them" not in found.note


@pytest.mark.parametrize(
    ("asked", "clip_id", "meant"),
    [
        ("fishng", "boats", "fishing"),
        ("a harbor", "boats", "harbour"),
        ("caslte", "castle", "castle"),
        ("violinst plasy", "violin", "violinist"),
        ("кошкка", "cat-ru", "кошка"),
    ],
)
async def test_a_slip_finds_the_word_that_was_meant_and_says_so(
    index: ClipIndex, asked: str, clip_id: str, meant: str
) -> None:
    found = await find(index, asked)
    assert ids(found) == [clip_id]
    assert f'searched for "{meant}"' in found.note


@pytest.mark.parametrize("asked", ["boat", "river castles", "a boat with a lantern", "fishes", "harbours"])
async def test_words_that_are_there_are_not_respelled(index: ClipIndex, asked: str) -> None:
    found = await find(index, asked)
    assert ids(found)[0] in ("boats", "castle")
    assert "searched for" not in found.note


@pytest.mark.parametrize("asked", ["coat", "wiolin", "bears", "zebra"])
async def test_what_is_only_somewhat_alike_is_not_found(index: ClipIndex, asked: str) -> None:
    assert not (await find(index, asked)).moments


def test_two_slips_are_forgiven_in_long_words_alone() -> None:
    assert [slips_between("harbor", other, 2) for other in ("harbor", "harbour", "hrabor", "hrbr", "boat")] == [
        0, 1, 1, 2, 3,
    ]  # fmt: skip
    words = Vocabulary(["lighthouse lighthouse lightroom", "river rover rover"])
    assert words.nearest("lihgthuose") == "lighthouse"
    assert words.nearest("rivre") == "river"
    assert words.nearest("raver") == "rover", "the commoner of two"
    assert words.nearest("river") is None


def test_parts_are_letters_as_people_count_them() -> None:
    assert parts_of("a 竹林 x") == ["竹", "林", "竹林"]
    assert parts_asked("竹林里 a 犬") == ["竹林", "林里", "犬"]
    assert parts_of("plain text, naïve") == []
    assert len(parts_of("ก" + "\u0e48" * 500)[0]) == 8


async def test_a_table_of_words_of_an_older_version_is_filled_again(tmp_path: Path) -> None:
    clips = [make_clip("panda", PROMPTS["panda"])]
    index = ClipIndex(tmp_path / "index", ColourEmbedder())
    await index.put(clips)
    table = await index._tables.clips()
    await table.drop_columns(["parts"])
    await table.update(updates={"fingerprint": "old"})
    await index.close()
    index = ClipIndex(tmp_path / "index", ColourEmbedder())
    assert (await match_words(index, clips)).added == ("panda",)
    assert ids(await find(index, "竹林")) == ["panda"]
    await index.close()
