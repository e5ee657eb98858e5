"""What a rule's `message` and `prompt` come to for one call.

A template names `{tool}`, `{reason}`, `{decision}`, `{remaining}` and `{task}`; a prompt also the call's own arguments.
`{{` and `}}` stand for braces. What is not known is the empty text. No list of a policy can be named, so that no
message tells a model what would have been allowed.

A prompt is read by a person who is to say yes or no, and its values come from the model: each stands on one line, cut
to SHOWN characters, with nothing invisible in it that could make it look like another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from policy_dsl import encode_json

SHOWN: Final = 200
"""Characters of one value that a prompt shows; precedent: the terminal lines of two that a person takes in at once."""

_PLACE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def render(template: str, values: Mapping[str, str], arguments: Mapping[str, Any] | None = None) -> str:
    """The template with its places filled: from `values`, else, where a prompt may show them, from `arguments`."""
    if "{" not in template and "}" not in template:
        return template

    def fill(place: re.Match[str]) -> str:
        name = place[1]
        if name is None:
            return place[0][0]
        if name in values:
            return values[name]
        return shown(arguments[name]) if arguments is not None and name in arguments else ""

    return _PLACE.sub(fill, template)


def shown(value: Any) -> str:
    """A value on one line, for a person: texts as they are, everything else as JSON."""
    text = value if isinstance(value, str) else encode_json(value).decode()
    line = "".join(_escaped(char) if unicodedata.category(char) in _INVISIBLE else char for char in text[:SHOWN])
    return line if len(line) <= SHOWN and len(text) <= SHOWN else f"{line[:SHOWN]}..."


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"
