"""Settings as people and hosts write them: taken as meant, or told with all other problems."""

import os
from pathlib import Path

import pytest

from ltx_mcp.cli.doctor import _finding, _roots
from ltx_mcp.errors import SettingsError
from ltx_mcp.settings import Settings


def loaded(folder: Path, **variables: str) -> Settings:
    return Settings.load({"HOME": str(folder), "LTX_MCP_DATA_DIR": str(folder / "data"), **variables})


@pytest.mark.parametrize(
    "spelled",
    [
        "${HOME}/x",
        "$HOME/x",
        "%HOME%/x",
        "~/x",
        " ~/x ",
        '"~/x"',
        "'${HOME}/x'",
        ' "$HOME/x" ',
        '"$HOME"/x'.replace('"', ""),
        "file://HERE/x",
        "HERE/x",
        '["HERE/x"]',
        "HERE/x\n",
    ],
)
def test_a_folder_is_taken_as_it_was_meant(tmp_path: Path, spelled: str) -> None:
    text = spelled.replace("HERE", str(tmp_path))
    assert loaded(tmp_path, LTX_MCP_ROOTS=text).roots == (tmp_path / "x",)
    if "[" not in spelled:
        found = loaded(tmp_path, LTX_MCP_LORA_DIR=text, LTX_MCP_DATA_DIR=text)
        assert (found.lora_dir, found.data_dir) == (tmp_path / "x", tmp_path / "x")


def test_several_folders_stand_as_in_path_each_in_its_own_spelling(tmp_path: Path) -> None:
    text = os.pathsep.join(("~/a b", '"${HOME}/c"', "", f" {tmp_path}/d ", f"file://{tmp_path}/e%20f"))
    expected = tuple(tmp_path / name for name in ("a b", "c", "d", "e f"))
    assert loaded(tmp_path, LTX_MCP_ROOTS=text).roots == expected
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "config.toml").write_text('roots = ["~/a b", "${HOME}/c"]\n')
    assert loaded(tmp_path).roots == expected[:2]


def test_what_cannot_be_meant_is_told_with_the_other_problems(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, LTX_MCP_ROOTS="/a:${NOWHERE}/b", LTX_MCP_DATA_DIR="${LOST}", LTX_MCP_MAX_QUEUE="many")
    told = str(error.value).splitlines()
    assert len(told) == 3
    assert any("LTX_MCP_ROOTS='${NOWHERE}/b' cannot be used: the variable NOWHERE is not set." in line for line in told)
    assert any(line.startswith("LTX_MCP_DATA_DIR='${LOST}'") for line in told)


def test_a_hosts_own_placeholder_counts_as_not_set(tmp_path: Path) -> None:
    found = loaded(tmp_path, LTX_MCP_ROOTS="${user_config.roots}", LTX_MCP_MODEL="${MODEL}", LTX_MCP_LOG_LEVEL="")
    assert (found.roots, found.model, found.log_level) == ((), "auto", "INFO")


def test_words_may_have_quotes_spaces_and_any_case(tmp_path: Path) -> None:
    variables = {"LTX_MCP_LOG_LEVEL": "debug", "LTX_MCP_DOWNLOADS": ' "Never" ', "LTX_MCP_MAX_QUEUE": "'3'"}
    found = loaded(tmp_path, **variables, LTX_MCP_ACCEPT_LICENCE=" true ")
    assert (found.log_level, found.downloads, found.max_queue, found.accept_licence) == ("DEBUG", "never", 3, True)


def test_doctor_lists_each_root_with_whether_it_exists(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "file").touch()
    roots = os.pathsep.join(str(tmp_path / name) for name in ("here", "gone", "file"))
    check = _finding("input roots", _roots, loaded(tmp_path, LTX_MCP_ROOTS=roots))
    assert not check.ok
    assert "LTX_MCP_ROOTS" in check.remedy
    for told in ("here (exists)", "gone (does not exist)", "file (not a folder)"):
        assert str(tmp_path / told) in check.found
    assert _finding("input roots", _roots, loaded(tmp_path, LTX_MCP_ROOTS="~/here")).ok


@pytest.mark.parametrize("spelled", ["s3://bucket/folder", " 's3://bucket/folder' "])
def test_the_index_lies_in_a_folder_or_in_an_object_store(tmp_path: Path, spelled: str) -> None:
    assert loaded(tmp_path).index is None
    assert loaded(tmp_path, LTX_MCP_INDEX=spelled).index == "s3://bucket/folder"
    assert loaded(tmp_path, LTX_MCP_INDEX="${HOME}/x").index == tmp_path / "x"
