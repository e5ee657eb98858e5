"""One answer while its calls wait for their Decisions, and what of it leaves afterwards.

Whole answers and streams differ in how the blocks arrive; they share how they are settled, so both give the agent the
same. What leaves is: the spoken blocks in order, then one text block that states the refused calls, then the released
calls. Each text block is scanned for calls written as text by itself, because clients read blocks by themselves; where
one ended in what could have been the beginning of a call, a rule is put before the next, so that those who join the
texts find none either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from ..calls import HeldCall, unique_ids
from ..held_choice import HeldChoice, Refusals, Rewritings, add_usage, arguments_text, known_id, number_written
from ..provided import Observed
from ..refusal import PastRefusal, refusal_text
from ..text_scan import Scan, TextScanner
from .blocks import CALL, SPOKEN, observed_in, read_call

_RULE: Final = "\n\n---\n\n"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_WORDS: Final = "content"
"""The member under which a block's words stand in its HeldChoice."""


def safe_name(tool: str) -> str:
    """The tool's name where the API takes it in a history, else a word that names none."""
    return tool if _NAME.fullmatch(tool) else "unknown"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier rounds of one answer gave: the message's id and model, the usage, the blocks that left.

    `undecided` says that their last text ended in what could have been the beginning of a call.
    """

    id: str | None = None
    model: Any = None
    usage: dict[str, Any] | None = None
    blocks: tuple[dict[str, Any], ...] = ()
    undecided: bool = False


@dataclass(slots=True)
class Spoken:
    """One spoken block: its tree, and its words as far as they are plain (`said`) and held (`pieces`)."""

    tree: dict[str, Any]
    glue: str = ""
    words: HeldChoice = field(default_factory=lambda: HeldChoice(0))
    undecided: bool = False

    @property
    def member(self) -> str:
        return SPOKEN.get(self.tree["type"], "")

    @property
    def said(self) -> str:
        return self.words.said.get(_WORDS, "")

    @property
    def holds(self) -> bool:
        """Whether calls are written in the block."""
        return bool(self.words.pieces)

    def end(self, scanner: TextScanner, said: str) -> str:
        """The block is complete. Returns what of the held text is plain, up to the first call written in it."""
        self.undecided = scanner.holds
        pieces = scanner.close()
        lead = pieces[0] if pieces and isinstance(pieces[0], str) else ""
        self.words.said[_WORDS] = said + lead
        if len(pieces) > bool(lead):
            self.words.pieces[_WORDS] = pieces[bool(lead) :]
        return lead

    def rest(self, refusals: Refusals) -> str:
        """What is added to `said`: the held text with its calls decided."""
        mine = {call: refusals[call] for call in self.words.calls if call in refusals}
        return self.words.texts(mine).get(_WORDS, "")

    def printed(self, text: str) -> dict[str, Any]:
        """The block with `text` as its words. A signature or citations of other words are not for these."""
        if not self.member:
            return self.tree
        again = {**self.tree, self.member: self.glue + text}
        if self.holds:
            for opaque, empty in (("signature", ""), ("citations", None)):
                if again.get(opaque):
                    again[opaque] = empty
        return again

    def heard(self) -> dict[str, Any]:
        """The block for the model's own history: as it said it, less the calls written in it."""
        plain = "".join(piece for piece in self.words.pieces.get(_WORDS, ()) if isinstance(piece, str))
        return self.printed(self.said + plain)


def spoken(tree: dict[str, Any], scan: Scan) -> Spoken:
    """A spoken block that came in one piece."""
    block = Spoken(tree)
    if block.member:
        scanner = TextScanner(scan)
        said = scanner.push(tree[block.member])
        block.end(scanner, said)
    return block


@dataclass(slots=True)
class HeldMessage:
    """`spoken` and `entries` (the call blocks) are in the order in which they came; `calls` has the calls of the
    entries first, then those written in the spoken blocks. Blocks of calls that ran at the provider are among `spoken`:
    what the model says next is about them, so they keep their places."""

    id: str | None
    model: Any
    earlier: Earlier
    spoken: list[Spoken] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    calls: tuple[HeldCall, ...] = ()
    observed: tuple[Observed, ...] = ()

    def read(self, problems: Mapping[int, str] | None = None) -> None:
        """Everything has come: read the calls. `problems` are those of entries that could not be read, by place."""
        self.observed = observed_in([block.tree for block in self.spoken])
        found = [read_call(at, entry) for at, entry in enumerate(self.entries)]
        for at, problem in (problems or {}).items():
            found[at] = replace(found[at], arguments=None, problem=found[at].problem or problem)
        calls = unique_ids(found)
        for block in self.spoken:
            block.words.calls = tuple(number_written(0, len(calls), block.words.pieces))
            calls += block.words.calls
        self.calls = tuple(calls)
        undecided, first = self.earlier.undecided, True
        for block in self._texts():
            block.glue = self.glue(block, first=first, undecided=undecided)
            undecided, first = block.undecided, False

    def glue(self, block: Spoken, *, first: bool, undecided: bool) -> str:
        """What stands before a block's words. `first` is whether it is this round's first text, `undecided` how the
        text before it ended."""
        if block.member != "text":
            return ""
        if undecided:
            return _RULE
        return "\n" if first and _text(self.earlier.blocks) else ""

    def _texts(self) -> Iterator[Spoken]:
        return (block for block in self.spoken if block.member == "text" and (block.said or block.holds))

    def rewrite(self, changes: Rewritings) -> None:
        """Put other arguments into calls before they leave. Calls without a problem only."""
        self.calls = tuple(replace(call, arguments=changes[call]) if call in changes else call for call in self.calls)
        for block in self.spoken:
            block.words.rewrite({call: changes[call] for call in block.words.calls if call in changes})

    # --- what leaves ---

    def blocks(self, refusals: Refusals) -> list[dict[str, Any]]:
        """All blocks of this round, as they leave."""
        return [*self.said(refusals), *self.behind(refusals)]

    def said(self, refusals: Refusals, begin: int = 0) -> list[dict[str, Any]]:
        """The spoken blocks from place `begin` on."""
        trees = (block.printed(block.said + block.rest(refusals)) for block in self.spoken[begin:])
        return [tree for tree in trees if not _is_empty(tree)]

    def behind(self, refusals: Refusals) -> list[dict[str, Any]]:
        """What follows the spoken blocks: the text block that states the refused call blocks, then the others."""
        before = _text((*self.earlier.blocks, *self.said(refusals)))
        lines = HeldChoice(0, said={_WORDS: before}, calls=self.calls[: len(self.entries)])
        text = lines.texts({call: refusals[call] for call in lines.calls if call in refusals}).get(_WORDS)
        return [*([{"type": "text", "text": text}] if text else ()), *self.released(refusals)]

    def released(self, refusals: Refusals) -> list[dict[str, Any]]:
        """The call blocks that leave, each with the arguments that were judged."""
        return [
            {**entry, "input": call.arguments}
            for entry, call in zip(self.entries, self.calls, strict=False)
            if call not in refusals
        ]

    def lead(self) -> list[dict[str, Any]]:
        """The blocks that leave where another round follows: everything before the first call written as text."""
        left: list[dict[str, Any]] = []
        for block in self.spoken:
            left.append(block.printed(block.said))
            if block.holds:
                break
        return [tree for tree in left if not _is_empty(tree)]

    def so_far(self, usage: dict[str, Any] | None) -> Earlier:
        """What the next round of the same answer has to go on with."""
        texts = list(self._texts())
        return Earlier(
            self.earlier.id or self.id,
            self.earlier.model or self.model,
            add_usage(self.earlier.usage, usage),
            (*self.earlier.blocks, *self.lead()),
            any(block.holds for block in self.spoken) or (texts[-1].undecided if texts else self.earlier.undecided),
        )

    def stop_reason(self, reason: Any, refusals: Refusals) -> Any:
        """`tool_use` becomes `end_turn` where no call block is left; clients loop on it otherwise."""
        if reason == "tool_use" and all(c in refusals for c in self.calls[: len(self.entries)]):
            return "end_turn"
        return reason

    # --- what the model is told ---

    def exchange(self, refusals: Refusals, result: Callable[[str, str], dict[str, Any]]) -> list[dict[str, Any]]:
        """The model's own message with all its calls, and the user's with a refusal for each of them."""
        said = [tree for tree in (block.heard() for block in self.spoken) if not _is_empty(tree)]
        calls = [
            {
                "type": CALL,
                "id": known_id(self.id, call),
                "name": safe_name(call.tool),
                "input": call.arguments or {},
            }
            for call in self.calls
        ]
        results = [result(known_id(self.id, call), refusal_text(refusals[call], call.tool)) for call in self.calls]
        return [{"role": "assistant", "content": [*said, *calls]}, {"role": "user", "content": results}]

    def past(self, refusals: Refusals) -> Iterator[PastRefusal]:
        """The refused calls, to be put back into later requests."""
        siblings = tuple(call.call_id for call in self.calls[: len(self.entries)] if call not in refusals)
        content = _text((*self.earlier.blocks, *self.blocks(refusals)))
        for call in self.calls:
            if call in refusals:
                text = refusal_text(refusals[call], call.tool)
                yield PastRefusal(
                    known_id(self.id, call), call.tool or "unknown", arguments_text(call), text, siblings, content
                )


def _text(blocks: Iterable[Mapping[str, Any]]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def _is_empty(tree: Mapping[str, Any]) -> bool:
    """The API refuses empty text blocks in a history, so none leaves."""
    return tree["type"] == "text" and not tree["text"]
