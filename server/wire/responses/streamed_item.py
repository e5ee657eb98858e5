"""One item of a stream while it arrives, until it can be held and judged like an item of a whole answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..calls import MAX_CALL, read_arguments
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..text_scan import Scan, TextScanner
from .items import CALLS, WORDS, check_item, check_provided, is_provided, kind_of, read_call, text_member
from .output import HeldItem, HeldText, held_text

MAX_PARTS: Final = 256
"""Parts of one item; a long summary of reasoning has some dozens."""


class StreamedText:
    """One text of an item. `stem` names the events that announced its part, None if none did."""

    def __init__(self, member: str, at: int, word: str, part: dict[str, Any], scan: Scan, glue: str) -> None:
        self.member = member
        self.at = at
        self.word = word
        self.part = part
        self.glue = glue
        self.stem: str | None = None
        self.said: list[str] = []
        self.scanner = TextScanner(scan)
        self.began = False
        self.finished = False
        self.logprobs: Any = None

    @property
    def kind(self) -> str:
        return str(self.part["type"])

    def push(self, text: str) -> str:
        """What leaves at once."""
        if self.finished:
            raise MalformedAnswer("a text goes on after its end")
        self.began = True
        leaving = self.scanner.push(text)
        if not leaving:
            return ""
        first = not self.said
        self.said.append(leaving)
        return self.glue + leaving if first else leaving

    def held(self) -> HeldText:
        return held_text(self.member, self.at, self.word, self.part, self.glue, "".join(self.said), self.scanner)


class StreamedItem:
    """`place` is the item's index among those that have left, None for one that waits or never leaves."""

    def __init__(self, tree: dict[str, Any], scan: Scan, kept: Kept = frozenset()) -> None:
        self.kind = kind_of(tree)
        self.provided = is_provided(self.kind, kept)
        self.tree = tree
        self.scan = scan
        self.place: int | None = None
        self.texts: list[StreamedText] = []
        self.done: dict[str, Any] | None = None
        self.closed = False
        self._fragments: list[str] = []
        self._size = 0
        self._whole: list[Any] = []
        if not self.is_call:
            self._check(tree)
            if any(tree.get(member) for member in WORDS.get(self.kind, ())):
                raise MalformedAnswer("an item has parts before they began")

    @property
    def is_call(self) -> bool:
        """Whether it is a call, of a known kind or not."""
        return self.kind not in WORDS and self.kind != "compaction" and not self.provided

    def _check(self, tree: dict[str, Any]) -> None:
        if self.provided:
            check_provided(tree)
        else:
            check_item(tree, self.scan)

    @property
    def id(self) -> Any:
        return self.tree.get("id")

    def text(self, member: str, at: object, part: Any, glue: str) -> StreamedText:
        """The text at that place, which begins now if it is the next one."""
        known = [text for text in self.texts if text.member == member]
        if type(at) is not int or not 0 <= at <= len(known) or at >= MAX_PARTS:
            raise MalformedAnswer("a part of an item has no index, or leaves one out")
        word = text_member(self.kind, member, part, self.scan)
        if at < len(known):
            if known[at].kind != part["type"]:
                raise MalformedAnswer("a part of an item changes its kind")
            return known[at]
        text = StreamedText(member, at, word, {**part, word: ""}, self.scan, glue)
        self.texts.append(text)
        return text

    def fragment(self, event: Mapping[str, Any], text: object) -> int:
        """A piece of what a call is called with. Returns its size in characters."""
        self._same(event)
        if not isinstance(text, str) or self._whole or self.done is not None:
            raise MalformedAnswer("a fragment of a call is no text or comes after its end")
        self._fragments.append(text)
        self._size += len(text)
        if self._size > MAX_CALL:
            raise MalformedAnswer("the arguments of a call are too long", code="answer-too-large")
        return len(text)

    def whole(self, event: Mapping[str, Any], spelled: object) -> None:
        """What a call is called with, all of it once more."""
        self._same(event)
        self._whole.append(spelled)

    def finish(self, tree: dict[str, Any]) -> None:
        """The item's last event. Raises MalformedAnswer where it is not the item that began."""
        if kind_of(tree) != self.kind or _differ(self.id, tree.get("id")):
            raise MalformedAnswer("an item ends as another one")
        if self.is_call:
            if _differ(self.tree.get("name"), tree.get("name")) or _differ(
                self.tree.get("call_id"), tree.get("call_id")
            ):
                raise MalformedAnswer("the name or the id of a call changes on the way")
        else:
            self._check(tree)
        self.done = tree

    def complete(self) -> HeldItem:
        """Everything has come."""
        if self.done is None:
            raise MalformedAnswer("the stream ended before an item did")
        tree = {**self.tree, **{member: value for member, value in self.done.items() if value is not None}}
        if self.id is not None:
            tree["id"] = self.id
        if not self.is_call:
            return HeldItem(tree, [text.held() for text in self._in_order()])
        if self.kind in CALLS:
            tree[CALLS[self.kind]] = self._spelled(tree.get(CALLS[self.kind]))
        return HeldItem(tree, call=read_call(tree, 0))

    def _in_order(self) -> list[StreamedText]:
        members = list(WORDS.get(self.kind, ()))
        return sorted(self.texts, key=lambda text: (members.index(text.member), text.at))

    def _spelled(self, last: Any) -> Any:
        """What all events agree that the call is called with. They may print it differently; clients differ in which
        of the events they read."""
        said = [text for text in ("".join(self._fragments), *self._whole, last) if text is not None and text != ""]
        if not said:
            return ""
        odd = [text for text in said if not isinstance(text, str)]
        if odd:
            return odd[0]  # read_call says what is wrong with it
        if any(text != said[0] for text in said) and (self.kind != "function_call" or not _same_arguments(said)):
            raise MalformedAnswer("the events of a call do not agree on what it is called with")
        return said[0]

    def _same(self, event: Mapping[str, Any]) -> None:
        if _differ(self.id, event.get("item_id")):
            raise MalformedAnswer("a fragment of a call names another item")


def _differ(first: object, second: object) -> bool:
    return first not in (None, "") and second not in (None, "") and first != second


def _same_arguments(said: list[str]) -> bool:
    read = [read_arguments(text) for text in said]
    return all(problem is None and arguments == read[0][0] for arguments, problem in read)
