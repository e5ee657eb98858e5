"""One choice of an answer while its calls wait for their Decisions, and what of it leaves afterwards.

Whole answers and streams differ in how a choice arrives; they share how it is settled, so both give the agent the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace

from policy_dsl.strict_json import encode

from .calls import HeldCall
from .refusal import PastRefusal, Refusal, refusal_text
from .text_calls import Written, WrittenCall
from .text_scan import Piece

Refusals = Mapping[HeldCall, Refusal]
Rewritings = Mapping[HeldCall, dict[str, Any]]
"""The arguments that calls leave with in place of their own."""


class Answered(Protocol):
    """An answer whose calls were all read; ChatAnswer and a closed ChatStream."""

    @property
    def calls(self) -> tuple[HeldCall, ...]: ...

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """The messages that show the model its own answer and why its calls were refused."""
        ...


@dataclass(frozen=True, slots=True)
class SoFar:
    """What earlier rounds of one answer have fixed: the response id and time, the usage, the text already given.

    `undecided` says that the text ended in what could have been the beginning of a call.
    """

    id: str | None = None
    created: Any = None
    usage: dict[str, Any] | None = None
    text: str = ""
    undecided: bool = False

    @property
    def glue(self) -> str:
        """What stands between the text of earlier rounds and this one's, so that no call spans both."""
        if not self.text:
            return ""
        return "\n\n---\n\n" if self.undecided else "\n"


class HeldChoice(msgspec.Struct):
    """`said` holds, per text member, what is plain; `pieces` what was held behind it, and `calls` every call.

    The calls come in this order: members of `tool_calls`, the legacy `function_call`, calls written in text members.
    """

    index: int
    said: dict[str, str] = msgspec.field(default_factory=dict)
    pieces: dict[str, list[Piece]] = msgspec.field(default_factory=dict)
    entries: list[dict[str, Any]] = msgspec.field(default_factory=list)
    calls: tuple[HeldCall, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether anything of the choice waits."""
        return bool(self.calls or self.pieces)

    def rewrite(self, changes: Rewritings) -> None:
        """Put other arguments into calls before they leave. Calls without a problem only."""
        calls = self.calls
        self.calls = tuple(replace(c, arguments=changes[c]) if c in changes else c for c in calls)
        written = (call for call in calls if call.form.startswith("text:"))
        for member, pieces in self.pieces.items():
            self.pieces[member] = [
                piece
                if isinstance(piece, str)
                else dataclasses.replace(
                    piece,
                    calls=tuple(
                        call.rewritten(changes[held]) if held in changes else call
                        for call, held in zip(piece.calls, written, strict=False)
                    ),
                )
                for piece in pieces
            ]

    def tool_calls(self, refusals: Refusals) -> list[dict[str, Any]]:
        """The released members of `tool_calls`, numbered anew where they were numbered."""
        released: list[dict[str, Any]] = []
        for call, entry in zip(self.calls, self.entries, strict=False):
            if call not in refusals:
                function = {"name": call.tool, "arguments": encode(call.arguments).decode()}
                again = {**entry, "function": function}
                if "index" in again:
                    again["index"] = len(released)
                released.append(again)
        return released

    def function_call(self, refusals: Refusals) -> dict[str, str] | None:
        for call in self.calls:
            if call.form == "function" and call not in refusals:
                return {"name": call.tool, "arguments": encode(call.arguments).decode()}
        return None

    def texts(self, refusals: Refusals) -> dict[str, str]:
        """What is added to each text member: held text with its calls decided, then the refusals of the other calls."""
        added: dict[str, str] = {}
        if not self.pieces and not refusals:
            return added
        written = (call for call in self.calls if call.form.startswith("text:"))
        for member, pieces in self.pieces.items():
            added[member] = _decided(self.said.get(member, ""), pieces, written, refusals)
        refused = [call for call in self.calls if call in refusals and not call.form.startswith("text:")]
        if refused:
            text = _Lines(self.said.get("content", ""), added.get("content", ""))
            for call in refused:
                text.line(refusal_text(refusals[call], call.tool))
            added["content"] = text.added
        return added

    def lead(self, member: str) -> str:
        """The held text before the first call that is written in it."""
        first = self.pieces.get(member, [""])[0]
        return first if isinstance(first, str) else ""

    def so_far(self, before: SoFar, answer_id: str | None, created: Any, usage: dict[str, Any] | None) -> SoFar:
        """What the next round of the same answer has to go on with. For the only choice of an answer."""
        text = self.said.get("content", "") + self.lead("content")
        return SoFar(
            before.id or answer_id,
            before.created if before.created is not None else created,
            add_usage(before.usage, usage),
            before.text + before.glue + text if text else before.text,
            "content" in self.pieces if text else before.undecided,
        )

    def finish(self, reason: Any, refusals: Refusals) -> Any:
        """`tool_calls` and `function_call` become `stop` where no such call is left; clients loop on them otherwise."""
        if reason in _CALL_REASONS and all(c in refusals or c.form.startswith("text:") for c in self.calls):
            return "stop"
        return reason

    def message(self, answer_id: str | None) -> dict[str, Any]:
        """The assistant message with all its calls, as the model would have to have sent it to see them refused."""
        plain = "".join(piece for piece in self.pieces.get("content", ()) if isinstance(piece, str))
        message: dict[str, Any] = {"role": "assistant", "content": self.said.get("content", "") + plain or None}
        tools = [call for call in self.calls if call.form != "function"]
        if tools:
            message["tool_calls"] = [
                {
                    "id": known_id(answer_id, call),
                    "type": "function",
                    "function": {"name": call.tool or "unknown", "arguments": arguments_text(call)},
                }
                for call in tools
            ]
        for call in self.calls:
            if call.form == "function":
                message["function_call"] = {"name": call.tool or "unknown", "arguments": arguments_text(call)}
        return message

    def past(self, answer_id: str | None, refusals: Refusals, before: SoFar) -> Iterator[PastRefusal]:
        """The refused calls of this choice, to be put back into later requests."""
        siblings = tuple(c.call_id for c in self.calls if c.form == "tool" and c not in refusals)
        content = self.said.get("content", "") + self.texts(refusals).get("content", "")
        content = before.text + before.glue + content if content else before.text
        for call in self.calls:
            if call in refusals:
                yield PastRefusal(
                    known_id(answer_id, call),
                    call.tool or "unknown",
                    arguments_text(call),
                    refusal_text(refusals[call], call.tool),
                    siblings,
                    content,
                )


_CALL_REASONS: Final = ("tool_calls", "function_call")


def exchange(choice: HeldChoice, answer_id: str | None, refusals: Refusals) -> list[dict[str, Any]]:
    """The choice's message, and one result per call that says how it was refused."""
    messages = [choice.message(answer_id)]
    for call in choice.calls:
        text = refusal_text(refusals[call], call.tool)
        if call.form == "function":
            messages.append({"role": "function", "name": call.tool or "unknown", "content": text})
        else:
            messages.append({"role": "tool", "tool_call_id": known_id(answer_id, call), "content": text})
    return messages


def check_refusals(calls: tuple[HeldCall, ...], refusals: Refusals) -> None:
    """Raises ValueError where a call would leave without having been judged, or a refusal fits none of the calls.

    A guard against mistakes of the caller: a HeldCall that is not equal to one of these would release what it refuses.
    """
    if refusals and not refusals.keys() <= set(calls):
        raise ValueError("a refusal of a call that is not in this answer")
    if any(call.problem is not None and call not in refusals for call in calls):
        raise ValueError("an unreadable call without a refusal")


def arguments_text(call: HeldCall) -> str:
    """Canonical JSON; chat templates parse it, so an unreadable call shows none."""
    return encode(call.arguments or {}).decode()


def known_id(answer_id: str | None, call: HeldCall) -> str:
    """The call's id, or one made for it where it had none of its own: nine letters and digits, as Mistral demands."""
    if call.form == "tool" and call.call_id and call.problem != "duplicate-id":
        return call.call_id
    number = int.from_bytes(sha256(f"{answer_id}/{call.choice}/{call.index}".encode()).digest()[:8])
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(letters[number // 36**place % 36] for place in range(9))


def add_usage(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Member by member, numbers added; where they are not both numbers the later word counts."""
    if first is None or second is None:
        only = first if second is None else second
        return None if only is None else dict(only)
    total = dict(first)
    for name, value in second.items():
        before = first.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            total[name] = add_usage(before, value)
        elif type(value) is int and type(before) is int:
            total[name] = before + value
        elif value is not None:
            total[name] = value
    return total


class _Lines:
    """Text that grows; a refusal always stands on a line of its own."""

    def __init__(self, before: str, added: str = "") -> None:
        self._before = before
        self.added = added
        self._after_refusal = False

    def text(self, text: str) -> None:
        if self._after_refusal and text[:1] not in ("", "\n"):
            self.added += "\n"
        self._after_refusal = self._after_refusal and not text
        self.added += text

    def line(self, sentence: str) -> None:
        last = (self.added or self._before)[-1:]
        self.added += ("" if last in ("", "\n") else "\n") + sentence
        self._after_refusal = True


def _decided(said: str, pieces: list[Piece], written: Iterator[HeldCall], refusals: Refusals) -> str:
    lines = _Lines(said)
    for piece in pieces:
        if isinstance(piece, str):
            lines.text(piece)
            continue
        kept: list[WrittenCall] = []
        refused: list[HeldCall] = []
        for call, held in zip(piece.calls, written, strict=False):
            if held in refusals:
                refused.append(held)
            else:
                kept.append(call)
        lines.text(piece.printed(kept))
        for held in refused:
            lines.line(refusal_text(refusals[held], held.tool))
    return lines.added


def number_written(choice: int, first: int, pieces: Mapping[str, list[Piece]]) -> list[HeldCall]:
    """The HeldCalls of the calls written in the text members, numbered from `first` on."""
    calls: list[HeldCall] = []
    for member_pieces in pieces.values():
        for piece in member_pieces:
            if isinstance(piece, Written):
                for call in piece.calls:
                    calls.append(call.held(choice, first + len(calls), piece.grammar))
    return calls
