"""A streamed message: bytes in, bytes to send at once, and at the end the HeldCalls and what they become.

Theory of operation. The words of a spoken block leave with the event they came in, except where text_scan.py holds
them; a text block begins only with its first word. From a block on in which a call is written, everything waits. Of a
call block nothing leaves in `feed`, and the blocks that do leave are numbered anew. The message's stop reason and usage
are held to the end, because they depend on the Decisions. `close` gives the calls, only after a proper `message_stop`;
before that nothing may be judged, because half a call reads differently.

Malformed is whatever clients read differently: blocks that are open at the same time (the SDK appends a block at its
start but addresses it by index), an index that is not the next one, arguments both at the start and in deltas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse

from ..calls import MAX_CALLS, HeldCall
from ..chat_stream import MAX_HELD, MAX_SAID
from ..dialect import Kept
from ..errors import MalformedAnswer
from ..event_stream import EventStream
from ..held_choice import Refusals, Rewritings, add_usage, check_refusals
from ..members import refuse_unknown
from ..provided import Observed
from ..refusal import PastRefusal
from ..sse import DONE, SseReader
from ..text_scan import Scan, mentions_call
from . import events
from .blocks import CALL, check_message, check_provided, check_spoken, check_stop, is_provided, kind_of
from .held_message import Earlier, HeldMessage, Spoken
from .streamed_block import StreamedCall, StreamedProvided, StreamedWords
from .text_delta import LikeDelta, like_delta

MOST_LEARNT: Final = 64
"""How often a stream's deltas are taken apart; a server that writes every one anew gains nothing from it."""

_DELTA_MEMBERS: Final = frozenset({"type", "delta", "usage", "context_management"})
_END_MEMBERS: Final = frozenset({"stop_reason", "stop_sequence"})
_MAX_BLOCKS: Final = 4096
"""Blocks of one answer. Text with citations is one block per quotation; a hundred are already many."""


class MessagesStream(EventStream):
    """`scan`, `earlier` and `kept` are as for parse_answer."""

    def __init__(self, scan: Scan, earlier: Earlier | None = None, kept: Kept = frozenset()) -> None:
        super().__init__(SseReader())
        self._scan = scan
        self._kept = kept
        self.held = HeldMessage(None, None, earlier or Earlier())
        self._out = len(self.held.earlier.blocks)
        self._started = False
        self._blocks = 0
        self._open: StreamedWords | StreamedCall | None = None
        self._waiting: StreamedWords | None = None
        self._undecided = self.held.earlier.undecided
        self._first_text = True
        self._usage: dict[str, Any] | None = None
        self._end: dict[str, Any] | None = None
        self._problems: dict[int, str] = {}
        self._size = {"words": 0, "calls": 0}
        self._like: LikeDelta | None = None
        self._learnt = 0
        self._done = False
        self._closed = False

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
        return self.held.so_far(self._usage)

    def rewrite(self, changes: Rewritings) -> None:
        self.held.rewrite(changes)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        return tuple(self.held.past(refusals))

    def settle(self, refusals: Refusals, *, done: bool = True) -> bytes:
        """What leaves after `close`. With `done=False` another round follows; then nothing more than the end of the
        block that waits, whose words before its first call have left."""
        if not self._closed:
            raise ValueError("settled before the stream was closed")
        check_refusals(self.calls, refusals)
        if not done:
            if not refusals.keys() >= set(self.calls):
                raise ValueError("a call would be lost between two rounds")
            return events.ended(self._out) if self._waiting and self._waiting.shown else b""
        out = [self._waited(refusals)]
        out += [self._whole(tree) for tree in self.held.behind(refusals)]
        assert self._end is not None
        end = self._end
        delta = {**end["delta"], "stop_reason": self.held.stop_reason(end["delta"]["stop_reason"], refusals)}
        usage = end.get("usage")
        if self.held.earlier.id is not None:
            usage = add_usage(self.held.earlier.usage, self._usage)
        more = {name: end[name] for name in end if name not in ("type", "delta", "usage")}
        out.append(events.printed("message_delta", delta=delta, usage=usage, **more))
        return b"".join((*out, events.STOP))

    # --- what comes in ---

    def _ended(self, unfinished: bool) -> None:
        if not self._done or unfinished:
            raise MalformedAnswer("the stream was not closed with `message_stop`")
        self.held.read(self._problems)
        self._closed = True

    def _event(self, data: bytes) -> bytes:
        like = self._like
        if like is not None and (text := like.text_in(data)):
            return self._more_words(like, text)
        if self._done:
            if data.strip() == DONE:  # vLLM closes this API's streams as it does the others
                return b""
            raise MalformedAnswer("the stream goes on after `message_stop`")
        try:
            tree: Any = parse(data, numbers="kept")
        except StrictJsonError as error:
            raise MalformedAnswer(f"an event of the stream is not strict JSON: {error.code}") from None
        kind = tree.get("type") if isinstance(tree, dict) else None
        if kind == "ping":
            return events.PING
        if kind == "error":
            raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
        take = _EVENTS.get(kind) if isinstance(kind, str) else None
        if take is None:
            raise MalformedAnswer("an event of the stream is of a kind that the gate does not pass")
        if self._started == (kind == "message_start"):
            raise MalformedAnswer("the stream does not begin with one `message_start`")
        out = take(self, tree)
        if kind == "content_block_delta" and self._learnt < MOST_LEARNT and self._leaves():
            self._learnt += 1
            self._like = like_delta(data, tree, self._out)
        return out

    def _leaves(self) -> bool:
        """Whether words of the open block leave as they come."""
        return isinstance(self._open, StreamedWords) and self._open.shown and self._waiting is None

    def _more_words(self, like: LikeDelta, text: str) -> bytes:
        """The rest of the way of a delta that is like one before it in its block: what `_block_delta` would give."""
        assert isinstance(self._open, StreamedWords)
        self._grow("words", len(text), MAX_SAID)
        leaving = self._open.words(text)
        return like.printed(leaving) if leaving else b""

    def _start(self, tree: dict[str, Any]) -> bytes:
        message = tree.get("message")
        if not isinstance(message, dict) or message.get("content"):
            raise MalformedAnswer("the stream does not begin with an empty message")
        check_message(message, self._scan)
        self._started = True
        self.held.id, self.held.model = message["id"], message.get("model")
        self._usage = message.get("usage")
        if self.held.earlier.id is not None:
            return b""
        return events.printed("message_start", message={**message, "content": []})

    def _block_start(self, tree: dict[str, Any]) -> bytes:
        block = tree.get("content_block")
        provided = is_provided(block, self._kept)
        kind = "" if provided else kind_of(block)
        if self._open is not None or self._end is not None or not _is_at(tree, self._blocks):
            raise MalformedAnswer("a block begins where none may")
        if self._blocks == _MAX_BLOCKS:
            raise MalformedAnswer("the answer has too many blocks", code="answer-too-large")
        self._blocks += 1
        assert isinstance(block, dict)
        if provided:
            check_provided(block)
            self._grow("words", len(encode(block)), MAX_SAID)
            self._open = StreamedProvided(block)
            self.held.spoken.append(Spoken(block))
            return b""
        if kind == CALL:
            self._open = StreamedCall(block)
            self.held.entries.append(block)
            if len(self.held.entries) > MAX_CALLS:
                raise MalformedAnswer("the answer has more than 128 calls", code="answer-too-large")
            return b""
        check_spoken(block, self._scan)
        opened = self._open = StreamedWords(block, self._scan)
        self.held.spoken.append(opened.block)
        if kind == "text":
            return self._words(opened, block["text"])
        return self._show(opened) + (self._words(opened, block["thinking"]) if kind == "thinking" else b"")

    def _block_delta(self, tree: dict[str, Any]) -> bytes:
        opened, delta = self._open_at(tree), tree.get("delta")
        if not isinstance(delta, dict):
            raise MalformedAnswer("`delta` is not an object")
        if isinstance(opened, StreamedWords):
            return self._words(opened, opened.add(delta))
        self._grow("calls", opened.add(delta), MAX_HELD)
        return b""

    def _block_stop(self, tree: dict[str, Any]) -> bytes:
        opened = self._open_at(tree)
        self._open = self._like = None
        if isinstance(opened, StreamedProvided):
            if opened.end():
                raise MalformedAnswer("a call that ran at the provider cannot be read")
            return b"" if self._waiting is not None else self._whole(opened.entry)
        if isinstance(opened, StreamedCall):
            if problem := opened.end():
                self._problems[len(self.held.entries) - 1] = problem
            return b""
        out = self._say(opened, opened.end())
        block = opened.block
        if block.member == "text" and (block.said or block.holds):
            self._undecided, self._first_text = block.undecided, False
        if self._waiting is not None:
            return b""
        if block.holds:
            self._waiting = opened
            return out
        if not opened.shown:
            return b""
        out += b"".join(events.opaque(self._out, block.tree)) + events.ended(self._out)
        self._out += 1
        return out

    def _message_delta(self, tree: dict[str, Any]) -> bytes:
        delta, usage = tree.get("delta"), tree.get("usage")
        if self._open is not None or not isinstance(delta, dict) or not isinstance(usage, dict | None):
            raise MalformedAnswer("the end of the message is not one")
        refuse_unknown(tree, _DELTA_MEMBERS, self._mentions_call, "an event")
        refuse_unknown(delta, _END_MEMBERS, self._mentions_call, "an event")
        check_stop(delta)
        if self._end is not None:
            before = self._end["delta"].get("stop_reason")
            if before is not None and delta.get("stop_reason") not in (None, before):
                raise MalformedAnswer("the message ends twice, for different reasons")
            delta = {**self._end["delta"], **_said(delta)}
        self._end = {**(self._end or {}), **_said(tree), "delta": delta}
        self._usage = {**(self._usage or {}), **_said(usage or {})}
        return b""

    def _message_stop(self, tree: dict[str, Any]) -> bytes:
        if self._open is not None or self._end is None or self._end["delta"].get("stop_reason") is None:
            raise MalformedAnswer("the stream ended before `stop_reason`")
        self._done = True
        return b""

    def _open_at(self, tree: dict[str, Any]) -> StreamedWords | StreamedCall:
        if self._open is None or not _is_at(tree, self._blocks - 1):
            raise MalformedAnswer("an event is of a block that is not open")
        return self._open

    def _grow(self, what: str, size: int, most: int) -> None:
        self._size[what] += size
        if self._size[what] > most:
            raise MalformedAnswer("the answer is too long", code="answer-too-large")

    def _mentions_call(self, text: str) -> bool:
        return mentions_call(text, self._scan)

    # --- what goes out ---

    def _words(self, opened: StreamedWords, text: str) -> bytes:
        if not text:
            return b""
        self._grow("words", len(text), MAX_SAID)
        return self._say(opened, opened.words(text))

    def _say(self, opened: StreamedWords, leaving: str) -> bytes:
        if not leaving or self._waiting is not None:
            return b""
        out = b""
        if not opened.shown:
            opened.block.glue = self.held.glue(opened.block, first=self._first_text, undecided=self._undecided)
            leaving = opened.block.glue + leaving
            out = self._show(opened)
        return out + events.words(self._out, opened.block.tree["type"], leaving)

    def _show(self, opened: StreamedWords) -> bytes:
        if self._waiting is not None:
            return b""
        opened.shown = True
        return events.begun(self._out, opened.block.tree)

    def _waited(self, refusals: Refusals) -> bytes:
        """The block that waits and those behind it, with their calls decided."""
        if self._waiting is None:
            return b""
        out, waiting = b"", self._waiting.block
        at = next(at for at, block in enumerate(self.held.spoken) if block is waiting)
        if self._waiting.shown:
            rest = waiting.rest(refusals)
            out = (events.words(self._out, waiting.tree["type"], rest) if rest else b"") + events.ended(self._out)
            self._out += 1
            at += 1
        return out + b"".join(map(self._whole, self.held.said(refusals, at)))

    def _whole(self, tree: dict[str, Any]) -> bytes:
        self._out += 1
        return events.whole_block(self._out - 1, tree)


def _is_at(tree: Mapping[str, Any], index: int) -> bool:
    return type(tree.get("index")) is int and tree["index"] == index


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Without the members that are null: a later event says nothing new with them."""
    return {member: value for member, value in tree.items() if value is not None}


_EVENTS: Final[Mapping[str, Callable[[MessagesStream, dict[str, Any]], bytes]]] = {
    "message_start": MessagesStream._start,
    "content_block_start": MessagesStream._block_start,
    "content_block_delta": MessagesStream._block_delta,
    "content_block_stop": MessagesStream._block_stop,
    "message_delta": MessagesStream._message_delta,
    "message_stop": MessagesStream._message_stop,
}
"""The events of this API. An event of another kind could carry a call to some client, so it ends the stream."""
