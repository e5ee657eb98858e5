"""The tools of MCP servers as they were accepted: by a person, or by the first look at a server.

What is pinned is everything of a tool's declaration that a model or a policy goes by: name, title, description, both
schemas, annotations, icons. A tool that comes back different in any of it, an invisible character included, is withheld
from every list and every call until a person accepts it (OWASP MCP03, CVE-2025-54136: the rug pull). It comes back by
itself only as exactly what was accepted before.

The pins stand in one JSON file, written whole and renamed into place; the gate reads it again when it changed on disk,
so that `leastward mcp pins accept` reaches a running gate. Whoever changes it holds a lock beside it from reading to
renaming: two gates, or a gate and a person, never undo each other's change.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policy_dsl import StrictJsonError, strict_json

CHANGED: Final = "tool-changed"
UNPINNED: Final = "tool-unpinned"

_VERSION: Final = 1
_DECLARED: Final = ("name", "title", "description", "inputSchema", "outputSchema", "annotations", "icons")
MOST_FILE: Final = 64 << 20


class PinError(Exception):
    """The pins cannot be read or kept. `message` names the file."""

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


class PinBook:
    """`path` None keeps the pins in memory. `first_look` pins what a server shows the first time it is asked; without
    it nothing of a server is offered before a person accepted it."""

    def __init__(self, path: Path | None, *, first_look: bool = True) -> None:
        """Raises PinError for a file that cannot be read: without its pins no tool is known."""
        self._path = path
        self._first_look = first_look
        self._stamp: tuple[int, int] | None = None
        self._servers: dict[str, dict[str, dict[str, Any]]] = {}
        self._refreshed()

    def check(self, server: str, shown: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Why tools that the server shows now are withheld, by name; those that may be offered are not in it.

        `shown` are declarations. What is new is pinned or noted, durably before it is said. Raises PinError.
        """
        self._refreshed()
        withheld, noted = self._compared(server, shown)
        if noted:
            with self._alone():
                self._refreshed()
                withheld, noted = self._compared(server, shown)
                if noted:
                    self._servers = {**self._servers, server: {**self._servers.get(server, {}), **noted}}
                    self._keep()
        return withheld

    def _compared(
        self, server: str, shown: Mapping[str, Mapping[str, Any]]
    ) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        """Why tools are withheld, and the pins that have to be kept."""
        pins = self._servers.get(server, {})
        withheld: dict[str, str] = {}
        noted: dict[str, dict[str, Any]] = {}
        for name, declared in shown.items():
            pin = pins.get(name)
            entry = {"digest": digest(declared), "declaration": dict(declared)}
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
        """Every tool that was last seen different from what was accepted, or was never accepted."""
        self._refreshed()
        return list(self._changes())

    def _changes(self) -> Iterator[Change]:
        for server, pins in sorted(self._servers.items()):
            for tool, pin in sorted(pins.items()):
                if pin["shown"] is not None:
                    accepted = pin["accepted"]
                    before = None if accepted is None else accepted["declaration"]
                    name = f"{server}/{tool}@{_short(pin['shown']['digest'])}"
                    yield Change(server, tool, name, before, pin["shown"]["declaration"])

    def accept(self, name: str) -> bool:
        """A person accepts what they saw, by `Change.name`. False where that is not what the server showed last: it may
        have changed between the look and the yes."""
        with self._alone():
            self._refreshed()
            for change in self._changes():
                if change.name == name:
                    pins = self._servers[change.server]
                    taken = {"accepted": pins[change.tool]["shown"], "shown": None}
                    self._servers = {**self._servers, change.server: {**pins, change.tool: taken}}
                    self._keep()
                    return True
            return False

    # --- the file ----------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """The lock that every change of the file is made under. Its holder only reads and writes a file."""
        if self._path is None:
            yield
            return
        try:
            lock = self._path.with_name(f"{self._path.name}.lock").open("wb")
        except OSError as error:
            raise PinError(f"`{self._path}` cannot be locked: {error.strerror}") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _refreshed(self) -> None:
        if self._path is None:
            return
        try:
            found = self._path.stat()
        except FileNotFoundError:
            if self._stamp is not None:
                raise PinError(f"`{self._path}` is gone; without its pins no tool is known") from None
            return
        except OSError as error:
            raise PinError(f"`{self._path}` cannot be read: {error.strerror}") from error
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            self._servers = self._read(self._path)
            self._stamp = stamp

    def _read(self, path: Path) -> dict[str, dict[str, dict[str, Any]]]:
        try:
            with path.open("rb") as file:
                tree: Any = strict_json.parse(file.read(MOST_FILE), max_depth=128, numbers="kept")
        except OSError as error:
            raise PinError(f"`{path}` cannot be read: {error.strerror}") from error
        except StrictJsonError as error:
            raise PinError(f"`{path}` is not strict JSON: {error.message}") from error
        if not isinstance(tree, dict) or tree.get("version") != _VERSION or not isinstance(tree.get("servers"), dict):
            raise PinError(f"`{path}` does not hold pins of this version")
        servers: dict[str, dict[str, dict[str, Any]]] = tree["servers"]
        if not all(isinstance(pins, dict) and all(map(_is_pin, pins.values())) for pins in servers.values()):
            raise PinError(f"`{path}` holds a pin that does not fit its digest")
        return servers

    def _keep(self) -> None:
        if self._path is None:
            return
        tree: dict[str, Any] = {"version": _VERSION, "servers": self._servers}
        text = strict_json.encode(tree)
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            found = self._path.stat()
        except OSError as error:
            raise PinError(f"`{self._path}` cannot be written: {error.strerror}") from error
        self._stamp = (found.st_mtime_ns, found.st_ino)


def _is_pin(pin: Any) -> bool:
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
