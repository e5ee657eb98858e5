"""The items of an answer while its calls wait for their Decisions, and what of them leaves afterwards.

Whole answers and streams differ in how the items arrive; they share how they are settled, so both give the agent the
same. A refused call becomes a message of the assistant's at its place; refused calls that follow each other share one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from policy_dsl.strict_json import encode

from ..calls import MAX_CALLS, HeldCall
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..held_choice import HeldChoice, Refusals, Rewritings, add_usage, arguments_text, known_id, number_written
from ..provided import Observed
from ..refusal import PastRefusal, refusal_text
from ..text_scan import Scan, TextScanner
from .items import (
    CALLS,
    ELSEWHERE,
    WORDS,
    check_item,
    check_provided,
    is_provided,
    kind_of,
    observed_in,
    read_call,
    text_member,
    unique_ids,
)

MAX_ITEMS: Final = 1024
"""Items of one answer: an agent's longest turn has some dozens."""

SEAM: Final = "\n\n---\n\n"
"""Stands before a text whose predecessor ended in what could be the beginning of a call: clients join the texts."""

_TEXT: Final = "content"
"""HeldChoice keeps texts by member; a HeldText has one."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier rounds of one answer fixed: id and time of the response, the usage, the items that left, in which
    kinds of text a call could have begun, and for a stream the number of its next event."""

    id: str | None = None
    created_at: Any = None
    usage: dict[str, Any] | None = None
    items: tuple[dict[str, Any], ...] = ()
    undecided: frozenset[str] = frozenset()
    sequence: int = 0

    def response(self, tree: Mapping[str, Any], items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The response that leaves: `tree` with all items and the usage of all rounds."""
        response = {**tree, "output": list(items)}
        if self.id is not None:
            response["id"] = self.id
        if self.created_at is not None:
            response["created_at"] = self.created_at
        if self.usage is not None:
            response["usage"] = add_usage(self.usage, tree.get("usage"))
        return response


@dataclass(slots=True)
class HeldText:
    """One text of an item: part `at` of its `member`, where the part's text is its `word`."""

    member: str
    at: int
    word: str
    part: dict[str, Any]
    glue: str
    choice: HeldChoice

    def left(self, added: str) -> dict[str, Any]:
        """The part that leaves with the text that was plain and `added`."""
        said = self.choice.said[_TEXT] + added
        part = {**self.part, self.word: self.glue + said if said else ""}
        if self.choice.pieces and part.get("logprobs"):
            part["logprobs"] = []  # they spell the text again
        return part

    def added(self, refusals: Refusals) -> str:
        return self.choice.texts(refusals).get(_TEXT, "")

    @property
    def lead(self) -> str:
        """The held text before the first call that is written in it."""
        return self.choice.lead(_TEXT)

    @property
    def plain(self) -> str:
        """The held text without its calls."""
        return "".join(piece for piece in self.choice.pieces.get(_TEXT, ()) if isinstance(piece, str))


def held_text(member: str, at: int, word: str, part: dict[str, Any], glue: str, said: str, s: TextScanner) -> HeldText:
    """A text of which everything has come."""
    choice = HeldChoice(0, said={_TEXT: said})
    if s.holds:
        choice.pieces[_TEXT] = s.close()
    return HeldText(member, at, word, part, glue, choice)


@dataclass(slots=True)
class HeldItem:
    """One item, `tree` as it came. A call has a `call`, words have `texts`."""

    tree: dict[str, Any]
    texts: list[HeldText] = field(default_factory=list)
    call: HeldCall | None = None

    @property
    def kind(self) -> str:
        return str(self.tree["type"])

    def written(self) -> Iterator[HeldCall]:
        """The calls written in its texts."""
        for text in self.texts:
            yield from text.choice.calls

    def with_texts(self, added: Sequence[str]) -> dict[str, Any]:
        """The item that leaves with these texts behind what was plain."""
        parts: dict[str, list[dict[str, Any]]] = {}
        for text, more in zip(self.texts, added, strict=True):
            parts.setdefault(text.member, []).append(text.left(more))
        return {**self.tree, **parts}

    def left(self, refusals: Refusals) -> dict[str, Any]:
        """The item that leaves. Not for a refused call."""
        if self.call is None:
            return self.with_texts([text.added(refusals) for text in self.texts]) if self.texts else self.tree
        return {**self.tree, CALLS[self.kind]: spelled(self.call)}


def spelled(call: HeldCall) -> str:
    """What a call is called with, in canonical form. Raises ValueError for a custom call that free text cannot say."""
    if call.form != "custom":
        return encode(call.arguments).decode()
    arguments = call.arguments or {}
    text = arguments.get("input")
    if arguments.keys() != {"input"} or not isinstance(text, str):
        raise ValueError("a call on free text has one argument, `input`")
    return text


class Leaving(NamedTuple):
    """An item that leaves. `item` is None for a message that states the refusals of `stated`."""

    item: HeldItem | None
    tree: dict[str, Any]
    stated: tuple[HeldCall, ...]


@dataclass(slots=True)
class HeldOutput:
    """All items of one answer, in the model's order, each call numbered in it. `answer_id` is this round's; `cut` says
    that the answer ended before the model did, at its limit of tokens."""

    items: list[HeldItem]
    answer_id: str | None
    cut: bool = False

    def __post_init__(self) -> None:
        last = self.items[-1] if self.items else None
        if self.cut and last is not None and last.call is not None and last.kind == "custom_tool_call":
            # Free text that was cut off looks like any other; half of an object does not.
            last.call = replace(last.call, arguments=None, problem=last.call.problem or "incomplete-call")
        read = unique_ids([item.call for item in self.items if item.call is not None])
        again = iter(read)
        count = 0
        for item in self.items:
            if item.call is not None:
                item.call = replace(next(again), index=count)
                count += 1
            for text in item.texts:
                text.choice.calls = tuple(number_written(0, count, text.choice.pieces))
                count += len(text.choice.calls)
        if count > MAX_CALLS:
            raise MalformedAnswer("the answer has more than 128 calls")

    @property
    def calls(self) -> tuple[HeldCall, ...]:
        return tuple(call for item in self.items for call in ((item.call,) if item.call else item.written()))

    @property
    def observed(self) -> tuple[Observed, ...]:
        """The calls that ran at the provider. An item in ELSEWHERE without a call is one of a kept tool."""
        ran = [item.tree for item in self.items if item.call is None and item.kind in ELSEWHERE]
        return tuple(observed_in(index, tree) for index, tree in enumerate(ran))

    def rewrite(self, changes: Rewritings) -> None:
        """Let calls leave with other arguments than they came with."""
        for item in self.items:
            if item.call is not None and item.call in changes:
                item.call = replace(item.call, arguments=changes[item.call])
                spelled(item.call)
            for text in item.texts:
                text.choice.rewrite(changes)

    def leaving(self, refusals: Refusals) -> list[Leaving]:
        """What leaves, in order."""
        out: list[Leaving] = []
        refused: list[HeldCall] = []
        said = ""

        def state() -> None:
            nonlocal said
            if refused:
                lines = "\n".join(refusal_text(refusals[call], call.tool) for call in refused)
                text = ("" if said[-1:] in ("", "\n") else "\n") + lines
                name = own_id("msg", self.answer_id, len(out))
                out.append(Leaving(None, message(name, text), tuple(refused)))
                refused.clear()
                said = text

        for item in self.items:
            if item.call is not None and item.call in refusals:
                refused.append(item.call)
                continue
            state()
            tree = item.left(refusals)
            out.append(Leaving(item, tree, tuple(call for call in item.written() if call in refusals)))
            said = message_text(tree) or said
        state()
        return out

    def past(self, refusals: Refusals) -> Iterator[PastRefusal]:
        """The refused calls, to be put back into later requests."""
        siblings = tuple(i.call.call_id for i in self.items if i.call is not None and i.call not in refusals)
        for left in self.leaving(refusals) if refusals else ():
            for call in left.stated:
                yield PastRefusal(
                    self.id_of(call),
                    call.tool or "unknown",
                    arguments_text(call),
                    refusal_text(refusals[call], call.tool),
                    siblings,
                    message_text(left.tree),
                )

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """The items that show the model its own answer and why its calls were refused, as input of the next round."""
        items: list[dict[str, Any]] = []
        for item in self.items:
            if item.kind in WORDS:
                tree = item.with_texts([text.plain for text in item.texts])
                if item.kind != "message" or message_text(tree):
                    items.append(tree)
                items += map(self._asked, item.written())
            elif item.call is None:
                items.append(item.tree)
            elif item.kind in CALLS and item.call.problem is None:
                items.append(item.left({}))
            else:
                items.append(self._asked(item.call))
        kinds = {item.call: item.kind for item in self.items if item.call is not None and item.call.problem is None}
        for call in self.calls:
            kind = "custom_tool_call_output" if kinds.get(call) == "custom_tool_call" else "function_call_output"
            text = refusal_text(refusals[call], call.tool)
            items.append({"type": kind, "call_id": self.id_of(call), "output": text})
        return items

    def so_far(self, before: Earlier, tree: Mapping[str, Any]) -> Earlier:
        """For the next round of the same answer, in which none of the calls leaves. `tree` is this round's response."""
        kept = [item.with_texts([text.lead for text in item.texts]) for item in self.items if item.call is None]
        return Earlier(
            before.id or tree.get("id"),
            before.created_at if before.created_at is not None else tree.get("created_at"),
            add_usage(before.usage, tree.get("usage")),
            (*before.items, *filter(says_something, kept)),
            undecided(self.items, before.undecided),
        )

    def id_of(self, call: HeldCall) -> str:
        """The call's id, or one made for it where it had none that a result could be told apart by."""
        if call.call_id and call.problem != "duplicate-id":
            return call.call_id
        return known_id(self.answer_id, replace(call, call_id=""))

    def _asked(self, call: HeldCall) -> dict[str, Any]:
        return function_call(self.id_of(call), call.tool or "unknown", arguments_text(call))


def read_output(response: Mapping[str, Any], scan: Scan, before: Earlier, kept: Kept = frozenset()) -> HeldOutput:
    """The items of a whole response. `kept` are the provider's tools that it may have used."""
    entries = response.get("output")
    if not isinstance(entries, list) or len(entries) > MAX_ITEMS:
        raise MalformedAnswer("`output` is not a list of at most 1024 items")
    items: list[HeldItem] = []
    open_ends = set(before.undecided)
    for entry in entries:
        kind = kind_of(entry)
        if is_provided(kind, kept):
            check_provided(entry)
            items.append(HeldItem(entry))
            continue
        if kind in CALLS or kind in ELSEWHERE:
            items.append(HeldItem(entry, call=read_call(entry, 0)))
            continue
        check_item(entry, scan)
        texts = [
            _read_text(kind, member, at, part, scan, open_ends)
            for member in WORDS.get(kind, ())
            for at, part in enumerate(entry.get(member) or ())
        ]
        items.append(HeldItem(entry, texts))
    return HeldOutput(items, response.get("id"), response.get("status") == "incomplete")


def _read_text(kind: str, member: str, at: int, part: Any, scan: Scan, open_ends: set[str]) -> HeldText:
    word = text_member(kind, member, part, scan)
    scanner = TextScanner(scan)
    said = scanner.push(part.get(word) or "")
    glue = SEAM if part["type"] in open_ends else ""
    (open_ends.add if scanner.holds else open_ends.discard)(part["type"])
    return held_text(member, at, word, part, glue, said, scanner)


def undecided(items: Sequence[HeldItem], before: frozenset[str]) -> frozenset[str]:
    """The kinds of text whose last one ended in what could be the beginning of a call."""
    last = {text.part["type"]: bool(text.choice.pieces) for item in items for text in item.texts}
    return frozenset(kind for kind in before | last.keys() if last.get(kind, kind in before))


def says_something(tree: Mapping[str, Any]) -> bool:
    """Whether an item is more than an empty message."""
    return tree["type"] != "message" or bool(message_text(tree))


def message_text(tree: Mapping[str, Any]) -> str:
    """The texts of a message joined, as clients join them; empty for every other item."""
    if tree["type"] != "message":
        return ""
    parts = tree.get("content")
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else [parts]
    return "".join(text for text in texts if isinstance(text, str))


def message(name: str, text: str) -> dict[str, Any]:
    """An output item of the gate's own."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": name, "role": "assistant", "status": "completed", "content": [part]}


def function_call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def own_id(prefix: str, answer_id: str | None, index: int) -> str:
    """An id for an item that the model did not make."""
    return f"{prefix}_{sha256(f'{answer_id}/{index}'.encode()).hexdigest()[:32]}"
