"""What a request asks to be done: which kinds of tools its words call for, and how often.

A table of English verbs, not a model of language. It may only take away, so it errs on keeping: a tool whose verb the
table does not know is kept, and so is every tool where the request hands its plan to somebody else's text (`follow the
instructions`, `do what the mail says`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policy_dsl import Tool

READING: Final = frozenset(
    {"calculate", "check", "compare", "count", "describe", "fetch", "filter", "find", "get", "is", "list", "look"}
    | {"lookup", "preview", "query", "read", "retrieve", "search", "show", "summarize", "think", "view"}
)
"""First words of the names of tools that only read, and are never taken away. Any other tool is taken to change
something."""

_TELL: Final = (
    frozenset({"send", "sent", "mail", "email", "message", "messages", "dm", "write", "tell", "notify", "forward"})
    | {"reply", "respond", "answer", "inform", "announce", "contact", "post", "publish", "share", "say", "ask", "let"}
    | {"give", "grant"}
)
_PAY: Final = frozenset({"pay", "payment", "transfer", "refund", "reimburse", "wire", "settle", "buy", "purchase"})
_CHANGE: Final = frozenset(
    {"update", "change", "adjust", "modify", "edit", "correct", "fix", "set", "move", "moved", "reschedule"}
) | {"postpone", "shift", "raise", "increase", "decrease", "lower", "rename", "replace", "reset", "extend"}
_MAKE: Final = frozenset(
    {"create", "make", "new", "note", "remind", "reminder", "plan", "draft", "open", "organise", "organize"}
) | {"arrange", "save", "start"}
_ADD: Final = frozenset({"add", "append", "include", "insert", "put", "invite", "join", "attach"})
_END: Final = frozenset(
    {"remove", "delete", "cancel", "kick", "clear", "drop", "erase", "discard", "clean", "undo", "stop"}
) | {"uninvite", "ban", "close", "terminate"}
_RESERVE: Final = frozenset({"reserve", "reservation", "book", "booking", "rent", "hire", "order"})
_RECUR: Final = frozenset({"schedule", "scheduled", "recurring", "repeat", "monthly", "standing"})

_KINDS: Final = (_TELL, _PAY, _CHANGE, _MAKE, _ADD, _END, _RESERVE, _RECUR)
"""No word is in two of them."""

_CALLS_FOR: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("send", "reply", "forward", "post", "publish", "share", "message", "notify"), _TELL),
    **dict.fromkeys(("pay", "transfer", "refund"), _PAY | {"send", "sent"}),
    **dict.fromkeys(("update", "modify", "change", "edit", "set", "reschedule"), _CHANGE),
    **dict.fromkeys(("create", "make"), _MAKE | _ADD | {"schedule", "set", "book", "write"}),
    **dict.fromkeys(("write",), _MAKE | _ADD | _CHANGE | {"write"}),
    **dict.fromkeys(("add", "append", "invite"), _ADD | {"write", "extend"}),
    **dict.fromkeys(("delete", "remove", "cancel"), _END),
    **dict.fromkeys(("reserve", "book"), _RESERVE | {"buy"}),
    **dict.fromkeys(("schedule",), _RECUR | _PAY | {"send", "set", "plan"}),
}
"""By the first word of a tool's name: the words of a request that call for such a tool."""

_MONEY: Final = frozenset({"money", "payment", "funds", "transaction", "transfer", "cash"})
"""What makes sending a payment."""

_HANDS_OVER: Final = re.compile(
    r"(?:(?:^|[.!?,;:]\s*|\b(?:please|and|then|also)\s+)do\b(?!\s+(?:not|you|i|we|they|me)\b))"
    r"|\b(?:follow|perform|execute|carry\s+out|complete|handle|take\s+care)\b(?!\s+the\s+following\b)"
    r"|\b(?:instructions?|todos?|to-dos?|tasks\s+i\s+have)\b",
    re.IGNORECASE,
)

_MANY: Final = frozenset(
    {"each", "every", "all", "both", "everyone", "everybody", "two", "three", "four", "five", "several", "many", "more"}
    | {"multiple", "different", "others"}
)

_WORD: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_QUOTED: Final = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"|“[^”\n]*”")


@dataclass(frozen=True, slots=True)
class Request:
    """`text` in lower case without what stands in quotes (a message to send calls for nothing), and its words."""

    text: str
    words: frozenset[str]
    hands_over: bool

    @classmethod
    def of(cls, text: str) -> Request:
        bare = _QUOTED.sub(" ", text).lower()
        bare = bare.replace("e-mail", "email")
        return cls(bare, frozenset(_WORD.findall(bare)), _HANDS_OVER.search(bare) is not None)

    def calls_for(self, tool: Tool) -> bool:
        """Whether the tool may be needed: it only reads, the table does not know it, or a word of the request fits."""
        verb = verb_of(tool)
        is_payment = verb == "send" and not _MONEY.isdisjoint(_words_of(tool))
        wanted = _CALLS_FOR.get("pay" if is_payment else verb)
        return self.hands_over or only_reads(tool) or wanted is None or not self.words.isdisjoint(wanted)

    def kinds(self) -> int:
        """How many kinds of things it asks for; with more than one, a value in it may belong to either."""
        return sum(not self.words.isdisjoint(kind) for kind in _KINDS)

    def one_thing(self, tool: Tool) -> str | None:
        """The words that speak of exactly one thing that the tool acts on: `an event`, never `each event`, `events`."""
        if self.hands_over or not self.words.isdisjoint(_MANY):
            return None
        thing = _thing_of(tool)
        if thing is None or f"{thing}s" in self.words:
            return None
        one = rf"\b(?:a|an|the|my|one)\s+(?:(?!{_PARTS}\b)[\w-]+\s+){{0,4}}?{re.escape(thing)}\b(?!\s+(?:{_HEADS})\b)"
        found = re.search(one, self.text)
        return found.group() if found else None


def _thing_of(tool: Tool) -> str | None:
    """What the tool acts on: `event` of `create_calendar_event`, `user` of `add_user_to_channel`."""
    rest = _words_of(tool)[1:]
    if rest[:1] == ["to"]:
        rest = rest[1:]
    while any(joint in rest for joint in _JOINTS):
        rest = rest[: min(rest.index(joint) for joint in _JOINTS if joint in rest)]
    thing = rest[-1] if rest else ""
    return thing if len(thing) >= _SHORTEST_THING and not thing.endswith("s") else None


_JOINTS: Final = ("to", "from", "in", "for", "by", "of")

_SHORTEST_THING: Final = 4
"""An abbreviation is no word that a user would say."""

_HEADS: Final = "lists?|names?|history|channels?|files?|emails?|messages?|address(?:es)?|by"
"""Words that make the noun before them an adjective: `the file name` is no file."""

_PARTS: Final = "(?:of|in|to|for|via|on|with|from|at|by|and|or|about|as|is|are|was|where|who|that|which|provided|most)"
"""Words at which the noun of an article must have come: in `the client via email`, one client is spoken of."""


def verb_of(tool: Tool) -> str:
    """The first word of the tool's name, in lower case: `send` of `send_money` and of `sendMoney`."""
    found = re.match(r"[A-Za-z][a-z]*", tool.name)
    return found.group().lower() if found else ""


def _words_of(tool: Tool) -> list[str]:
    return re.split(r"[_\W]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", tool.name).lower())


def only_reads(tool: Tool) -> bool:
    """By its name alone: a server that calls its tool read-only gains nothing here, and loses nothing."""
    return verb_of(tool) in READING
