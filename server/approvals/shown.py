"""What an approver sees: the call as the gate knows it, written so that it can hide nothing.

A dialog whose words an agent chose can be made to lie (OWASP ASI09; "lies in the loop"). So no text of the agent stands
here but as a JSON string inside the call, on one line, with every character that a screen does not show, or that moves
what is beside it, written as an escape: a value can neither end its quotes, nor begin a line, nor turn one around. The
whole call is shown; one that is too large for a person to read is not asked for at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from policy_dsl import encode_json, strict_json

from ..store import Approval

_IGNORABLE: Final = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
)  # fmt: skip
"""What Python calls printable and screens leave blank: Default_Ignorable_Code_Point of UAX 44, the variation selectors
(UTS 37) among them, and the empty Braille cell."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_SCRIPTS: Final = ("ARMENIAN", "CHEROKEE", "CYRILLIC", "GREEK", "LATIN")
"""Scripts with letters that look like another's (UTS 39)."""

_SHOWN: Final = (
    "id", "state", "run", "agent", "user", "door", "server", "tool", "rule", "decision", "policy_hash", "by_roles",
    "asked_at", "expires_at", "decided_by", "decided_at", "uses", "used",
)  # fmt: skip


def visible(text: str) -> str:
    """`text` with everything that does not show as itself written as JSON escapes. No line breaks are left."""
    return "".join(char if _shows(char) else _escape(char) for char in text)


def shown(approval: Approval) -> dict[str, Any]:
    """The approval for those who may answer it. `call` is for people, `arguments` the same as JSON text: parsing it
    gives the values back, printing it shows every character. `notes` say what a reader could overlook."""
    arguments = strict_json.parse_object(approval.arguments)
    tree: dict[str, Any] = {name: getattr(approval, name) for name in _SHOWN}
    for name in ("agent", "user", "server", "tool", "rule", "decided_by"):
        tree[name] = None if tree[name] is None else visible(tree[name])
    tree["by_roles"] = [[visible(role) for role in group] for group in approval.by_roles]
    tree["prompt"] = None if approval.prompt is None else visible(approval.prompt)
    tree["because"] = None if approval.because is None else visible(approval.because)
    tree["call"] = written(approval.server, approval.tool, arguments)
    tree["arguments"] = visible(encode_json(arguments).decode())
    tree["notes"] = notes(approval.tool, arguments)
    return tree


def written_of(approval: Approval) -> str:
    """The call of an approval, as `written` writes it."""
    return written(approval.server, approval.tool, strict_json.parse_object(approval.arguments))


def written(server: str | None, tool: str, arguments: dict[str, Any]) -> str:
    """The call on lines of its own: the tool, then one argument a line."""
    name = _name(tool) if server is None else f"{_name(server)}/{_name(tool)}"
    if not arguments:
        return f"{name}()"
    lines = [f"  {_name(one)} = {visible(encode_json(value).decode())}" for one, value in arguments.items()]
    return "\n".join([f"{name}(", *lines, ")"])


def notes(tool: str, arguments: dict[str, Any]) -> list[str]:
    """What is easily overlooked in the texts of a call, each said once, with where it stands."""
    found: list[str] = []
    for place, text in [("the tool's name", tool), *_texts(arguments, "")]:
        where = place if place == "the tool's name" else f"`{visible(place)}`"
        if not all(map(_shows, text)):
            found.append(f"{where} holds characters that do not show; they are written as escapes")
        scripts = _scripts(text)
        if len(scripts) > 1:
            found.append(f"{where} mixes letters of {' and '.join(scripts)}")
        elif scripts and scripts != ("Latin",):
            found.append(f"{where} has letters of {scripts[0]} that can look like Latin ones")
        if not unicodedata.is_normalized("NFC", text):
            found.append(f"{where} is not in Unicode's composed form: it may look like another text")
    return found


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a value and every name that is not plain, each with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for name, member in value.items():
            inside = f"{place}.{name}" if place else name
            if not _NAME.fullmatch(name):
                yield f"{place or 'the arguments'}: a name", name
            yield from _texts(member, inside)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{place}[{at}]")


def _scripts(text: str) -> tuple[str, ...]:
    if text.isascii():
        return ()
    words = {unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha()}
    return tuple(script.capitalize() for script in _SCRIPTS if script in words)


def _name(text: str) -> str:
    """A name as it is where it looks like one, else in quotes."""
    return text if _NAME.fullmatch(text) else visible(encode_json(text).decode())


def _shows(char: str) -> bool:
    return char.isprintable() and not any(low <= ord(char) <= high for low, high in _IGNORABLE)


def _escape(char: str) -> str:
    """As JSON escapes it (RFC 8259 section 7): above the BMP as a surrogate pair, so that it parses back."""
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
