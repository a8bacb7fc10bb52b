"""Policy files: what a user may add and relax, and how a bad file is refused."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from ltx_mcp.errors import SettingsError
from ltx_mcp.moderation.policy import load_policy
from ltx_mcp.moderation.prompts import Finding, PromptGate

CLOWNS = """
[lists]
clowns = ["clown*", "red nose"]

[[rules]]
id = "house.clowns"
category = "clowns"
needs = [["clowns"]]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, "utf-8")
    return path


def gate(folder: Path, text: str) -> PromptGate:
    return PromptGate(load_policy(write(folder, text)))


def refusal_of(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_policy(write(folder, text))
    return str(refused.value)


def test_the_built_in_policy_uses_every_list_and_names_no_other() -> None:
    policy = load_policy()
    assert {name for rule in policy.rules for name in rule.lists} == policy.lists.keys()


def test_rule_ids_are_unique_and_hard_rules_come_first() -> None:
    rules = load_policy().rules
    assert len({rule.id for rule in rules}) == len(rules)
    assert [rule.hard for rule in rules] == sorted((rule.hard for rule in rules), reverse=True)
    assert {rule.category for rule in rules if rule.hard} == {"sexual_minors"}


def test_the_hard_rule_knows_minors_in_twenty_languages() -> None:
    text = (files("ltx_mcp.moderation") / "policy.toml").read_text("utf-8")
    languages = {name.split(".")[1] for name in tomllib.loads(text)["lists"] if name.startswith("minor.")}
    assert len(languages) >= 20


def test_a_user_file_adds_rules(tmp_path: Path) -> None:
    clowns = gate(tmp_path, CLOWNS)
    assert clowns.check("two cl0wns in a car") == Finding("clowns", "house.clowns", hard=False)
    assert clowns.check("two mimes in a car") is None


def test_a_user_rule_may_need_built_in_lists(tmp_path: Path) -> None:
    text = CLOWNS.replace('[["clowns"]]', '[["clowns"], ["minor"]]')
    assert gate(tmp_path, text).check("a clown juggles") is None
    assert gate(tmp_path, text).check("a clown juggles for a child") is not None


def test_a_user_file_relaxes_plain_rules_and_adds_allow_phrases(tmp_path: Path) -> None:
    relaxed = gate(tmp_path, 'disable = ["sexual.nudity"]\nallow = ["penis worm"]')
    assert relaxed.check("a nude woman by Titian") is None
    assert relaxed.check("a penis worm in the mud, documentary") is None
    assert relaxed.check("a penis") is not None


def test_a_user_file_sets_the_action_of_a_category(tmp_path: Path) -> None:
    relaxed = gate(tmp_path, 'actions = {sexual = "allow", graphic_violence = "review"}')
    assert relaxed.check("a nude woman") is None
    assert relaxed.check("a severed head") == Finding("graphic_violence", "gore", hard=False, action="review")


def test_nothing_in_a_user_file_relaxes_the_hard_rules(tmp_path: Path) -> None:
    text = """
    disable = ["sexual.nudity", "sexual.explicit", "sexual.violence", "likeness.sexual"]
    allow = ["nude schoolgirl", "nude", "schoolgirl", "child porn", "naked boy"]
    actions = {sexual = "allow", sexual_violence = "allow"}
    """
    relaxed = gate(tmp_path, text)
    for prompt in ("a nude schoolgirl", "child porn", "a naked boy"):
        finding = relaxed.check(prompt)
        assert finding is not None
        assert finding.hard


@pytest.mark.parametrize("rule_id", ["minors.abuse", "minors.sexual", "minors.ambiguous", "minors.age", "minors.bare"])
def test_disabling_a_hard_rule_is_refused_by_name(tmp_path: Path, rule_id: str) -> None:
    text = refusal_of(tmp_path, f'disable = ["{rule_id}"]')
    assert f"rule '{rule_id}' is hard and cannot be disabled" in text
    assert str(tmp_path / "policy.toml") in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[lists]\nminor = ["nobody"]', "list 'minor' is built in"),
        ('compounds = ["nude schoolgirl"]', "compounds"),
        ('disable = ["no.such"]', "no built-in rule 'no.such'"),
        (CLOWNS.replace("house.clowns", "minors.sexual"), "rule 'minors.sexual' exists already"),
        (CLOWNS + CLOWNS.split("\n\n")[1], "rule 'house.clowns' exists already"),
        (CLOWNS.replace('[["clowns"]]', '[["mimes"]]'), "rule 'house.clowns' needs the list 'mimes'"),
        (CLOWNS.replace('[["clowns"]]', "[]"), "rule 'house.clowns', needs"),
        (CLOWNS.replace('[["clowns"]]', "[[]]"), "rule 'house.clowns', needs.0"),
        (CLOWNS.replace('category = "clowns"', ""), "rule 'house.clowns', category"),
        (CLOWNS.replace('category = "clowns"', 'category = "clowns"\nregex = "x"'), "rule 'house.clowns', regex"),
        (CLOWNS.replace("clown*", "(clown|mime)+"), "list 'clowns': '(clown|mime)+' is not words"),
        (CLOWNS.replace("clown*", "cl*wn"), "'cl*wn' is not words"),
        (CLOWNS.replace("clown*", "c*"), "'c*' has a * after fewer than 3 letters"),
        (CLOWNS.replace("clown*", "--"), "'--' has no letters"),
        ('actions = {sexual_minors = "review"}', "the rules of 'sexual_minors' are hard"),
        ('actions = {clowns = "allow"}', "no category 'clowns'"),
        ('actions = {sexual = "shrug"}', "actions.sexual"),
        ('allow = [""]', "allow: '' has no letters"),
        ("rules = 3", "rules"),
        ("rules = [3]", "rule 'number 1'"),
        ("allow = [", "not TOML"),
    ],
)
def test_a_bad_file_is_refused_with_file_place_and_problem(tmp_path: Path, text: str, problem: str) -> None:
    said = refusal_of(tmp_path, text)
    assert problem in said
    assert str(tmp_path / "policy.toml") in said


def test_every_problem_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    said = refusal_of(tmp_path, 'disable = ["minors.sexual", "no.such"]\nallow = ["a*"]')
    assert len(said.splitlines()) == 3


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_policy(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b'allow = ["caf\xe9"]')
    with pytest.raises(SettingsError, match="cannot be read"):
        load_policy(tmp_path / "latin.toml")
