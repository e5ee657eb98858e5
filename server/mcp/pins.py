"""The tools of MCP servers as they were accepted: by a person, or by the first look at a server.

What is pinned is everything of a tool's declaration that a model or a policy goes by: name, title, description, both
schemas, annotations, icons. A tool that comes back different in any of it, an invisible character included, is withheld
from every list and every call until a person accepts it (OWASP MCP03, CVE-2025-54136: the rug pull). It comes back by
itself only as exactly what was accepted before.

The pins stand in the database, for all gates on it (server/store/pins.py). What is changed is compared with what stands
in the same transaction: two gates, or a gate and a person, never undo each other's change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from policy_dsl import StrictJsonError, strict_json

from ..store import PinRow, StoreError

CHANGED: Final = "tool-changed"
UNPINNED: Final = "tool-unpinned"
MOST_DEPTH: Final = 128

_DECLARED: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "icons")
Pin = Mapping[str, Any]
"""`accepted` and `shown`: each None, or a declaration and its digest."""


class PinError(Exception):
    """The pins cannot be read or kept. `message` says which."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Change:
    """A tool that is withheld: what was accepted (None: nothing yet), and what the server showed last, with the name
    of exactly that: a person accepts what they saw."""

    server: str
    tool: str
    name: str
    accepted: Mapping[str, Any] | None
    shown: Mapping[str, Any]


def declaration(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a tool's declaration that are pinned and passed on, in one order."""
    return {name: tool[name] for name in _DECLARED if tool.get(name) is not None}


def digest(declared: Mapping[str, Any]) -> str:
    """`sha256:` over the canonical JSON of the declaration."""
    return f"sha256:{hashlib.sha256(strict_json.encode(_ordered(declared))).hexdigest()}"


class Kept(Protocol):
    """Where the pins stand; server/store's PinShelf keeps this promise. Both block."""

    def read(self, server: str | None = None) -> list[PinRow]: ...
    def change(self, made: Callable[[list[PinRow]], Iterable[PinRow]]) -> None: ...


class PinBook:
    """Safe to share between threads; every method blocks. `first_look` pins what a server shows the first time it is
    asked; without it nothing of a server is offered before a person accepted it."""

    def __init__(self, kept: Kept, *, first_look: bool = True) -> None:
        self._kept = kept
        self._first_look = first_look

    def check(self, server: str, shown: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Why tools that the server shows now are withheld, by name; those that may be offered are not in it.

        `shown` are declarations. What is new is pinned or noted, durably before it is said. Raises PinError.
        """
        withheld, noted = self._compared(self._read(server).get(server, {}), shown)
        if not noted:
            return withheld

        def made(pins: Mapping[str, Mapping[str, Pin]]) -> dict[str, dict[str, Pin]]:
            nonlocal withheld
            withheld, noted = self._compared(pins.get(server, {}), shown)
            return {server: noted}

        self._change(made)
        return withheld

    def _compared(
        self, pins: Mapping[str, Pin], shown: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, str], dict[str, Pin]]:
        """Why tools are withheld, and the pins that have to be kept."""
        withheld: dict[str, str] = {}
        noted: dict[str, Pin] = {}
        for name, declared in shown.items():
            pin = pins.get(name)
            entry = _entry(declared)
            if pin is not None and pin["accepted"] is not None and pin["accepted"]["digest"] == entry["digest"]:
                continue
            if pin is None and self._first_look:
                noted[name] = {"accepted": entry, "shown": None}
                continue
            withheld[name] = UNPINNED if pin is None or pin["accepted"] is None else CHANGED
            if pin is None or pin["shown"] is None or pin["shown"]["digest"] != entry["digest"]:
                noted[name] = {"accepted": None if pin is None else pin["accepted"], "shown": entry}
        return withheld, noted

    def changes(self) -> list[Change]:
        """Every tool that was last seen different from what was accepted, or was never accepted. Raises PinError."""
        return list(_changes(self._read()))

    def accept(self, name: str) -> bool:
        """A person accepts what they saw, by `Change.name`. False where that is not what the server showed last: it may
        have changed between the look and the yes. Raises PinError."""
        taken: dict[str, dict[str, Pin]] = {}

        def made(pins: Mapping[str, Mapping[str, Pin]]) -> dict[str, dict[str, Pin]]:
            taken.clear()
            for change in _changes(pins):
                if change.name == name:
                    taken[change.server] = {change.tool: {"accepted": _entry(change.shown), "shown": None}}
            return taken

        self._change(made)
        return bool(taken)

    def take_over(self, found: Mapping[str, Mapping[str, Pin]]) -> None:
        """Pins that were kept elsewhere: those of which the database knows nothing. Raises PinError where the database
        knows another text as accepted: which of the two a person saw is for a person to say."""

        def made(pins: Mapping[str, Mapping[str, Pin]]) -> dict[str, dict[str, Pin]]:
            new: dict[str, dict[str, Pin]] = {}
            for server, tools in found.items():
                for tool, pin in tools.items():
                    known = pins.get(server, {}).get(tool)
                    if known is None:
                        new.setdefault(server, {})[tool] = pin
                    elif known["accepted"] != pin["accepted"]:
                        raise PinError(f"the pin of `{server}/{tool}` is not the one that the database has")
            return new

        self._change(made)

    # --- the database -------------------------------------------------------------------------------------------------

    def _read(self, server: str | None = None) -> dict[str, dict[str, Pin]]:
        try:
            return _pins(self._kept.read(server))
        except StoreError as error:
            raise PinError(f"the pins cannot be read: {error.message}") from error

    def _change(self, made: Callable[[Mapping[str, Mapping[str, Pin]]], Mapping[str, Mapping[str, Pin]]]) -> None:
        try:
            self._kept.change(lambda rows: _rows(made(_pins(rows))))
        except StoreError as error:
            raise PinError(f"the pins cannot be kept: {error.message}") from error


def _changes(servers: Mapping[str, Mapping[str, Pin]]) -> Iterator[Change]:
    for server, pins in sorted(servers.items()):
        for tool, pin in sorted(pins.items()):
            if pin["shown"] is not None:
                accepted = pin["accepted"]
                before = None if accepted is None else accepted["declaration"]
                name = f"{server}/{tool}@{_short(pin['shown']['digest'])}"
                yield Change(server, tool, name, before, pin["shown"]["declaration"])


def _pins(rows: Iterable[PinRow]) -> dict[str, dict[str, Pin]]:
    servers: dict[str, dict[str, Pin]] = {}
    for row in rows:
        pin = {"accepted": _parsed(row.accepted), "shown": _parsed(row.shown)}
        if not is_pin(pin):
            raise PinError(f"the pin of `{row.server}/{row.tool}` does not fit its digest")
        servers.setdefault(row.server, {})[row.tool] = pin
    return servers


def _parsed(entry: bytes | None) -> Any:
    try:
        return None if entry is None else strict_json.parse(entry, max_depth=MOST_DEPTH, numbers="kept")
    except StrictJsonError as error:
        raise PinError(f"a pin is not strict JSON: {error.message}") from error


def _rows(servers: Mapping[str, Mapping[str, Pin]]) -> Iterator[PinRow]:
    for server, pins in servers.items():
        for tool, pin in pins.items():
            yield PinRow(server, tool, _encoded(pin["accepted"]), _encoded(pin["shown"]))


def _encoded(entry: Any) -> bytes | None:
    return None if entry is None else strict_json.encode(entry)


def _entry(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {"digest": digest(declared), "declaration": dict(declared)}


def is_pin(pin: Any) -> bool:
    """Whether this is a Pin, each digest that of its declaration."""
    if not isinstance(pin, dict) or pin.keys() != {"accepted", "shown"}:
        return False
    return all(entry is None or _is_entry(entry) for entry in pin.values())


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.keys() != {"declaration", "digest"}:
        return False
    return isinstance(entry["declaration"], dict) and digest(entry["declaration"]) == entry["digest"]


def _short(of: str) -> str:
    """Twelve digits of a digest: whoever can show a second text with the same has tried 2^48 of them."""
    return of.removeprefix("sha256:")[:12]


def _ordered(value: Any) -> Any:
    """With members in order of name. Numbers stay as they are spelled: another spelling is another declaration."""
    if isinstance(value, Mapping):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
