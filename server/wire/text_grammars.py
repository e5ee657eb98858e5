"""The marks that introduce a call written as text, one grammar after the other. text_scan.py runs this table.

Each row of MARKERS is a literal, the grammar it belongs to, when a place with that literal is ruled out, and how what
follows it is read.

    hermes   <tool_call>{"name": .., "arguments": {..}}</tool_call>    Hermes 2, Qwen; other tags: Granite, Phi, xLAM
    mistral  [TOOL_CALLS][{..}, ..]  and  [TOOL_CALLS]name[ARGS]{..}   Mistral's tokenizers v3 to v13
    llama    <|python_tag|>{..}  and a bare {"name": .., "parameters": {..}} that begins the message
    react    Action: name / Action Input: {..}                         LangChain's ReAct agents, smolagents
    fenced   ```json with such an object, ```tool_code                 LangChain's structured chat, Gemini
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from .json_probe import JsonProbe, Verdict
from .text_calls import Read, after_blank, bracketed, calls_of, extent, named, probed, unreadable

GRAMMARS: Final = ("fenced", "hermes", "llama", "mistral", "react")
"""The grammars that `scan` may name; all of them unless the operator wrote otherwise."""


class Opening(NamedTuple):
    """What is known behind a marker's literal; `json_at` says that a JsonProbe is to go on from that place."""

    verdict: Verdict
    json_at: int | None = None


_NO, _MAYBE, _YES = Opening(Verdict.NO), Opening(Verdict.MAYBE), Opening(Verdict.YES)


@dataclass(frozen=True, slots=True)
class Marker:
    """`opens` judges the text so far from behind the literal on; `read` the complete text from the literal on."""

    literal: str
    grammar: str
    opens: Callable[[str, int], Opening]
    read: Callable[[str, int], Read]


LOOKAHEAD: Final = 512
"""Characters after which a place that is neither ruled out nor confirmed is held to the end of the answer."""


# --- hermes: a tag around JSON --------------------------------------------------------------------------------------

_BACKTICKS: Final = "```"


def _tag_opens(text: str, at: int) -> Opening:
    at = after_blank(text, at)
    head = text[at : at + 3]
    if head in ("", "<", "`", "``"):
        return _MAYBE
    if head[0] in "{[" or head == _BACKTICKS or (head[0] == "<" and head[1] != "/"):
        return _YES
    return _NO


def _tagged(literal: str, closing: str) -> Marker:
    def read(text: str, at: int) -> Read:
        begin = at + len(literal)
        if _tag_opens(text, begin) is not _YES:
            return begin, None
        close = text.find(closing, begin)
        body, end = (text[begin:], len(text)) if close < 0 else (text[begin:close], close + len(closing))
        return end, calls_of("hermes", body, f"{literal}\n", f"\n{closing}")

    return Marker(literal, "hermes", _tag_opens, read)


# --- mistral --------------------------------------------------------------------------------------------------------

_MISTRAL: Final = "[TOOL_CALLS]"
_MISTRAL_NAMED: Final = re.compile(r"([A-Za-z0-9_.\-]++)(?:\[CALL_ID\][A-Za-z0-9_\-]++)?(?:\[ARGS\])?\s*+(?=\{)")


def _mistral_opens(text: str, at: int) -> Opening:
    if text[at : at + 1].isalnum() or text[at : at + 1] in ("_", "-"):
        return _YES
    at = after_blank(text, at)
    if at == len(text):
        return _MAYBE
    return _YES if text[at] in "[{" else _NO


def _read_mistral(text: str, at: int) -> Read:
    begin = at + len(_MISTRAL)
    if _mistral_opens(text, begin) is not _YES:
        return begin, None
    if found := _MISTRAL_NAMED.match(text, begin):
        return named("mistral", text, found.end(), found.group(1), f"{_MISTRAL}{found.group(1)}[ARGS]")
    begin = after_blank(text, begin)
    if text[begin] not in "[{":
        return len(text), unreadable("mistral")
    return bracketed("mistral", text, begin, _MISTRAL)


# --- llama ----------------------------------------------------------------------------------------------------------

_LLAMA: Final = "<|python_tag|>"


def _llama_opens(text: str, at: int) -> Opening:
    at = after_blank(text, at)
    if at == len(text):
        return _MAYBE
    return _NO if text[at] in "`'\").,;:" else _YES


def _read_llama(text: str, at: int) -> Read:
    begin = at + len(_LLAMA)
    if _llama_opens(text, begin) is not _YES:
        return begin, None
    begin = after_blank(text, begin)
    if text[begin] not in "[{":
        return len(text), unreadable("llama")
    return bracketed("llama", text, begin, _LLAMA)


def read_bare(text: str, at: int) -> Read:
    """A bare object or list that begins the message."""
    return probed("llama", text, at, "")


# --- react ----------------------------------------------------------------------------------------------------------

_LONGEST_NAME: Final = 256
"""Characters of a tool's name in the text; OpenAI allows 64."""

_COLON: Final = re.compile(r"\s*+\d*+\s*+(:\s*+)?")
_INPUT: Final = re.compile(r"\s*+Action\s*+\d*+\s*+Input\s*+\d*+\s*+:\s*+")
_INPUT_BEGUN: Final = re.compile(
    r"\s*+(?:\Z|A\Z|Ac\Z|Act\Z|Acti\Z|Actio\Z"
    r"|Action\s*+\d*+\s*+(?:\Z|I\Z|In\Z|Inp\Z|Inpu\Z|Input\s*+\d*+\s*+\Z))"
)


def _action_opens(text: str, at: int) -> Opening:
    return _react(text, at)[0]


def _react(text: str, at: int) -> tuple[Opening, int, re.Match[str] | None]:
    """(what is known, where the name begins, the match of `Action Input:`), from behind the word Action on."""
    colon = _COLON.match(text, at)
    if colon is None or colon.end() == len(text):
        return _MAYBE, at, None
    begin = colon.end()
    if colon.group(1) is None:
        return _NO, begin, None
    if text[begin] == "{":
        return Opening(Verdict.MAYBE, begin), begin, None
    line_end = text.find("\n", begin, begin + _LONGEST_NAME + 1)
    behind = _INPUT.search(text, begin, line_end if line_end >= 0 else begin + _LONGEST_NAME + LOOKAHEAD)
    if behind is None and line_end >= 0:
        behind = _INPUT.match(text, line_end)
    if behind is not None:
        return (_YES if behind.start() - begin <= _LONGEST_NAME else _NO), begin, behind
    if line_end < 0:
        return (_NO if len(text) - begin > _LONGEST_NAME + LOOKAHEAD else _MAYBE), begin, None
    return (_MAYBE if _INPUT_BEGUN.match(text, line_end) else _NO), begin, None


def _read_react(text: str, at: int) -> Read:
    opening, begin, behind = _react(text, at + len("Action"))
    if opening.json_at is not None:
        return probed("react", text, opening.json_at, "Action:\n")
    if opening is not _YES or behind is None:
        return begin, None
    tool, body = text[begin : behind.start()].strip(), behind.end()
    if text[body : body + 1] != "{":
        return len(text), unreadable("react", tool)
    return named("react", text, body, tool, f"Action: {tool}\nAction Input: ")


# --- fenced ---------------------------------------------------------------------------------------------------------

_FENCE_WORDS: Final = ("json", "tool_call", "tool_calls", "tool_use", "function_call", "action", "tool_code", "")
_FENCE: Final = re.compile(r"([A-Za-z0-9_+\-]*+)(\s*+)")
_FENCE_END: Final = re.compile(r"\s*+(?:```|\Z)")


def _fence_opens(text: str, at: int) -> Opening:
    fence = _FENCE.match(text, at)
    if fence is None:
        return _NO
    word, begin = fence.group(1).lower(), fence.end()
    if begin == len(text) and not fence.group(2):
        return _MAYBE if any(known.startswith(word) for known in _FENCE_WORDS) else _NO
    if word not in _FENCE_WORDS:
        return _NO
    if begin == len(text):
        return _MAYBE
    if word == "tool_code":
        return _YES
    return Opening(Verdict.MAYBE, begin) if text[begin] in "[{" else _NO


def _read_fenced(text: str, at: int) -> Read:
    opening = _fence_opens(text, at + len(_BACKTICKS))
    if opening is _YES:  # Python, which nobody here reads
        close = text.find(_BACKTICKS, at + len(_BACKTICKS))
        return len(text) if close < 0 else close + len(_BACKTICKS), unreadable("fenced")
    begin = opening.json_at
    if begin is None:
        return at, None
    probe = JsonProbe()
    if probe.more(text[begin:]) is not Verdict.YES:
        return begin + probe.read, None
    end = extent(text, begin)
    if end is None or not (fence := _FENCE_END.match(text, end)):
        return len(text), unreadable("fenced")
    return fence.end(), calls_of("fenced", text[begin:end], "```json\n", "\n```")


MARKERS: Final[Mapping[str, Marker]] = {
    marker.literal: marker
    for marker in (
        _tagged("<tool_call>", "</tool_call>"),
        _tagged("<function_call>", "</function_call>"),
        _tagged("<functioncall>", "</functioncall>"),
        _tagged("<|tool_call|>", "<|/tool_call|>"),
        Marker(_MISTRAL, "mistral", _mistral_opens, _read_mistral),
        Marker(_LLAMA, "llama", _llama_opens, _read_llama),
        Marker("Action", "react", _action_opens, _read_react),
        Marker(_BACKTICKS, "fenced", _fence_opens, _read_fenced),
    )
}
