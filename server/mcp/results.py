"""What an MCP server gave, reduced to the members that the gate knows, and the parts of it that are judged.

A content block of an unknown type is refused with its whole result: it could carry what no rule looks at. Members that
nobody knows are dropped; `_meta` is one of them, on results and on blocks.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from policy_dsl import StrictJsonError, strict_json

from ..tool_gate import ToolAnswer

MOST_BLOCKS: Final = 1_000
MOST_MEDIA: Final = 255

_WORD: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA: Final = re.compile(rf"{_WORD}/{_WORD}(?: ?; ?{_WORD}=(?:{_WORD}|\"[A-Za-z0-9._+:/-]*\"))*")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{5,18}(?:Z|[+-][0-9:]{5})?)?")
_SIZE: Final = re.compile(r"[0-9]{1,5}x[0-9]{1,5}|any")

Check = Callable[[Any], bool]


class ResultError(Exception):
    """A result that the gate does not pass. `message` repeats nothing of it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_media(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MOST_MEDIA and _MEDIA.fullmatch(value) is not None


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_dimensions(value: Any) -> bool:
    return isinstance(value, str) and _SIZE.fullmatch(value) is not None


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_icons(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(icon, dict) for icon in value)


_HINTS: Final[Mapping[str, Check]] = {"annotations": _is_object}

_ANNOTATIONS: Final[Mapping[str, Check]] = {
    "audience": lambda value: isinstance(value, list) and all(one in ("user", "assistant") for one in value),
    "priority": lambda value: not isinstance(value, str | bool | list | dict),
    "lastModified": lambda value: isinstance(value, str) and _TIME.fullmatch(value) is not None,
}
_ICON: Final[Mapping[str, Check]] = {
    "src": _is_text,
    "mimeType": _is_media,
    "sizes": lambda value: isinstance(value, list) and all(map(_is_dimensions, value)),
    "theme": lambda value: value in ("light", "dark"),
}


class _Kind(NamedTuple):
    """The members of one type of block: those it needs, and those it may have."""

    needed: Mapping[str, Check]
    optional: Mapping[str, Check]


_BLOCKS: Final[Mapping[str, _Kind]] = {
    "text": _Kind({"text": _is_text}, _HINTS),
    "image": _Kind({"data": _is_text, "mimeType": _is_media}, _HINTS),
    "audio": _Kind({"data": _is_text, "mimeType": _is_media}, _HINTS),
    "resource_link": _Kind(
        {"uri": _is_text, "name": _is_text},
        {
            **_HINTS,
            "title": _is_text,
            "description": _is_text,
            "mimeType": _is_media,
            "size": _is_size,
            "icons": _is_icons,
        },
    ),
    "resource": _Kind({"resource": _is_object}, _HINTS),
}

_CONTENTS: Final = _Kind({"uri": _is_text}, {"mimeType": _is_media, "text": _is_text, "blob": _is_text})

_OPAQUE: Final = frozenset({"type", "data", "blob", "mimeType", "size", "annotations"})
"""Members of a block that carry no words, or words in an encoding that nobody looks into."""


def read_call_result(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A CallToolResult of known members. Raises ResultError."""
    kept: dict[str, Any] = {"content": read_blocks(tree.get("content", []))}
    if "structuredContent" in tree:
        kept["structuredContent"] = tree["structuredContent"]
    failed = tree.get("isError", False)
    if not isinstance(failed, bool):
        raise ResultError("`isError` is true or false")
    if failed:
        kept["isError"] = True
    return kept


def read_blocks(blocks: Any) -> list[dict[str, Any]]:
    if not isinstance(blocks, list) or len(blocks) > MOST_BLOCKS:
        raise ResultError(f"`content` is a list of at most {MOST_BLOCKS} blocks")
    return [read_block(block) for block in blocks]


def read_block(block: Any) -> dict[str, Any]:
    name = block.get("type") if isinstance(block, dict) else None
    kind = _BLOCKS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ResultError("a content block of a type that the gate does not know")
    kept = {"type": name, **_members(block, kind)}
    if name == "resource":
        kept["resource"] = read_contents(kept["resource"])
    return kept


def read_contents(contents: Any) -> dict[str, Any]:
    """The contents of a resource: a text or a blob. Raises ResultError."""
    if not isinstance(contents, dict):
        raise ResultError("the contents of a resource are an object")
    kept = _members(contents, _CONTENTS)
    if ("text" in kept) == ("blob" in kept):
        raise ResultError("the contents of a resource have a text or a blob")
    return kept


def _members(block: Mapping[str, Any], kind: _Kind) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, fits in kind.needed.items():
        if not fits(block.get(name)):
            raise ResultError(f"`{name}` is missing in a content block, or is not what it should be")
        kept[name] = block[name]
    for name, fits in kind.optional.items():
        if block.get(name) is None:
            continue
        if not fits(block[name]):
            raise ResultError(f"`{name}` of a content block is not what it should be")
        kept[name] = block[name]
    if "annotations" in kept:
        kept["annotations"] = _fitting(kept["annotations"], _ANNOTATIONS)
    if "icons" in kept:
        kept["icons"] = [_fitting(icon, _ICON) for icon in kept["icons"]]
    return kept


def _fitting(hints: Mapping[str, Any], known: Mapping[str, Check]) -> dict[str, Any]:
    """The hints that the protocol has; whatever else stands there could be words that nobody judges."""
    return {name: hints[name] for name, fits in known.items() if hints.get(name) is not None and fits(hints[name])}


# --- what is judged ---------------------------------------------------------------------------------------------------


class _Spot(NamedTuple):
    """A place in a result that holds words, and the value that stands there for labels, values and redactions."""

    holder: Any
    name: str | int
    value: Any
    was_json: bool


class Judged:
    """The words of a result, as ToolGate is told them, and the result again from what came back.

    A text that is a strict JSON list or object counts as that value, so that a rule can look for a whole value in it.
    """

    def __init__(self, kept: dict[str, Any]) -> None:
        self._kept = kept
        self._spots = list(_spots(kept))
        self._structured = [kept["structuredContent"]] if "structuredContent" in kept else []
        self._parts = [*self._structured, *(spot.value for spot in self._spots)]
        # Servers repeat their structured content as text: then there is one value, and rules can name what is in it.
        self._is_one = len(self._parts) >= 1 and all(part == self._parts[0] for part in self._parts)

    @property
    def answer(self) -> ToolAnswer:
        content = self._parts[0] if self._is_one else self._parts
        return ToolAnswer(content, "error" if self._kept.get("isError") else "ok")

    def settled(self, content: Any) -> dict[str, Any]:
        """The result with its words as they came back. Raises ResultError where they do not fit any more."""
        parts = [content] * len(self._parts) if self._is_one else content
        if not isinstance(parts, list) or len(parts) != len(self._parts):
            raise ResultError("a redaction changed the shape of a result")
        if self._structured:
            self._kept["structuredContent"] = parts[0]
        for spot, value in zip(self._spots, parts[len(self._structured) :], strict=True):
            if value != spot.value:
                spot.holder[spot.name] = strict_json.encode(value).decode() if spot.was_json else value
            if not isinstance(spot.holder[spot.name], str):
                raise ResultError("a redaction left no text")
        return self._kept


def _spots(kept: Mapping[str, Any]) -> Iterator[_Spot]:
    """Every text that a model or a person may read, wherever a result of any method has one."""
    if isinstance(kept.get("description"), str):
        yield _Spot(kept, "description", kept["description"], False)
    values = kept.get("completion", {}).get("values", [])
    yield from (_Spot(values, place, value, False) for place, value in enumerate(values))
    for block in [*kept.get("content", []), *kept.get("contents", []), *kept.get("messages", [])]:
        holder = block["content"] if "role" in block else block
        for inner in (holder, holder.get("resource")):
            if isinstance(inner, dict):
                for name, value in inner.items():
                    if isinstance(value, str) and name not in _OPAQUE:
                        yield _spot(inner, name, value)
                yield from (_Spot(icon, "src", icon["src"], False) for icon in inner.get("icons", []) if "src" in icon)


def _spot(holder: dict[str, Any], name: str, text: str) -> _Spot:
    if name == "text" and text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(StrictJsonError):
            return _Spot(holder, name, strict_json.parse(text), True)
    return _Spot(holder, name, text, False)
