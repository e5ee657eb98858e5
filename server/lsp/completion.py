"""What can be written at a place: the words the parser takes there, and the names that fit among them.

The parser says which kinds of token may come; for a kind that is a name, the words before say a name of what. Nothing
is offered that the parser would refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from policy_dsl import Following, Tool, Word, following, spelling, types

from .definitions import Definitions
from .places import HEADER
from .recovery import statement_at
from .tools import fitting, members, tools_of, type_inside
from .workspace import Bundle

ItemKind = Literal["keyword", "tool", "argument", "set", "group", "rule", "macro", "counter", "label", "value", "file"]

MOST_FILES: Final = 200
"""Files of a folder that are offered."""


@dataclass(frozen=True, slots=True)
class Item:
    """`label` is written in place of [start, end). `detail` is a line about it, `more` what there is to read."""

    kind: ItemKind
    label: str
    start: int
    end: int
    detail: str = ""
    more: str = ""


def complete(bundle: Bundle, path: Path, offset: int) -> list[Item]:
    """What fits at `offset` of the file at `path`, in the order to show it: names before words."""
    text = bundle.texts[path]
    start = end = offset
    while start and _goes_on(text[start - 1]):
        start -= 1
    while end < len(text) and _goes_on(text[end]):
        end += 1
    first, _ = statement_at(text, start)
    read = following(_beginning(text, first, start))
    shift = first - len(HEADER) if _is_behind_header(text, first) else first
    if read.stopped is not None:
        return _in_text(_Site(bundle, path, read, 0, 0), text, read.stopped + shift, offset)
    if "#" in text[read.words[-1].end + shift if read.words else first : start]:
        return []
    site = _Site(bundle, path, read, start, end)
    return list(dict.fromkeys([*site.names(), *site.keywords()]))


def _goes_on(character: str) -> bool:
    return character.isalnum() or character in "_*-"


def _beginning(text: str, first: int, start: int) -> str:
    return (HEADER if _is_behind_header(text, first) else "") + text[first:start]


def _is_behind_header(text: str, first: int) -> bool:
    return bool(re.match(r"(\s|#[^\n]*\n)*language\b", text)) and not text.startswith("language", first)


def _in_text(site: _Site, text: str, opened: int, offset: int) -> list[Item]:
    """Values for a text whose quote is open at `opened`."""
    if text[opened : opened + 1] != '"' or "\n" in text[opened:offset]:
        return []
    closes = text.find('"', offset, _line_end(text, offset))
    end = offset if closes < 0 else closes + 1
    return [Item(item.kind, item.label, opened, end, item.detail) for item in site.values()]


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


@dataclass(frozen=True)
class _Site:
    """A place to write at, with what stands before it; `words` without those of the header."""

    bundle: Bundle
    path: Path
    read: Following
    start: int
    end: int

    @property
    def words(self) -> Sequence[Word]:
        return self.read.words[2:] if [word.text for word in self.read.words[:1]] == ["language"] else self.read.words

    @property
    def defined(self) -> Definitions:
        return Definitions(self.bundle.files)

    @property
    def tools(self) -> list[Tool]:
        return fitting(tools_of(self.words, len(self.words)), self.bundle.catalogue, self.defined)

    def before(self, count: int = 1) -> str:
        return self.words[-count].text if len(self.words) >= count else ""

    def item(self, kind: ItemKind, label: str, detail: str = "", more: str = "") -> Item:
        return Item(kind, label, self.start, self.end, detail, more)

    def keywords(self) -> Iterator[Item]:
        statements = set(_statements().keywords) if self.words else set()
        for word in sorted(self.read.keywords, key=lambda word: (word in statements, word)):
            yield self.item("keyword", word)
        if self.read.takes("ELLIPSIS"):
            yield self.item("keyword", "...", "any further argument")

    # --- names ------------------------------------------------------------------------------------------------------

    def names(self) -> Iterator[Item]:
        takes = self.read.takes
        if takes("PATTERN"):
            yield from self._tools()
        elif not takes("NAME"):
            yield from self.values()
        elif takes("ELLIPSIS"):
            yield from self._signature()
        elif self.before() == ".":
            yield from self._members()
        elif self.before() == "by" and not takes("TRUE"):
            yield from self._defined("rule")
        elif takes("_LENGTH"):
            yield from self._operands()
        elif takes("TRUE"):
            yield from self.values()
            yield from self._defined("set")
        elif takes("LBRACE") and self.before() != "=":
            yield from self._defined("set")
        elif self._opened_by() in ("call", "given", "with") or (takes("STRING", "RPAR") and self._in_call()):
            yield from self._arguments(": ")
        elif self.before() == "counter" and len(self.words) > 1:
            yield from self._defined("counter")
        elif self.before() == "intent":
            yield from self._defined("intent")
        elif self._label_next():
            yield from self._defined("label")
            yield self.item("label", "untrusted", "every result that nothing trusts")

    def _tools(self) -> Iterator[Item]:
        for tool in self.bundle.catalogue:
            yield self.item("tool", tool.identity, _arguments_line(tool), tool.description)
        yield from self._defined("group")

    def _signature(self) -> Iterator[Item]:
        """Arguments that the signature does not name yet, at the depth of the parenthesis."""
        around: list[list[str]] = []
        for word in self.words:
            if word.text == "(":
                around.append([])
            elif word.text == ")" and around:
                around.pop()
            elif around and word.kind in ("NAME", "STRING"):
                around[-1].append(word.text)
        path = [named[-1] for named in around[:-1] if named]
        taken = around[-1] if around else []
        for name, member, tool in self._named(path):
            if name not in taken:
                yield self.item("argument", spelling.key(name), types.describe(member.type), tool.identity)

    def _arguments(self, then: str = "") -> Iterator[Item]:
        for name, member, tool in self._named([]):
            yield self.item("argument", f"{spelling.key(name)}{then}", types.describe(member.type), tool.identity)

    def _operands(self) -> Iterator[Item]:
        yield from self.values()
        for name, member, tool in self._named([]):
            label = name if _NAME.fullmatch(name) else f".{spelling.key(name)}"
            yield self.item("argument", label, types.describe(member.type), tool.identity)
        if self.read.takes("HAS"):
            yield from self._defined("macro")
            yield from self._defined("rule")

    def _members(self) -> Iterator[Item]:
        """What the object before the dot has; after a dot alone, the arguments."""
        for name, member, tool in self._named(_path(self.words[:-1])):
            yield self.item("argument", spelling.key(name), types.describe(member.type), tool.identity)

    def _named(self, path: Sequence[str | int]) -> Iterator[tuple[str, types.Member, Tool]]:
        for tool in self.tools:
            for name, member in members(type_inside(tool, path)).items():
                yield name, member, tool

    def values(self) -> Iterator[Item]:
        """Values that a schema lists for what stands before the comparison, and files for a line that names one."""
        if self.before() in ("tools", "import"):
            yield from self._files("*.json" if self.before() == "tools" else "*.lw")
            return
        for value in dict.fromkeys(value for tool in self.tools for value in _listed(tool, self.words)):
            if self.read.takes("STRING"):
                yield self.item("value", value, "listed by the schema")

    def _files(self, glob: str) -> Iterator[Item]:
        here = sorted(path for path in self.path.parent.glob(glob) if path != self.path)
        for path in here[:MOST_FILES]:
            yield self.item("file", spelling.text(path.name))

    def _defined(self, kind: Literal["set", "group", "rule", "macro", "counter", "label", "intent"]) -> Iterator[Item]:
        shown: ItemKind = "group" if kind == "intent" else kind
        for name in self.defined.names(kind):
            yield self.item(shown, name, kind)

    # --- where ------------------------------------------------------------------------------------------------------

    def _opened_by(self) -> str:
        """The word before the innermost open bracket, past the tools between."""
        depth = 0
        for at in range(len(self.words) - 1, -1, -1):
            word = self.words[at]
            depth += word.text in (")", "]", "}")
            depth -= word.text in ("(", "[", "{")
            if depth < 0:
                return self.words[at - 1].text if at else ""
        return ""

    def _in_call(self) -> bool:
        head = next((word.text for word in reversed(self.words) if word.text in ("call", "given", "with")), "")
        return bool(head) and self.before() in ("(", ",")

    def _label_next(self) -> bool:
        if self._opened_by() in ("exceeds", "is"):
            return True
        return self.before() in ("label", "has") or (self.before() == "as" and self.words[0].text == "label")


def _path(words: Sequence[Word]) -> list[str | int]:
    """The argument and members that a row of words ends in: `filter.dates[0]`."""
    steps: list[str | int] = []
    at = len(words) - 1
    while at >= 0:
        word = words[at]
        if word.text == "]" and at >= 2:
            steps.append(0)
            at -= 3
            continue
        if word.kind not in ("NAME", "STRING") and not word.is_keyword:
            break
        steps.append(word.text.strip('"'))
        if at == 0 or words[at - 1].text != ".":
            break
        at -= 2
    return steps[::-1]


def _listed(tool: Tool, words: Sequence[Word]) -> Iterator[str]:
    """The values that the schema lists for the operand before `==`, `!=`, `in {` or `: `."""
    at = len(words) - 1
    while at >= 0 and (words[at].text in ("{", ",") or words[at].kind in ("STRING", "NUMBER")):
        at -= 1
    while at >= 0 and words[at].text in ("==", "!=", "in", "not", ":", "contains"):
        at -= 1
    if at == len(words) - 1 or at < 0:
        return
    yield from map(spelling.scalar, _values(type_inside(tool, _path(words[: at + 1]))))


def _values(declared: types.Type) -> Iterator[str]:
    match declared:
        case types.Values(values=values):
            yield from (value for value in values if isinstance(value, str))
        case types.ListOf(item=item):
            yield from _values(item)
        case types.Union(options=options):
            for option in options:
                yield from _values(option)


def _arguments_line(tool: Tool) -> str:
    named = tool.parameters.members.items()
    return f"({', '.join(name if member.required else f'{name}?' for name, member in named)})"


@cache
def _statements() -> Following:
    """What can begin a statement, and so ends any other: it is offered last."""
    return following(HEADER)


_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
