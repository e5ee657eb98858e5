"""One block of a stream while it arrives, until it can be held and judged like a block of a whole answer."""

from __future__ import annotations

from typing import Any

from ..calls import MAX_CALL, read_arguments
from ..errors import MalformedAnswer
from ..members import refuse_unknown
from ..text_scan import Scan, TextScanner, mentions_call
from .blocks import check_citation
from .events import DELTAS
from .held_message import Spoken


class StreamedWords:
    """A spoken block. `shown` is whether its beginning has left."""

    def __init__(self, tree: dict[str, Any], scan: Scan) -> None:
        self.block = Spoken(tree)
        self.shown = False
        self._scan = scan
        self._scanner = TextScanner(scan)
        self._said: list[str] = []

    def words(self, text: str) -> str:
        """What of the block may leave now that `text` has come too."""
        leaving = self._scanner.push(text)
        self._said.append(leaving)
        return leaving

    def add(self, delta: dict[str, Any]) -> str:
        """Takes in a delta. Returns its words; citations and signatures wait for the end of the block."""
        kind, tree = delta.get("type"), self.block.tree
        if kind == DELTAS.get(tree["type"]):
            text = delta.get(self.block.member)
            if not isinstance(text, str):
                raise MalformedAnswer("the words of a delta are not a text")
            refuse_unknown(delta, frozenset({"type", self.block.member}), self._mentions_call, "a delta")
            return text
        if kind == "citations_delta" and tree["type"] == "text":
            refuse_unknown(delta, frozenset({"type", "citation"}), self._mentions_call, "a delta")
            check_citation(delta.get("citation"), self._scan)
            tree["citations"] = [*(tree.get("citations") or ()), delta["citation"]]
        elif kind == "signature_delta" and tree["type"] == "thinking" and isinstance(delta.get("signature"), str):
            refuse_unknown(delta, frozenset({"type", "signature"}), self._mentions_call, "a delta")
            tree["signature"] = (tree.get("signature") or "") + delta["signature"]
        else:
            raise MalformedAnswer("a delta does not fit its block")
        return ""

    def end(self) -> str:
        """The block is complete. Returns the held words that are plain."""
        return self.block.end(self._scanner, "".join(self._said))

    def _mentions_call(self, text: str) -> bool:
        return mentions_call(text, self._scan)


class StreamedCall:
    """A call block. Its arguments come in fragments, or whole at its beginning, as some servers send them."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self._fragments: list[str] = []
        self._size = 0

    def add(self, delta: dict[str, Any]) -> int:
        """Takes in a delta. Returns the number of characters that it adds to what is held."""
        text = delta.get("partial_json")
        if delta.get("type") != "input_json_delta" or not isinstance(text, str):
            raise MalformedAnswer("a delta does not fit its block")
        self._fragments.append(text)
        self._size += len(text)
        if self._size > MAX_CALL:
            raise MalformedAnswer("the arguments of a call are too long", code="answer-too-large")
        return len(text)

    def end(self) -> str | None:
        """The call is complete. Returns why its arguments cannot be read, None where they can."""
        text = "".join(self._fragments)
        if not text:
            return None
        if self.entry.get("input"):
            raise MalformedAnswer("the arguments of a call come twice")
        arguments, problem = read_arguments(text)
        self.entry["input"] = arguments or {}
        return problem


class StreamedProvided(StreamedCall):
    """A call that ran at the provider, or its answer, which comes whole at its beginning."""
