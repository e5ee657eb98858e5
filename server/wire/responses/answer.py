"""A whole response: bytes -> ResponsesAnswer with its HeldCalls -> (Decisions) -> bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse

from ..calls import HeldCall
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..held_choice import Refusals, Rewritings, check_refusals
from ..provided import Observed
from ..refusal import PastRefusal
from ..text_scan import Scan
from .items import check_head
from .output import Earlier, HeldOutput, read_output

FINISHED: Final = ("completed", "incomplete", None)
"""States of a response that is complete as far as it will ever be; servers that know no state leave it out."""


def parse_answer(body: bytes, scan: Scan, before: Earlier, kept: Kept = frozenset()) -> ResponsesAnswer:
    """Reads an answer of status 200. Raises MalformedAnswer where readers could disagree about what it says."""
    try:
        tree: Any = parse(body, numbers="kept")
    except StrictJsonError as error:
        raise MalformedAnswer(f"the answer is not strict JSON: {error.code}") from None
    tree = check_head(tree, scan)
    if tree.get("status") not in FINISHED:
        raise MalformedAnswer("the response is not finished")
    return ResponsesAnswer(tree, read_output(tree, scan, before, kept), before)


@dataclass(frozen=True, slots=True)
class ResponsesAnswer:
    """A strictly read answer. `tree` is what was read; nothing here changes it."""

    tree: dict[str, Any]
    held: HeldOutput
    before: Earlier

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
        return self.held.so_far(self.before, self.tree)

    def rewrite(self, changes: Rewritings) -> None:
        """Let calls leave with other arguments than they came with."""
        self.held.rewrite(changes)

    def settled(self, refusals: Refusals) -> bytes:
        """The answer that leaves: each refused call is a message that says so."""
        check_refusals(self.calls, refusals)
        items = [*self.before.items, *(left.tree for left in self.held.leaving(refusals))]
        return encode(self.before.response(self.tree, items))

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """See HeldOutput.exchange. For an answer all of whose calls are refused."""
        return self.held.exchange(refusals)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        """What later requests are to be told of these refusals."""
        return tuple(self.held.past(refusals))
