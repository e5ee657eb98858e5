"""A streamed response: events in, bytes to send at once, and at the end the HeldCalls and what they become.

Theory of operation. Words leave with the event they came in, except where text_scan.py holds them; a text, a part or an
item that holds something ends only when it is settled. Nothing of an item that is a call ever leaves in `feed`. What
leaves is counted anew: the number of an event and the place of an item are those of the events and items that left, in
all rounds. Reasoning that comes behind a call waits with it, because providers pair the two by their order; messages do
not wait. `close` gives the calls, only if every item ended and the response did; `settle` gives the rest, in the order
of the items, and last the response itself, made of exactly the items that left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse

from ..calls import HeldCall
from ..chat_stream import MAX_HELD, MAX_SAID
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..event_stream import EventStream
from ..held_choice import Refusals, Rewritings, check_refusals
from ..members import refuse_unknown
from ..provided import Observed
from ..refusal import PastRefusal
from ..sse import DONE, SseReader
from ..text_scan import Scan, mentions_call
from .answer import FINISHED
from .events import CALL_STEMS, ELSEWHERE_STEMS, PARTS, TEXTS, item_event, text_event
from .items import CALLS, WORDS, check_head
from .outgoing import Outgoing
from .output import MAX_ITEMS, SEAM, Earlier, HeldOutput, read_output
from .streamed_item import StreamedItem, StreamedText
from .text_delta import MOST_LEARNT, LikeDelta, like_delta

_HEADS: Final = ("response.created", "response.in_progress", "response.queued")
_ENDS: Final = ("response.completed", "response.incomplete")
_EVENT_MEMBERS: Final = frozenset(
    {
        "type", "sequence_number", "output_index", "item_id", "content_index", "summary_index", "annotation_index",
        "item", "part", "delta", "text", "refusal", "logprobs", "annotation", "obfuscation", "arguments", "input",
        "name", "response",
    }
)  # fmt: skip

MAX_EVENT: Final = 8 << 20
"""Bytes of one event: the last one repeats the whole answer, which the gate reads up to 8 MiB of by default."""

MAX_KEPT: Final = 32 << 20
"""Bytes of the events that are kept to the end, which are all but the deltas."""

_Handler = Callable[["ResponsesStream", str, dict[str, Any]], bytes]


class ResponsesStream(EventStream):
    """`scan`, `before` and `kept` are as for parse_answer."""

    def __init__(self, scan: Scan, before: Earlier, kept: Kept = frozenset()) -> None:
        super().__init__(SseReader(MAX_EVENT))
        self._scan = scan
        self._provided = kept
        self._before = before
        self._kept = 0
        self._items: dict[int, StreamedItem] = {}
        self._order: list[StreamedItem] = []
        self._latest: dict[str, StreamedText] = {}
        self._out = Outgoing(before)
        self._like: LikeDelta | None = None
        self._learnt = 0
        self._held = 0
        self._said = 0
        self._id: str | None = None
        self._last: dict[str, Any] | None = None
        self._output: HeldOutput | None = None
        self._done = False

    @property
    def calls(self) -> tuple[HeldCall, ...]:
        return self._output.calls if self._output else ()

    @property
    def observed(self) -> tuple[Observed, ...]:
        return self._closed()[0].observed

    @property
    def choices(self) -> int:
        return 1

    @property
    def so_far(self) -> Earlier:
        """For the next round of the same answer, after it was settled with `done=False`."""
        held, response = self._closed()
        earlier = held.so_far(self._before, response)
        # What has left has its place: a message that turned out empty keeps its own.
        items = tuple(item for item in self._out.left if item is not None)
        return replace(earlier, items=items, sequence=self._out.sequence)

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """See HeldOutput.exchange. For an answer all of whose calls are refused."""
        return self._closed()[0].exchange(refusals)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        """What later requests are to be told of these refusals."""
        return tuple(self._closed()[0].past(refusals))

    def rewrite(self, changes: Rewritings) -> None:
        """Let calls leave with other arguments than they came with. After `close`, before `settle`."""
        self._closed()[0].rewrite(changes)

    def settle(self, refusals: Refusals, *, done: bool = True) -> bytes:
        """What leaves after `close`: everything held, without the refused calls, to the end of the response.

        `done=False` is for an answer that goes on in another round, in which the model is told of the refusals: only
        held words that are no call leave, and every call must be refused.
        """
        held, response = self._closed()
        check_refusals(self.calls, refusals)
        out = bytearray()
        if not done:
            if not refusals.keys() >= set(self.calls):
                raise ValueError("a call would be lost between two rounds")
            for item, streamed in zip(held.items, self._order, strict=True):
                if item.call is None:
                    leads = [text.lead for text in item.texts]
                    out += self._out.rest(item, streamed, item.with_texts(leads) if item.texts else item.tree, leads)
            return bytes(out)
        arrived = {id(item): streamed for item, streamed in zip(held.items, self._order, strict=True)}
        for item_left, tree, _ in held.leaving(refusals):
            if item_left is None:
                out += self._out.whole(tree)
            else:
                added = [text.added(refusals) for text in item_left.texts]
                out += self._out.rest(item_left, arrived[id(item_left)], tree, added)
        items = [item for item in self._out.left if item is not None]
        last = {"type": (self._last or {})["type"], "response": self._before.response(response, items)}
        return bytes(out + self._out.send(last))

    def _closed(self) -> tuple[HeldOutput, dict[str, Any]]:
        if self._output is None or self._last is None:
            raise ValueError("settled before the stream was closed")
        return self._output, self._last["response"]

    # --- what comes in ---

    def _ended(self, unfinished: bool) -> None:
        if self._last is None or unfinished:
            raise MalformedAnswer("the stream ended before the response did")
        response = self._last["response"]
        cut = response.get("status") == "incomplete"
        output = HeldOutput([item.complete() for item in self._order], self._id, cut)
        self._check_last(response, output)
        self._output = output

    def _event(self, data: bytes) -> bytes:
        like = self._like
        if like is not None and self._last is None and (said := like.text_in(data)):
            return self._more_words(like, said)
        if data.strip() == DONE:  # some servers close with it as chat completions do
            if self._last is None or self._done:
                raise MalformedAnswer("the stream ended before the response did")
            self._done = True
            return b""
        try:
            tree: Any = parse(data, numbers="kept")
        except StrictJsonError as error:
            raise MalformedAnswer(f"an event of the stream is not strict JSON: {error.code}") from None
        name = tree.get("type") if isinstance(tree, dict) else None
        if isinstance(tree, dict) and tree.get("error") is not None:
            raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
        if not isinstance(name, str):
            raise MalformedAnswer("an event of the stream is not an object with a type")
        if name in ("error", "response.failed"):
            raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
        if self._last is not None:
            raise MalformedAnswer("the stream goes on after the end of the response")
        if not name.endswith(".delta"):
            self._kept += len(data)
            if self._kept > MAX_KEPT:
                raise MalformedAnswer("the answer is too long", code="answer-too-large")
        handler = _HANDLERS.get(name)
        if handler is not None:
            refuse_unknown(tree, _EVENT_MEMBERS, self._mentions_call, "an event")
            out = handler(self, name, tree)
            if name in _TEXT_DELTAS and self._learnt < MOST_LEARNT:
                self._learnt += 1
                self._like = like_delta(data, tree, *self._text_of(name.removesuffix(".delta"), tree))
            return out
        if name.startswith(ELSEWHERE_STEMS):
            item = self._at(tree)
            if not item.is_call and not item.provided:
                raise MalformedAnswer("an event names an item of another kind")
            return b""
        if name == "keepalive" and tree.keys() <= {"type", "sequence_number"}:
            return b""
        raise MalformedAnswer("an event of the stream is of an unknown kind")

    def _head(self, name: str, event: dict[str, Any]) -> bytes:
        response = check_head(event.get("response"), self._scan)
        if response.get("output"):
            raise MalformedAnswer("a response begins with items")
        self._id = self._id or response.get("id")
        if self._before.id is not None:
            return b""  # an earlier round has said it
        return self._out.send({"type": name, "response": {**response, "output": []}})

    def _end(self, name: str, event: dict[str, Any]) -> bytes:
        response = check_head(event.get("response"), self._scan)
        if response.get("status") not in FINISHED:  # vLLM sends `response.completed` for an incomplete response too
            raise MalformedAnswer("the response ends and is not finished")
        self._id = self._id or response.get("id")
        self._last = {"type": name, "response": {**response, "id": self._id} if self._id else response}
        return b""

    def _item_added(self, name: str, event: dict[str, Any]) -> bytes:
        at = event.get("output_index")
        if type(at) is not int or not 0 <= at < MAX_ITEMS or len(self._order) >= MAX_ITEMS:
            raise MalformedAnswer("an output item has no index from 0 to 1023")
        known = self._items.get(at)
        if known is not None and known.done is None:
            raise MalformedAnswer("two output items are at one place")
        if not isinstance(event.get("item"), dict):
            raise MalformedAnswer("an output item is not an object")
        item = StreamedItem(event["item"], self._scan, self._provided)
        waits = item.is_call or (item.kind != "message" and any(before.is_call for before in self._order))
        self._items[at] = item
        self._order.append(item)
        if waits:
            return b""
        item.place = self._out.next_place()
        return self._out.send(item_event("added", item.place, item.tree))

    def _item_done(self, name: str, event: dict[str, Any]) -> bytes:
        item = self._at(event)
        tree = event.get("item")
        if not isinstance(tree, dict):
            raise MalformedAnswer("an output item is not an object")
        item.finish(tree)
        if item.is_call:
            return b""
        out = bytearray()
        for member in WORDS.get(item.kind, ()):
            for at, part in enumerate(tree.get(member) or ()):
                out += self._take_part(item, self._begin(item, member, at, part), part)
        if all(not text.scanner.holds for text in item.texts):
            for text in item.texts:
                out += self._finish(item, text)
            out += self._out.close_item(item, item.complete().left({}))
        return bytes(out)

    def _part_added(self, name: str, event: dict[str, Any]) -> bytes:
        item, part, stem = self._at(event), event.get("part"), name.removesuffix(".added")
        member, index = PARTS[stem]
        count = len(item.texts)
        text = self._begin(item, member, event.get(index), part)
        if len(item.texts) == count:
            raise MalformedAnswer("a part of an item begins twice")
        assert isinstance(part, dict)
        out = self._out.announce(item, text, stem)
        said = part.get(text.word)
        return out + self._words(item, text, said) if said else out

    def _part_done(self, name: str, event: dict[str, Any]) -> bytes:
        item, part = self._at(event), event.get("part")
        member, index = PARTS[name.removesuffix(".done")]
        text = self._begin(item, member, event.get(index), part)
        assert isinstance(part, dict)
        out = self._take_part(item, text, part)
        return out if text.scanner.holds else out + self._finish(item, text)

    def _delta(self, name: str, event: dict[str, Any]) -> bytes:
        item, text = self._text_of(name.removesuffix(".delta"), event)
        said = event.get("delta")
        if not isinstance(said, str):
            raise MalformedAnswer("a delta is not a text")
        return self._words(item, text, said, event.get("logprobs"))

    def _text_done(self, name: str, event: dict[str, Any]) -> bytes:
        item, text = self._text_of(name.removesuffix(".done"), event)
        said = event.get(text.word)
        if said is not None and not isinstance(said, str):
            raise MalformedAnswer("a text is not a text")
        text.logprobs = event.get("logprobs")
        return self._words(item, text, said) if said and not text.began else b""

    def _annotation(self, name: str, event: dict[str, Any]) -> bytes:
        item, text = self._text_of("response.output_text", event)
        refuse_unknown({"citation": event.get("annotation")}, frozenset(), self._mentions_call, "an event")
        if item.place is None or text.finished or text.scanner.holds:
            return b""  # the part that leaves at the end has them all
        keep: dict[str, Any] = {
            member: event[member] for member in ("annotation", "annotation_index") if member in event
        }
        keep |= {"item_id": item.id, "output_index": item.place, "content_index": text.at}
        return self._out.send({"type": name, **keep})

    def _call_delta(self, name: str, event: dict[str, Any]) -> bytes:
        item = self._call_at(name.removesuffix(".delta"), event)
        self._held += item.fragment(event, event.get("delta"))
        if self._held > MAX_HELD:
            raise MalformedAnswer("the calls of the answer are too large", code="answer-too-large")
        return b""

    def _call_done(self, name: str, event: dict[str, Any]) -> bytes:
        item = self._call_at(name.removesuffix(".done"), event)
        called = event.get("name")
        if called not in (None, "", item.tree.get("name")):
            raise MalformedAnswer("the name of a call changes on the way")
        item.whole(event, event.get(CALLS[item.kind]))
        return b""

    # --- which item, which text ---

    def _at(self, event: Mapping[str, Any]) -> StreamedItem:
        at = event.get("output_index")
        item = self._items.get(at) if type(at) is int else None
        if item is None or item.done is not None:
            raise MalformedAnswer("an event names an item that has not begun or has ended")
        return item

    def _call_at(self, stem: str, event: Mapping[str, Any]) -> StreamedItem:
        item = self._at(event)
        if CALL_STEMS.get(item.kind) != stem:
            raise MalformedAnswer("an event names an item of another kind")
        return item

    def _text_of(self, stem: str, event: Mapping[str, Any]) -> tuple[StreamedItem, StreamedText]:
        item = self._at(event)
        kind = _KINDS[stem]
        at = TEXTS[kind].at
        member, _ = PARTS[TEXTS[kind].part]
        count = len(item.texts)
        text = self._begin(item, member, event.get(at), {"type": kind})
        if len(item.texts) > count and item.kind == "message":
            text.part = {"type": kind, text.word: ""} | ({"annotations": []} if kind == "output_text" else {})
        return item, text

    def _begin(self, item: StreamedItem, member: str, at: object, part: object) -> StreamedText:
        if item.is_call:
            raise MalformedAnswer("an event names an item of another kind")
        kind = part.get("type") if isinstance(part, dict) else None
        latest = self._latest.get(kind) if isinstance(kind, str) else None
        undecided = latest.scanner.holds if latest else kind in self._before.undecided
        count = len(item.texts)
        text = item.text(member, at, part, SEAM if undecided else "")
        if len(item.texts) > count:
            self._latest[text.kind] = text
        return text

    # --- what goes out ---

    def _words(self, item: StreamedItem, text: StreamedText, said: str, logprobs: Any = None) -> bytes:
        self._count(said)
        leaving = text.push(said)
        if not leaving or item.place is None:
            return b""
        out = b""
        if text.stem is None and item.kind == "message":
            out = self._out.announce(item, text, TEXTS[text.kind].part)  # clients look the part up
        kept = logprobs if leaving == said else None
        return out + self._out.send(
            text_event("delta", text.kind, item.id, item.place, text.at, {"delta": leaving}, kept)
        )

    def _more_words(self, like: LikeDelta, said: str) -> bytes:
        """The rest of the way of a delta that is like the one before it; it gives what `_delta` would."""
        self._count(said)
        leaving = like.text.push(said)
        return like.printed(leaving, self._out.next_number()) if leaving and like.item.place is not None else b""

    def _count(self, said: str) -> None:
        self._said += len(said)
        if self._said > MAX_SAID:
            raise MalformedAnswer("the answer is too long", code="answer-too-large")

    def _take_part(self, item: StreamedItem, text: StreamedText, part: dict[str, Any]) -> bytes:
        said = part.get(text.word)
        if text.finished:
            return b""
        out = self._words(item, text, said) if said and not text.began else b""
        text.part = part
        return out

    def _finish(self, item: StreamedItem, text: StreamedText) -> bytes:
        """The end of a text that holds nothing."""
        if text.finished:
            return b""
        part = text.held().left("")
        return self._out.end_text(item, text, part, text.logprobs)

    # --- what the last event may say ---

    def _check_last(self, response: Mapping[str, Any], held: HeldOutput) -> None:
        """Some clients read the items of the last event alone; it may hold no call that no event announced."""
        if not response.get("output"):
            return
        last = read_output(response, (), Earlier(), self._provided)
        announced = [_said(call) for item in held.items if (call := item.call)]
        if not held.items or any(_said(call) not in announced for call in last.calls):
            raise MalformedAnswer("the last event has items that no event announced")

    def _mentions_call(self, text: str) -> bool:
        return mentions_call(text, self._scan)


def _said(call: HeldCall) -> tuple[str, str, str | None, bytes]:
    return call.form, call.tool, call.problem, encode(call.arguments)


_KINDS: Final = {events.stem: kind for kind, events in TEXTS.items()}
_TEXT_DELTAS: Final = frozenset(f"{stem}.delta" for stem in _KINDS)

_HANDLERS: Final[Mapping[str, _Handler]] = {
    **dict.fromkeys(_HEADS, ResponsesStream._head),
    **dict.fromkeys(_ENDS, ResponsesStream._end),
    "response.output_item.added": ResponsesStream._item_added,
    "response.output_item.done": ResponsesStream._item_done,
    **{f"{stem}.added": ResponsesStream._part_added for stem in PARTS},
    **{f"{stem}.done": ResponsesStream._part_done for stem in PARTS},
    **{f"{stem}.delta": ResponsesStream._delta for stem in _KINDS},
    **{f"{stem}.done": ResponsesStream._text_done for stem in _KINDS},
    "response.output_text.annotation.added": ResponsesStream._annotation,
    **{f"{stem}.delta": ResponsesStream._call_delta for stem in CALL_STEMS.values()},
    **{f"{stem}.done": ResponsesStream._call_done for stem in CALL_STEMS.values()},
}
"""The events that are read, by name. An event of any other name could carry a call and is refused."""
