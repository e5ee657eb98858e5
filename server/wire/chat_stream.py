"""A streamed chat completion: bytes in, bytes to send at once, and at the end the HeldCalls and what they become.

Theory of operation. The words of a choice leave with the chunk they came in, except where text_scan.py holds them. What
belongs to a call never leaves in `feed`. A choice's last word (`finish_reason`) and the usage are held to the end: both
depend on the Decisions. `close` gives the calls, only if every choice was finished and the stream was closed with
[DONE]; before that nothing may be judged, because half a call reads differently. `settle` gives the rest, in the order
in which a model would have said it: held words, refusals, calls, finish_reason, usage, [DONE].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from policy_dsl.strict_json import StrictJsonError, encode, parse

from .calls import HeldCall
from .chat_answer import check_choice_index, check_head, check_role
from .errors import MalformedAnswer
from .event_stream import EventStream
from .held_choice import HeldChoice, Refusals, Rewritings, SoFar, add_usage, check_refusals, exchange
from .members import MESSAGE_MEMBERS, STREAM_CHOICE_MEMBERS, TEXT_MEMBERS, TOKEN_MEMBERS, refuse_unknown
from .provided import Observed
from .refusal import PastRefusal
from .sse import DONE, DONE_EVENT, SseReader, sse_event
from .stream_calls import CallParts, call_index
from .streamed_choice import StreamedChoice
from .text_chunk import TextChunk, text_chunk
from .text_scan import Scan, TextScanner, mentions_call

MAX_HELD: Final = 4 << 20
"""Characters of all calls of one answer that are held."""

MAX_SAID: Final = 16 << 20
"""Characters of text in one answer: a hundred times the longest that models write."""

MOST_LEARNT: Final = 64
"""How often a stream's chunks are taken apart; a server that writes every one anew gains nothing from it."""

_CALLS: Final = ("tool_calls", "function_call")
_HEAD: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")


class ChatStream(EventStream):
    """`scan` and `continuing` are as for parse_chat_answer."""

    def __init__(self, scan: Scan, *, continuing: SoFar | None = None) -> None:
        super().__init__(SseReader())
        self._scan = scan
        self._before = continuing or SoFar()
        self._glue = self._before.glue
        self._head: dict[str, Any] = {}
        self._choices: dict[int, StreamedChoice] = {}
        self._like: TextChunk | None = None
        self._learnt = 0
        self._usage: dict[str, Any] | None = None
        self._usage_chunk: dict[str, Any] | None = None
        self._held = 0
        self._said = 0
        self._done = False
        self._closed = False

    @property
    def calls(self) -> tuple[HeldCall, ...]:
        return tuple(call for choice in self._in_order() for call in choice.calls)

    @property
    def observed(self) -> tuple[Observed, ...]:
        """None: this API tells what a search found in the model's words, not which calls it took."""
        return ()

    @property
    def choices(self) -> int:
        return len(self._choices)

    @property
    def id(self) -> str | None:
        """The response id that the client sees: the first round's."""
        return self._before.id or self._head.get("id")

    @property
    def usage(self) -> dict[str, Any] | None:
        """Of all rounds, as far as it is known."""
        return add_usage(self._before.usage, self._usage)

    @property
    def so_far(self) -> SoFar:
        """For the next round of the same answer, which must have one choice."""
        head = self._head
        return self._in_order()[0].so_far(self._before, head.get("id"), head.get("created"), self._usage)

    def exchange(self, refusals: Refusals) -> list[dict[str, Any]]:
        """See Answered. For an answer of one choice whose calls are all refused."""
        return exchange(self._in_order()[0], self._head.get("id"), refusals)

    def past(self, refusals: Refusals) -> tuple[PastRefusal, ...]:
        """What later requests are to be told of these refusals."""
        if not refusals:
            return ()
        answer_id = self._head.get("id")
        return tuple(past for choice in self._in_order() for past in choice.past(answer_id, refusals, self._before))

    def rewrite(self, changes: Rewritings) -> None:
        """Let calls leave with other arguments than they came with. After `close`, before `settle`."""
        for choice in self._in_order():
            choice.rewrite(changes)

    def settle(self, refusals: Refusals, *, done: bool = True) -> bytes:
        """What leaves after `close`: everything held, without the refused calls, to the end of the stream.

        `done=False` is for an answer that goes on in another round, in which the model is told of the refusals: only
        held words that are no call leave, and every call must be refused.
        """
        if not self._closed:
            raise ValueError("settled before the stream was closed")
        check_refusals(self.calls, refusals)
        if not done:
            if not refusals.keys() >= set(self.calls):
                raise ValueError("a call would be lost between two rounds")
            return b"".join(self._texts(c, {m: c.lead(m) for m in c.pieces}) for c in self._in_order())
        out: list[bytes] = []
        for choice in self._in_order():
            out += self._settled(choice, refusals)
        if self._usage_chunk is not None:
            out.append(self._chunk([], {**self._usage_chunk, "usage": self.usage}))
        out.append(DONE_EVENT)
        return b"".join(out)

    # --- what comes in ---

    def _ended(self, unfinished: bool) -> None:
        if not self._done or unfinished:
            raise MalformedAnswer("the stream was not closed with [DONE]")
        if not self._choices or any(choice.last is None for choice in self._choices.values()):
            raise MalformedAnswer("the stream ended before `finish_reason`")
        for choice in self._choices.values():
            choice.complete()
        self._closed = True

    def _event(self, data: bytes) -> bytes:
        if self._done:
            raise MalformedAnswer("the stream goes on after [DONE]")
        like = self._like
        if like is not None and (text := like.text_in(data)) and self._choices[like.index].last is None:
            return self._more_text(like, text)
        if data.strip() == DONE:
            self._done = True
            return b""
        try:
            tree: Any = parse(data, numbers="kept")
        except StrictJsonError as error:
            raise MalformedAnswer(f"an event of the stream is not strict JSON: {error.code}") from None
        if not isinstance(tree, dict):
            raise MalformedAnswer("an event of the stream is not an object")
        if tree.get("error") is not None:
            raise MalformedAnswer("the upstream answered with an error", code="upstream-error")
        check_head(tree, self._scan)
        entries = tree.get("choices")
        if not isinstance(entries, list):
            raise MalformedAnswer("`choices` is not a list")
        self._take_head(tree)
        leaving = [left for entry in entries if (left := self._delta(entry)) is not None]
        if leaving or not (entries or tree.get("usage")):
            tree["choices"] = leaving
            if leaving and self._learnt < MOST_LEARNT:
                self._learnt += 1
                self._like = text_chunk(data, tree, self._own_head())
            if tree.get("usage") is not None:
                tree["usage"] = self.usage
            return self._send(tree)
        return b""

    def _more_text(self, like: TextChunk, text: str) -> bytes:
        """The rest of the way of a chunk that is like the one before it; it gives what `_delta` and `_send` would."""
        leaving = self._scanned(self._choices[like.index], "content", text)
        if leaving == text:
            return like.printed(text)
        return self._send(like.changed(leaving)) if leaving else b""

    def _take_head(self, tree: dict[str, Any]) -> None:
        if not self._head:
            self._head = {member: tree[member] for member in _HEAD if member in tree}
        usage = tree.get("usage")
        if usage is not None:
            self._usage = usage
            if not tree["choices"]:
                self._usage_chunk = {member: value for member, value in tree.items() if member != "choices"}

    def _delta(self, entry: Any) -> dict[str, Any] | None:
        """Takes in one choice of a chunk. Returns what of it leaves at once, None for nothing."""
        index = check_choice_index(entry)
        delta = entry.get("delta")
        if delta is None:
            delta = entry["delta"] = {}
        if not isinstance(delta, dict):
            raise MalformedAnswer("`delta` is not an object")
        check_role(delta)
        refuse_unknown(entry, STREAM_CHOICE_MEMBERS, self._mentions_call, "a choice")
        refuse_unknown(delta, MESSAGE_MEMBERS, self._mentions_call, "a delta")
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = StreamedChoice(index)
        if choice.last is not None:
            if any(value for member, value in delta.items() if member != "role") or entry.get("finish_reason"):
                raise MalformedAnswer("a choice goes on after its `finish_reason`")
            return None
        left: dict[str, Any] = entry
        unchanged = self._hold(choice, delta)
        if entry.get("finish_reason") is not None:
            choice.last = {**entry, "delta": {}}
            left = {member: entry[member] for member in ("index", "delta", *TOKEN_MEMBERS) if member in entry}
            left["finish_reason"] = None
            if not any(delta.values()):
                return None
        if unchanged:
            return left
        for member in TOKEN_MEMBERS:
            left.pop(member, None)
        return left if any(value is not None for value in delta.values()) else None

    def _hold(self, choice: StreamedChoice, delta: dict[str, Any]) -> bool:
        """Takes out of the delta what must wait. Whether the delta is as it came."""
        unchanged = True
        for member in _CALLS:
            if member in delta:
                self._take_calls(choice, member, delta.pop(member))
                unchanged = False
        if self._before.id is not None and "role" in delta:
            del delta["role"]  # the first round has said it; clients append text to text
            unchanged = False
        for member in TEXT_MEMBERS:
            text = delta.get(member)
            if text is None or text == "":
                continue
            if not isinstance(text, str):
                raise MalformedAnswer(f"`{member}` is not a text")
            leaving = self._scanned(choice, member, text)
            if leaving != text:
                unchanged = False
                if leaving:
                    delta[member] = leaving
                else:
                    del delta[member]
        return unchanged

    def _scanned(self, choice: StreamedChoice, member: str, text: str) -> str:
        scanner = choice.scanners.get(member)
        if scanner is None:
            scanner = choice.scanners[member] = TextScanner(self._scan)
            choice.said[member] = []
        self._said += len(text)
        if self._said > MAX_SAID:
            raise MalformedAnswer("the answer is too long", code="answer-too-large")
        leaving = scanner.push(text)
        if leaving:
            choice.said[member].append(leaving)
            return self._glued(member, leaving)
        return ""

    def _take_calls(self, choice: StreamedChoice, member: str, value: Any) -> None:
        if value is None:
            return
        if member == "function_call":
            if not isinstance(value, dict):
                raise MalformedAnswer("`function_call` is not an object")
            choice.function = choice.function or CallParts()
            self._held += choice.function.add_function(value)
        else:
            if not isinstance(value, list):
                raise MalformedAnswer("`tool_calls` is not a list")
            for fragment in value:
                parts = choice.parts.setdefault(call_index(fragment), CallParts())
                self._held += parts.add(fragment)
        if self._held > MAX_HELD:
            raise MalformedAnswer("the calls of the answer are too large", code="answer-too-large")

    def _mentions_call(self, text: str) -> bool:
        return mentions_call(text, self._scan)

    # --- what goes out ---

    def _in_order(self) -> list[HeldChoice]:
        return [self._choices[index].held for index in sorted(self._choices)]

    def _settled(self, choice: HeldChoice, refusals: Refusals) -> list[bytes]:
        out = [self._texts(choice, choice.texts(refusals))]
        calls = choice.tool_calls(refusals)
        if calls:
            numbered = [{"index": index, **call} for index, call in enumerate(calls)]
            out.append(self._one(choice, {"tool_calls": numbered}))
        function = choice.function_call(refusals)
        if function is not None:
            out.append(self._one(choice, {"function_call": function}))
        last = dict(self._choices[choice.index].last or {})
        for member in TOKEN_MEMBERS:
            last.pop(member, None)
        last["finish_reason"] = choice.finish(last.get("finish_reason"), refusals)
        own_usage = self._usage if self._usage_chunk is None else None
        is_last = choice.index == max(self._choices)
        out.append(self._chunk([last], {**self._head, "usage": self.usage} if own_usage and is_last else None))
        return out

    def _texts(self, choice: HeldChoice, added: Mapping[str, str]) -> bytes:
        delta = {member: self._glued(member, text) for member, text in added.items() if text}
        return self._one(choice, delta) if delta else b""

    def _glued(self, member: str, text: str) -> str:
        if member != "content" or not self._glue:
            return text
        glue, self._glue = self._glue, ""
        return glue + text

    def _one(self, choice: HeldChoice, delta: dict[str, Any]) -> bytes:
        return self._chunk([{"index": choice.index, "delta": delta, "finish_reason": None}])

    def _chunk(self, choices: list[dict[str, Any]], head: dict[str, Any] | None = None) -> bytes:
        return self._send({**(head or self._head), "choices": choices})

    def _send(self, tree: dict[str, Any]) -> bytes:
        tree.update(self._own_head())
        return sse_event(encode(tree))

    def _own_head(self) -> dict[str, Any]:
        """The members of a chunk that are an earlier round's."""
        before = {"id": self._before.id, "created": self._before.created}
        return {member: value for member, value in before.items() if value is not None}
