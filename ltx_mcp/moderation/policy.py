"""The rules for prompts: our own reviewed file, and what a user's file adds or relaxes.

A rule names groups of word lists; it fires when every group has a hit. A hard rule can't be disabled, and no
allow-phrase of anybody disarms it. A user's file adds lists, rules and allow-phrases, and disables plain rules.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from ltx_mcp.errors import SettingsError
from ltx_mcp.moderation.phrases import parse_term
from ltx_mcp.types.value import Value

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]+$", max_length=64)]
Terms = Annotated[tuple[str, ...], Field(min_length=1)]


Action = Literal["allow", "review", "block"]
PROMPT_WORDS = 700  # as many as a prompt of 4,000 characters has: further apart, words were never read as one prompt


class Rule(Value):
    """Fires when every group of `needs` has a hit in at least one of its lists, all `within` so many words.

    A hit near one of the lists of `unless` does not count. `category` is what the agent reads.
    """

    id: Slug
    category: Slug
    needs: Annotated[tuple[Annotated[tuple[Slug, ...], Field(min_length=1)], ...], Field(min_length=1)]
    unless: tuple[Slug, ...] = ()
    within: Annotated[int, Field(ge=0)] = PROMPT_WORDS
    hard: bool = False

    @property
    def lists(self) -> set[str]:
        """The names of all the lists that it looks at."""
        return {name for group in (*self.needs, self.unless) for name in group}


class _Rules(Value):
    lists: dict[Slug, Terms] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    allow: tuple[str, ...] = ()
    actions: dict[Slug, Action] = Field(default_factory=dict)


class _OwnRules(_Rules):
    compounds: tuple[str, ...] = ()
    negators: tuple[str, ...] = ()
    ages: dict[Slug, str]


class _UserRules(_Rules):
    disable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """`rules`, hard ones first. `allow` disarms plain rules; `compounds`, ours alone, disarm hard ones too.

    `negators` disarm the word after them for plain rules. `actions` tells what becomes of a category.
    """

    lists: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    allow: tuple[str, ...]
    compounds: tuple[str, ...]
    negators: tuple[str, ...]
    actions: Mapping[str, Action]

    def action(self, category: str) -> Action:
        return self.actions.get(category, "block")


_AGE = re.compile(r"\{age(?:\.(\w+))?\}")
_LANGUAGE = re.compile(r"\.[a-z]{2}$")  # of a list's name: the list itself has all its languages
_File = TypeVar("_File", bound=_Rules)


def load_policy(user_file: Path | None = None) -> Policy:
    """Our rules, and the user's on top. Raises SettingsError with every problem, a line each: file, rule, problem."""
    own = _parsed("policy.toml", (files("ltx_mcp.moderation") / "policy.toml").read_text("utf-8"), _OwnRules)
    if user_file is None:
        return _joined(own, _UserRules())
    user = _parsed(str(user_file), _text(user_file), _UserRules)
    if problems := list(_problems(own, user)):
        raise SettingsError("\n".join(f"{user_file}: {problem}" for problem in problems))
    return _joined(own, user)


def _joined(own: _OwnRules, user: _UserRules) -> Policy:
    kept = [rule for rule in own.rules + user.rules if rule.id not in user.disable]
    rules = tuple(sorted(kept, key=lambda rule: not rule.hard))
    lists: dict[str, tuple[str, ...]] = {}
    for name, terms in {**own.lists, **user.lists}.items():
        whole = _LANGUAGE.sub("", name)
        lists[whole] = lists.get(whole, ()) + tuple(_with_ages(terms, own.ages))
    actions = {**own.actions, **user.actions}
    return Policy(lists, rules, own.allow + user.allow, own.compounds, own.negators, actions)


def _with_ages(terms: Iterable[str], ages: Mapping[str, str]) -> Iterator[str]:
    """The terms, with one for each age in place of `{age}`, in digits and in the words of the language it names."""
    for term in terms:
        found = _AGE.search(term)
        if found is None:
            yield term
            continue
        for age in (*map(str, range(1, 18)), *ages.get(found[1] or "en", "").split()):
            yield term.replace(found[0], age)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: the policy file cannot be read: {error}") from error


def _parsed(name: str, text: str, shape: type[_File]) -> _File:
    try:
        raw = tomllib.loads(text)
        return shape.model_validate(raw)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name}: the policy file is not TOML: {error}") from error
    except ValidationError as error:
        lines = (f"{name}: {_place(raw, problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise SettingsError("\n".join(lines)) from error


def _place(raw: dict[str, Any], where: tuple[int | str, ...]) -> str:
    """Where in the file, rules by their id: the reader knows ids, not positions."""
    if where[0] == "rules" and len(where) > 1 and isinstance(where[1], int):
        rule = raw["rules"][where[1]]
        name = rule.get("id", f"number {where[1] + 1}") if isinstance(rule, dict) else f"number {where[1] + 1}"
        return f"rule {name!r}, " + ".".join(str(part) for part in where[2:])
    return ".".join(str(part) for part in where)


def _problems(own: _OwnRules, user: _UserRules) -> Iterator[str]:
    own_rules = {rule.id: rule for rule in own.rules}
    built_in = {_LANGUAGE.sub("", name) for name in own.lists}
    for name in (name for name in user.lists if _LANGUAGE.sub("", name) in built_in):
        yield f"list {name!r} is built in and stays as it is; choose another name"
    yield from _term_problems(user)
    for rule_id, count in Counter(rule.id for rule in user.rules).items():
        if rule_id in own_rules or count > 1:
            yield f"rule {rule_id!r} exists already; choose another id"
    for rule in user.rules:
        for name in sorted(rule.lists - built_in - {_LANGUAGE.sub("", name) for name in user.lists}):
            yield f"rule {rule.id!r} needs the list {name!r}, and there is none of that name"
    for rule_id in user.disable:
        if rule_id not in own_rules:
            yield f"disable: there is no built-in rule {rule_id!r}; there are {', '.join(sorted(own_rules))}"
        elif own_rules[rule_id].hard:
            yield f"disable: rule {rule_id!r} is hard and cannot be disabled"
    hard = {rule.category for rule in own.rules if rule.hard}
    categories = {rule.category for rule in own.rules + user.rules}
    for category in user.actions:
        if category not in categories:
            yield f"actions: there is no category {category!r}; there are {', '.join(sorted(categories))}"
        elif category in hard:
            yield f"actions: the rules of {category!r} are hard: they always block"


def _term_problems(rules: _Rules) -> Iterator[str]:
    sources: Iterable[tuple[str, tuple[str, ...]]] = [
        *((f"list {name!r}", terms) for name, terms in rules.lists.items()),
        ("allow", rules.allow),
    ]
    for source, terms in sources:
        for term in terms:
            try:
                parse_term(_AGE.sub("1", term))
            except ValueError as error:
                yield f"{source}: {error}"
