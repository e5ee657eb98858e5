"""The tool of a Context: `send_email`, `mail/send_email`, `"odd tool"`, as the language spells it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, NamedTuple

from policy_dsl import ToolPattern, spelling

from .vocabulary import OutsideVocabulary

_WORD: Final = r'(?:[A-Za-z0-9_*][A-Za-z0-9_*.-]*|"(?:[^"\\]|\\.)*")'
_TARGET: Final = re.compile(rf"(?:({_WORD})/)?({_WORD})")


class Target(NamedTuple):
    """Which tool. As a pattern of the language one without a server fits the tool of that name at any server."""

    server: str | None
    tool: str


@lru_cache(maxsize=1024)
def spelled_target(tool: str, server: str | None) -> str:
    """One text for each tool, so that no name that a model makes up is another tool's."""
    return spelling.tool(ToolPattern(server, tool))


def _name(word: str | None) -> str | None:
    if word is None or not word.startswith('"'):
        return word
    try:
        return str(json.loads(word))
    except ValueError:
        return None


def target_of(text: str) -> Target:
    """The tool that a Context names. Raises OutsideVocabulary for a text that is none, and for a name with `*` in it:
    in a rule that would be a pattern, and stand for other tools too."""
    found = _TARGET.fullmatch(text)
    server, tool = (None, None) if found is None else (_name(found[1]), _name(found[2]))
    if not tool or spelled_target(tool, server) != text:
        raise OutsideVocabulary(f"`{text}` is no tool")
    if "*" in tool or (server and "*" in server):
        raise OutsideVocabulary(f"`{text}` would be a pattern of tools", "forbid such names by hand")
    return Target(server, tool)
