"""One choice of a stream while it arrives, until it can be held and judged like a choice of a whole answer."""

from __future__ import annotations

from typing import Any

from .calls import unique_ids
from .held_choice import HeldChoice, number_written
from .members import TEXT_MEMBERS
from .stream_calls import CallParts
from .text_scan import TextScanner


class StreamedChoice:
    """What has come of one choice, and `last`, the choice of the chunk that finished it."""

    def __init__(self, index: int) -> None:
        self.held = HeldChoice(index)
        self.said: dict[str, list[str]] = {}
        self.scanners: dict[str, TextScanner] = {}
        self.parts: dict[int, CallParts] = {}
        self.function: CallParts | None = None
        self.last: dict[str, Any] | None = None

    def complete(self) -> None:
        """Everything has come: read the calls."""
        held = self.held
        held.said = {member: "".join(said) for member, said in self.said.items()}
        for member in TEXT_MEMBERS:  # in this order, as a whole answer is read
            if (scanner := self.scanners.get(member)) and scanner.holds:
                held.pieces[member] = scanner.close()
        read = [self.parts[at].call(held.index, index) for index, at in enumerate(sorted(self.parts))]
        held.entries = [entry for _, entry in read]
        calls = unique_ids(call for call, _ in read)
        if self.function is not None:
            calls.append(self.function.function(held.index, len(calls)))
        calls += number_written(held.index, len(calls), held.pieces)
        held.calls = tuple(calls)
