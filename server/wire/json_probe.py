"""Whether text that begins with `{` or `[` is becoming a call, told as early as it can be, character by character.

Lenient where client libraries are: single quotes and bare names count, since repair libraries take them. What makes a
call is a pair of members, one that names a tool and one that holds arguments, in an object that is the value itself or
a member of an outer list. Any other member rules the object out, which is what lets structured outputs stream: the
first member of such an output is hardly ever one of these words. (So an object that hides its pair behind another
member is not held. No parser that we know looks for such a call, see docs/wire-openai-chat.md.)
"""

from __future__ import annotations

from enum import Enum
from typing import Final

NAME_KEYS: Final = frozenset({"name", "tool", "tool_name", "function", "function_name", "action"})
ARGUMENT_KEYS: Final = frozenset({"arguments", "parameters", "args", "tool_input", "action_input"})
OTHER_KEYS: Final = frozenset({"id", "type", "index"})
WRAPPER_KEYS: Final = frozenset({"tool_calls", "tool_call", "function_call"})
MAX_PROBE_DEPTH: Final = 64


class Verdict(Enum):
    """What is known of a place where a call may begin."""

    NO = "no"  # no call whatever follows
    MAYBE = "maybe"
    YES = "yes"  # to be held until the answer is complete


class _Expect(Enum):
    KEY = "key"
    COLON = "colon"
    VALUE = "value"
    COMMA = "comma"


class JsonProbe:
    """Feed it the text from the first bracket on.

    `read` counts the characters looked at, `end` is that count when the outermost bracket closed. Begun with YES it
    only looks for that bracket.
    """

    def __init__(self, verdict: Verdict = Verdict.MAYBE) -> None:
        self.verdict = verdict
        self.end: int | None = None
        self.read = 0
        self._open: list[str] = []
        self._lists = 0  # how many of the outermost brackets are lists
        self._keys: set[str] = set()
        self._expect = _Expect.VALUE
        self._quote = ""
        self._escaped = False
        self._word: list[str] = []  # the key being read, and whether it is a bare one
        self._bare = False

    def more(self, text: str) -> Verdict:
        """The verdict after `text` as well. YES and NO are final, but `end` is still looked for after YES."""
        for char in text if self.end is None and self.verdict is not Verdict.NO else "":
            self.read += 1
            if not self._step(char):
                self.verdict = Verdict.NO if self.verdict is Verdict.MAYBE else self.verdict
                break
        return self.verdict

    @property
    def _at_call_level(self) -> bool:
        return len(self._open) == self._lists + 1 and self._open[-1] == "{"

    def _step(self, char: str) -> bool:
        """False where the text stops being an object or list that anybody would read."""
        if self._quote:
            self._in_string(char)
            return self._quote != "" or self._string_ended()
        if self._bare:
            if char.isalnum() or char in "_-.$":
                self._word.append(char)
                return True
            self._bare = False
            if not self._key_ended():
                return False
        if char.isspace():
            return True
        return self._token(char)

    def _in_string(self, char: str) -> None:
        if not self._escaped and char == self._quote:
            self._quote = ""
            return
        self._escaped = char == "\\" and not self._escaped
        if self._expect is _Expect.KEY:
            self._word.append(char)

    def _string_ended(self) -> bool:
        if self._expect is _Expect.KEY:
            return self._key_ended()
        self._expect = _Expect.COMMA
        return True

    def _key_ended(self) -> bool:
        self._expect = _Expect.COLON
        key = "".join(self._word)
        self._word.clear()
        return not self._at_call_level or self._count(key)

    def _count(self, key: str) -> bool:
        """Takes note of a member's name at the level where a call's members stand. False rules the object out."""
        if key in WRAPPER_KEYS or "\\" in key:  # an escaped name can spell any word
            self.verdict = Verdict.YES
        elif key in NAME_KEYS or key in ARGUMENT_KEYS:
            self._keys.add(key)
        elif key not in OTHER_KEYS:
            return self.verdict is Verdict.YES
        if not self._keys.isdisjoint(NAME_KEYS) and not self._keys.isdisjoint(ARGUMENT_KEYS):
            self.verdict = Verdict.YES
        return True

    def _token(self, char: str) -> bool:
        expect = self._expect
        if char in "]}":
            return self._close(char)
        if expect is _Expect.KEY:
            return self._begin_key(char)
        if expect is _Expect.COLON:
            self._expect = _Expect.VALUE
            return char == ":"
        if char == ",":
            self._expect = _Expect.KEY if self._open[-1:] == ["{"] else _Expect.VALUE
            return bool(self._open)
        if char in "{[" and expect is _Expect.VALUE:
            return self._begin(char)
        if len(self._open) == self._lists:  # between the members of the outer list only objects make sense
            return False
        if char in "\"'" and expect is _Expect.VALUE:
            self._quote = char
            return True
        return expect is _Expect.VALUE  # a character of a number or a word

    def _begin_key(self, char: str) -> bool:
        if char in "\"'":
            self._quote = char
            return True
        self._bare = char.isalnum() or char in "_$"
        self._word.append(char)
        return self._bare

    def _begin(self, char: str) -> bool:
        if char == "[" and len(self._open) == self._lists:
            self._lists += 1
        if char == "{" and self._at_call_level and "function" in self._keys:
            self.verdict = Verdict.YES  # {"type": "function", "function": {...}}
        self._open.append(char)
        if len(self._open) > MAX_PROBE_DEPTH:
            self.verdict = Verdict.YES
        if len(self._open) == self._lists + 1:
            self._keys.clear()
        self._expect = _Expect.KEY if char == "{" else _Expect.VALUE
        return True

    def _close(self, char: str) -> bool:
        if not self._open or self._open.pop() != ("{" if char == "}" else "["):
            return False
        self._lists = min(self._lists, len(self._open))
        self._expect = _Expect.COMMA
        if self._open:
            return True
        self.end = self.read
        return False
