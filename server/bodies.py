"""Small JSON bodies for people's routes: one strict object, every member known and of its kind, or a refusal."""

from __future__ import annotations

from typing import Any, TypeVar

from policy_dsl import StrictJsonError, strict_json

from .edge import EdgeError

Choice = TypeVar("Choice", bound=str)

MOST_SAID = 1_000
"""Characters of a reason: it is kept with what it is said about."""


def read_members(body: bytes, code: str, required: frozenset[str], optional: frozenset[str]) -> dict[str, Any]:
    """The members of the object that `body` spells. Raises EdgeError 400 with `code`; it repeats nothing that was sent
    but the names that were expected."""
    try:
        tree = strict_json.parse(body) if body else {}
    except StrictJsonError as error:
        raise EdgeError(400, code, f"the body is not strict JSON: {error.message}") from error
    if not isinstance(tree, dict):
        raise EdgeError(400, code, "the body is an object")
    names = ", ".join(f"`{name}`" for name in sorted(required | optional)) or "nothing"
    if not tree.keys() <= required | optional:
        raise EdgeError(400, code, f"the body holds {names}, and nothing else")
    for name in sorted(required - tree.keys()):
        raise EdgeError(400, code, f"`{name}` is missing")
    return tree


def text_of(members: dict[str, Any], name: str, code: str, *, default: str | None = None, most: int = MOST_SAID) -> str:
    """A text member of at most `most` characters, `default` where it may be missing and is."""
    value = members.get(name, default)
    if not isinstance(value, str) or len(value) > most:
        raise EdgeError(400, code, f"`{name}` is text of at most {most} characters")
    return value


def choice_of(
    members: dict[str, Any], name: str, code: str, choices: tuple[Choice, ...], default: Choice | None
) -> Choice:
    """One of `choices`."""
    value = members.get(name, default)
    for choice in choices:
        if value == choice:
            return choice
    raise EdgeError(400, code, f"`{name}` is {' or '.join(f'`{choice}`' for choice in choices)}")


def number_of(members: dict[str, Any], name: str, code: str, *, default: int | None = None) -> int | None:
    """A whole number from 0 on, `default` where it is missing."""
    value = members.get(name, default)
    if name not in members:
        return default
    if type(value) is not int or not 0 <= value < 2**53:
        raise EdgeError(400, code, f"`{name}` is a whole number")
    return value
