"""A whole chat completion: bytes -> ChatAnswer with its HeldCalls -> (Decisions) -> bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final

import msgspec

from policy_dsl.strict_json import StrictJsonError, encode, parse

from .calls import MAX_CALLS, HeldCall, read_function, read_tool_call, unique_ids
from .errors import MalformedAnswer
from .held_choice import HeldChoice, Refusals, Rewritings, SoFar, add_usage, check_refusals, exchange, number_written
from .members import (
    CHOICE_MEMBERS,
    MESSAGE_MEMBERS,
    TEXT_MEMBERS,
    TOKEN_MEMBERS,
    TOP_MEMBERS,
    is_unread,
    refuse_unknown,
)
from .provided import Observed
from .refusal import PastRefusal
from .text_scan import Scan, TextScanner, mentions_call

MAX_CHOICES: Final = 16
"""Choices of one answer, as of a request's `n`; OpenAI allows 128, no agent that we know asks for more than 8."""


_TEXT_OR_NONE: Final = (str, NoneType)
_FIRST_ROUND: Final = SoFar()


def parse_chat_answer(body: bytes, scan: Scan, *, so_far: SoFar | None = None) -> ChatAnswer:
    """Reads an answer of status 200. Raises MalformedAnswer where readers could disagree about what it says.

    `scan` names the grammars of calls written as text that are looked for; `so_far` is what earlier rounds answered.
    """
    try:
        tree: Any = parse(body, numbers="kept")
    except StrictJsonError as error:
        raise MalformedAnswer(f"the answer is not strict JSON: {error.code}") from None
    if not isinstance(tree, dict):
        raise MalformedAnswer("the answer is not an object")
    if "choices" not in tree and tree.get("error") is not None:
        raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
    check_head(tree, scan)
    entries = tree.get("choices")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_CHOICES:
        raise MalformedAnswer("`choices` is not a list of 1 to 16 choices")
    choices = [_read_choice(entry, scan) for entry in entries]
    if len({choice.index for choice in choices}) != len(choices):
        raise MalformedAnswer("two choices have the same index")
    return ChatAnswer(tree, choices, so_far or _FIRST_ROUND)


def check_head(tree: Mapping[str, Any], scan: Scan) -> None:
    """The members beside `choices`, in an answer or in a chunk."""
    refuse_unknown(tree, TOP_MEMBERS, lambda text: mentions_call(text, scan), "the answer")
    if type(tree.get("id")) not in _TEXT_OR_NONE:
        raise MalformedAnswer("`id` is not a text")
    if type(tree.get("usage")) not in (dict, NoneType):
        raise MalformedAnswer("`usage` is not an object")


def check_choice_index(entry: object) -> int:
    """The choice's own index. Raises MalformedAnswer for anything but a choice."""
    if not isinstance(entry, dict):
        raise MalformedAnswer("a choice is not an object")
    index = entry.get("index")
    if type(index) is not int or not 0 <= index < MAX_CHOICES:
        raise MalformedAnswer("a choice has no index from 0 to 15")
    if type(entry.get("finish_reason")) not in _TEXT_OR_NONE:
        raise MalformedAnswer("`finish_reason` is not a text")
    return index


def check_role(message: Mapping[str, Any]) -> None:
    if message.get("role") not in ("assistant", None, ""):
        raise MalformedAnswer("the answer's role is not assistant")


def _read_choice(entry: Any, scan: Scan) -> HeldChoice:
    index = check_choice_index(entry)
    message = entry.get("message")
    if not isinstance(message, dict):
        raise MalformedAnswer("`message` is not an object")
    check_role(message)
    refuse_unknown(entry, CHOICE_MEMBERS, lambda text: mentions_call(text, scan), "a choice")
    refuse_unknown(message, MESSAGE_MEMBERS, lambda text: mentions_call(text, scan), "a message")
    choice = HeldChoice(index)
    _read_calls(choice, message)
    for member in TEXT_MEMBERS:
        value = message.get(member)
        if value is None or value == "":
            continue
        scanner = TextScanner(scan)
        choice.said[member] = scanner.push(value if isinstance(value, str) else _text(member, value))
        if scanner.holds:
            choice.pieces[member] = scanner.close()
    if choice.pieces:
        choice.calls += tuple(number_written(index, len(choice.calls), choice.pieces))
    return choice


def _read_calls(choice: HeldChoice, message: Mapping[str, Any]) -> None:
    entries = message.get("tool_calls")
    if entries is not None:
        if not isinstance(entries, list) or len(entries) > MAX_CALLS:
            raise MalformedAnswer("`tool_calls` is not a list of at most 128 calls")
        if not all(isinstance(entry, dict) for entry in entries):
            raise MalformedAnswer("a member of `tool_calls` is not an object")
        choice.entries = entries
        calls = unique_ids(read_tool_call(choice.index, at, entry) for at, entry in enumerate(entries))
        choice.calls = tuple(calls)
    function = message.get("function_call")
    if function is not None:
        if not isinstance(function, dict):
            raise MalformedAnswer("`function_call` is not an object")
        choice.calls += (read_function(choice.index, len(choice.calls), function),)


def _text(member: str, value: object) -> str:
    """The words of a text member: a text, or for `content` also a list of text parts (Mistral)."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if member == "content" and isinstance(value, list):
        return "".join(map(_part, value))
    raise MalformedAnswer(f"`{member}` is not a text")


def _part(part: object) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(text, str) or is_unread(part, _PART):
        raise MalformedAnswer("a part of `content` is not a text part")
    return text


_PART: Final = frozenset({"type", "text"})


class ChatAnswer(msgspec.Struct, frozen=True, eq=False):
    """A strictly read answer. `tree` is what was read; nothing here changes it."""

    tree: dict[str, Any]
    held_choices: list[HeldChoice]
    before: SoFar

    @property
    def calls(self) -> tuple[HeldCall, ...]:
        if len(self.held_choices) == 1:
            return self.held_choices[0].calls
        return tuple(call for choice in self.held_choices for call in choice.calls)

    @property
    def observed(self) -> tuple[Observed, ...]:
        """None: this API tells what a search found in the model's words, not which calls it took."""
        return ()

    @property
    def choices(self) -> int:
        return len(self.held_choices)

    @property
    def id(self) -> str | None:
        """The response id that the client sees: the first round's."""
        return self.before.id or self.tree.get("id")

    @property
    def usage(self) -> dict[str, Any] | None:
        """Of all rounds."""
        return add_usage(self.before.usage, self.tree.get("usage"))

    @property
    def so_far(self) -> SoFar:
        """For the next round of the same answer, which must have one choice."""
        tree = self.tree
        return self.held_choices[0].so_far(self.before, tree.get("id"), tree.get("created"), tree.get("usage"))

    def rewrite(self, changes: Rewritings) -> None:
        """Let calls leave with other arguments than they came with."""
        for choice in self.held_choices:
            choice.rewrite(changes)

    def settled(self, refusals: Refusals) -> bytes:
        """The answer that leaves: without the refused calls, each stated on a line of the choice's content."""
        check_refusals(self.calls, refusals)
        tree = dict(self.tree)
        tree["choices"] = [
            self._settled_choice(choice, entry, refusals)
            for choice, entry in zip(self.held_choices, self.tree["choices"], strict=True)
        ]
        if self.before.id is not None:
            tree["id"] = self.before.id
        if self.before.created is not None:
            tree["created"] = self.before.created
        if self.before.usage is not None:
            tree["usage"] = self.usage
        return encode(tree)

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """See Answered. For an answer of one choice whose calls are all refused."""
        return exchange(self.held_choices[0], self.tree.get("id"), refusals)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        """What later requests are to be told of these refusals."""
        if not refusals:
            return ()
        return tuple(
            past for choice in self.held_choices for past in choice.past(self.tree.get("id"), refusals, self.before)
        )

    def _settled_choice(self, choice: HeldChoice, entry: dict[str, Any], refusals: Refusals) -> dict[str, Any]:
        reason = entry.get("finish_reason")
        finish = choice.finish(reason, refusals)
        if not choice.holds and not self.before.text and finish == reason:
            return entry
        message = dict(entry["message"])
        for member, added in choice.texts(refusals).items():
            if added or choice.pieces.get(member):
                message[member] = choice.said.get(member, "") + added
        if self.before.text:
            text = _text("content", message.get("content"))
            message["content"] = self.before.text + self.before.glue + text if text else self.before.text
        tool_calls = choice.tool_calls(refusals)
        if tool_calls:
            message["tool_calls"] = tool_calls
        elif choice.entries:
            del message["tool_calls"]
        if message.get("function_call") is not None:
            message["function_call"] = choice.function_call(refusals)
        settled = {**entry, "message": message, "finish_reason": finish}
        if choice.pieces or (refusals and any(call in refusals for call in choice.calls)):
            for member in TOKEN_MEMBERS:
                if settled.get(member) is not None:
                    settled[member] = None
        return settled
