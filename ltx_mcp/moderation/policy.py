"""The rules for prompts: our own reviewed file, and what a user's file adds or relaxes.

A rule names groups of word lists; it fires when every group has a hit. A hard rule can't be disabled, and no
allow-phrase of anybody disarms it. A user's file adds lists, rules and allow-phrases, and disables plain rules.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from ltx_mcp.errors import SettingsError
from ltx_mcp.moderation.phrases import parse_term
from ltx_mcp.types.value import Value

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]+$", max_length=64)]
Terms = Annotated[tuple[str, ...], Field(min_length=1)]


class Rule(Value):
    """Fires when every group of `needs` has a hit in at least one of its lists. `category` is what the agent reads."""

    id: Slug
    category: Slug
    needs: Annotated[tuple[Annotated[tuple[Slug, ...], Field(min_length=1)], ...], Field(min_length=1)]
    hard: bool = False


class _Rules(Value):
    lists: dict[Slug, Terms] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    allow: tuple[str, ...] = ()


class _OwnRules(_Rules):
    compounds: tuple[str, ...] = ()


class _UserRules(_Rules):
    disable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """`rules`, hard ones first. `allow` disarms plain rules; `compounds`, ours alone, disarm hard ones too."""

    lists: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    allow: tuple[str, ...]
    compounds: tuple[str, ...]


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
    return Policy({**own.lists, **user.lists}, rules, own.allow + user.allow, own.compounds)


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
    for name in user.lists.keys() & own.lists.keys():
        yield f"list {name!r} is built in and stays as it is; choose another name"
    yield from _term_problems(user)
    for rule_id, count in Counter(rule.id for rule in user.rules).items():
        if rule_id in own_rules or count > 1:
            yield f"rule {rule_id!r} exists already; choose another id"
    for rule in user.rules:
        for name in sorted({name for group in rule.needs for name in group} - own.lists.keys() - user.lists.keys()):
            yield f"rule {rule.id!r} needs the list {name!r}, and there is none of that name"
    for rule_id in user.disable:
        if rule_id not in own_rules:
            yield f"disable: there is no built-in rule {rule_id!r}; there are {', '.join(sorted(own_rules))}"
        elif own_rules[rule_id].hard:
            yield f"disable: rule {rule_id!r} is hard and cannot be disabled"


def _term_problems(rules: _Rules) -> Iterator[str]:
    sources: Iterable[tuple[str, tuple[str, ...]]] = [
        *((f"list {name!r}", terms) for name, terms in rules.lists.items()),
        ("allow", rules.allow),
    ]
    for source, terms in sources:
        for term in terms:
            try:
                parse_term(term)
            except ValueError as error:
                yield f"{source}: {error}"
