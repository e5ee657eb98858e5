"""Faults of files that parse but make no policy, at the place where the reader has to change something."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from ..ast import PolicyFile, Span
from ..errors import BundleError


def fault(file: PolicyFile, span: Span, message: str, code: str, help: str | None = None) -> BundleError:
    """An error at a place of one of the files."""
    return BundleError(message, code=code, span=span, path=file.path, source=file.source, help=help)


def unknown(file: PolicyFile, span: Span, what: str, name: str, known: Iterable[str]) -> BundleError:
    """The error for a name that nothing defines."""
    return fault(file, span, f"there is no {what} `{name}`", f"unknown-{what}", suggestion(what, name, known))


def suggestion(what: str, name: str, known: Iterable[str]) -> str:
    """The name that was probably meant, else those there are, else how to define one."""
    names = {other.lower(): other for other in known}
    close = get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{names[close[0]]}`?"
    if names:
        return f"defined are {', '.join(f'`{other}`' for other in sorted(names.values())[:_LISTED])}"
    return _NONE_DEFINED[what]


def name_within(file: PolicyFile, span: Span, name: str, *, last: bool = False) -> Span:
    """Where a name first (or last) stands inside a wider place, passing over text and comments; the wider place if it
    does not."""
    found = [word for word in _WORDS.finditer(file.source, span.start, span.end) if word.group() == name]
    return _place(file, found[-1 if last else 0]) if found else span


def text_within(file: PolicyFile, span: Span, text: str) -> Span:
    """Where a text in quotes stands inside a wider place; the wider place if it does not."""
    for word in _WORDS.finditer(file.source, span.start, span.end):
        if word.group().startswith('"') and _spelled(word.group()) == text:
            return _place(file, word)
    return span


def _spelled(quoted: str) -> object:
    try:
        return json.loads(quoted)
    except ValueError:
        return None


def _place(file: PolicyFile, word: re.Match[str]) -> Span:
    at = word.start()
    column = at - file.source.rfind("\n", 0, at)
    return Span(at, word.end(), file.source.count("\n", 0, at) + 1, column)


_LISTED: Final = 8
_NONE_DEFINED: Final = {
    "set": "define it: `set name = { ... }`",
    "rule": "a bare name in a condition is a rule's: name one with `as`, or compare an argument, as in `x == true`",
    "group": "define it: `group name = { ... }`",
    "define": "define it: `define name(x) = ...`",
    "counter": "define it: `counter name = count of released tool per session`",
    "label": "define it: `label results of tool as name`, or `levels low < high`",
}
_WORDS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|#[^\n]*|[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*')
