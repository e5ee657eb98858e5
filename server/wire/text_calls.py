"""A call that a model wrote as text: what it is, how JSON spells it, and its canonical form.

text_grammars.py knows the marks that introduce such calls. A call is released only in canonical form, printed from the
tree that was judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse, parse_object

from .calls import MAX_CALL, HeldCall, read_arguments
from .json_probe import ARGUMENT_KEYS, NAME_KEYS, OTHER_KEYS, JsonProbe, Verdict

UNREADABLE: Final = "unreadable-text-call"


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call as its grammar spells it; `tree` is what is printed again where it is released."""

    tool: str
    arguments: dict[str, Any] | None
    problem: str | None
    tree: Any = None

    def held(self, choice: int, index: int, grammar: str) -> HeldCall:
        return HeldCall(choice, index, "", self.tool, self.arguments, f"text:{grammar}", self.problem)

    def rewritten(self, arguments: dict[str, Any]) -> WrittenCall:
        """The same call with other arguments, spelled as its grammar spelled them. For a call without a problem."""
        tree = arguments if self.tree is self.arguments else _with_arguments(self.tree, arguments)
        return WrittenCall(self.tool, arguments, None, tree)


@dataclass(frozen=True, slots=True)
class Written:
    """What one marker began: its calls and the text around them."""

    grammar: str
    calls: tuple[WrittenCall, ...]
    opening: str = ""
    closing: str = ""
    as_list: bool = False

    def printed(self, kept: Sequence[WrittenCall]) -> str:
        """The canonical text of the calls in `kept`, empty for none."""
        if not kept:
            return ""
        body = encode([call.tree for call in kept]) if self.as_list else b"\n".join(encode(c.tree) for c in kept)
        return f"{self.opening}{body.decode()}{self.closing}"


Read = tuple[int, Written | None]
"""What was read and where it ends. Without a call: None and how far the reader looked."""


def unreadable(grammar: str, tool: str = "") -> Written:
    """A mark with something behind it that is not what its grammar says."""
    return Written(grammar, (WrittenCall(tool, None, UNREADABLE),))


def _call_of(item: object) -> WrittenCall:
    """One object with exactly one name and one set of arguments; anything more could mean another call elsewhere."""
    if not isinstance(item, dict):
        return WrittenCall("", None, UNREADABLE, item)
    if isinstance(inner := item.get("function"), dict) and item.keys() <= OTHER_KEYS | {"function"}:
        call = _call_of(inner)
        return WrittenCall(call.tool, call.arguments, call.problem, item)
    names, texts = item.keys() & NAME_KEYS, item.keys() & ARGUMENT_KEYS
    name = item[min(names)] if len(names) == 1 else None
    if not isinstance(name, str) or not name or len(texts) != 1 or not item.keys() <= names | texts | OTHER_KEYS:
        return WrittenCall(name if isinstance(name, str) else "", None, UNREADABLE, item)
    key = min(texts)
    if isinstance(item[key], dict):
        return WrittenCall(name, item[key], None, item)
    arguments, problem = read_arguments(item[key])
    tree = item if problem or not item[key] else {**item, key: encode(arguments).decode()}
    return WrittenCall(name, arguments, problem, tree)


def _with_arguments(item: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    if isinstance(inner := item.get("function"), dict):
        return {**item, "function": _with_arguments(inner, arguments)}
    key = min(item.keys() & ARGUMENT_KEYS)
    return {**item, key: encode(arguments).decode() if isinstance(item[key], str) else arguments}


def calls_of(grammar: str, text: str, opening: str = "", closing: str = "") -> Written:
    """The calls that strict JSON in `text` spells, an object or a list of them."""
    try:
        value = parse(text) if len(text) <= MAX_CALL else None
    except StrictJsonError:
        return unreadable(grammar)
    items = value if isinstance(value, list) else [value]
    if not items:
        return unreadable(grammar)
    return Written(grammar, tuple(map(_call_of, items)), opening, closing, as_list=isinstance(value, list))


def extent(text: str, at: int) -> int | None:
    """Where the bracket that opens at `at` closes."""
    probe = JsonProbe(Verdict.YES)
    probe.more(text[at:])
    return None if probe.end is None else at + probe.end


_BLANK: Final = re.compile(r"\s*+")
_MORE: Final = re.compile(r"\s*+(?:[{,;]|\[(?!TOOL_CALLS\]))")


def after_blank(text: str, at: int) -> int:
    """The place of the next character that is no blank."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def bracketed(grammar: str, text: str, at: int, opening: str) -> Read:
    """JSON from `at` on, to the bracket that closes it. Readers differ on what they do with more of it behind that."""
    end = extent(text, at)
    if end is None or _MORE.match(text, end):
        return len(text), unreadable(grammar)
    return end, calls_of(grammar, text[at:end], opening)


def probed(grammar: str, text: str, at: int, opening: str) -> Read:
    """The same where only the members themselves say whether it is a call."""
    probe = JsonProbe()
    if probe.more(text[at:]) is not Verdict.YES:
        return at + probe.read, None
    return bracketed(grammar, text, at, opening)


def named(grammar: str, text: str, at: int, tool: str, opening: str) -> Read:
    """A call whose name stands apart from the object of its arguments, which begins at `at`."""
    end = extent(text, at)
    if not tool or end is None or end - at > MAX_CALL or _MORE.match(text, end):
        return len(text), unreadable(grammar, tool)
    try:
        arguments = parse_object(text[at:end])
    except StrictJsonError:
        return end, unreadable(grammar, tool)
    return end, Written(grammar, (WrittenCall(tool, arguments, None, arguments),), opening)
