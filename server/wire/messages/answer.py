"""A whole answer of the Messages API: bytes -> MessagesAnswer with its HeldCalls -> (Decisions) -> bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from policy_dsl.strict_json import StrictJsonError, encode, parse

from ..calls import MAX_CALLS, HeldCall
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..held_choice import Refusals, Rewritings, add_usage, check_refusals
from ..provided import Observed
from ..refusal import PastRefusal
from ..text_scan import Scan
from .blocks import CALL, check_message, check_provided, check_spoken, is_provided, kind_of
from .held_message import Earlier, HeldMessage, spoken


def parse_answer(body: bytes, scan: Scan, earlier: Earlier | None = None, kept: Kept = frozenset()) -> MessagesAnswer:
    """Reads an answer of status 200. Raises MalformedAnswer where readers could disagree about what it says."""
    try:
        tree: Any = parse(body, numbers="kept")
    except StrictJsonError as error:
        raise MalformedAnswer(f"the answer is not strict JSON: {error.code}") from None
    if not isinstance(tree, dict):
        raise MalformedAnswer("the answer is not an object")
    if tree.get("type") == "error":
        raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
    check_message(tree, scan)
    blocks = tree.get("content")
    if not isinstance(blocks, list):
        raise MalformedAnswer("`content` is not a list of blocks")
    held = HeldMessage(tree["id"], tree.get("model"), earlier or Earlier())
    for block in blocks:
        if is_provided(block, kept):
            check_provided(block)
            held.spoken.append(spoken(block, scan))
        elif kind_of(block) == CALL:
            held.entries.append(block)
        else:
            check_spoken(block, scan)
            held.spoken.append(spoken(block, scan))
    if len(held.entries) > MAX_CALLS:
        raise MalformedAnswer("the answer has more than 128 calls", code="answer-too-large")
    held.read()
    return MessagesAnswer(tree, held)


@dataclass(frozen=True, slots=True)
class MessagesAnswer:
    """A strictly read answer. `tree` is what was read; nothing here changes it."""

    tree: dict[str, Any]
    held: HeldMessage

    @property
    def calls(self) -> tuple[HeldCall, ...]:
        return self.held.calls

    @property
    def observed(self) -> tuple[Observed, ...]:
        return self.held.observed

    @property
    def choices(self) -> int:
        return 1

    @property
    def so_far(self) -> Earlier:
        return self.held.so_far(self.tree.get("usage"))

    def rewrite(self, changes: Rewritings) -> None:
        self.held.rewrite(changes)

    def settled(self, refusals: Refusals) -> bytes:
        check_refusals(self.calls, refusals)
        earlier = self.held.earlier
        settled = {
            **self.tree,
            "content": [*earlier.blocks, *self.held.blocks(refusals)],
            "stop_reason": self.held.stop_reason(self.tree.get("stop_reason"), refusals),
        }
        if earlier.id is not None:
            settled["id"], settled["model"] = earlier.id, earlier.model
            settled["usage"] = add_usage(earlier.usage, self.tree.get("usage"))
        return encode(settled)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        return tuple(self.held.past(refusals))
