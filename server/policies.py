"""The policy files in force: loaded at start, watched, and exchanged as a whole when they change and still load.

PoliciesError      the files do not load or `check` finds an error; `rendered` shows the underlined place
guard_of           a policy compiled, if `check` finds no error in it; server/versions loads by it too

A broken file never takes the last good Guard away: `error` then says what is wrong with the files, /readyz and the log
repeat it. A file that is being written may be a valid policy without its last rules, so a change is loaded only when
the files have been at rest for a whole interval.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from guardrail import Guard
from policy_dsl import Catalogue, PolicyError, PolicySet, UseTools, check, compile_policy, load, parse, policy_set

from .logs import fields

logger = logging.getLogger("leastward.policies")

GC_THRESHOLD = 50_000
"""Allocations between two young collections; the default is 700. With 256 requests under way a collection looks through
what all of them hold and frees nothing: at 2,000 that was a sixth of the CPU time of a request (measured). It may come
this seldom because no request and no connection leaves a cycle behind (tests/server/test_strict_http.py)."""

_FRESH_SECONDS = 2.0

Signature = tuple[tuple[str, int, int, int, int], ...]


class PoliciesError(Exception):
    """`rendered` is for a person: place, source line, underline and help of everything that is wrong."""

    def __init__(self, rendered: str) -> None:
        super().__init__(rendered)
        self.rendered = rendered


class Policy(Protocol):
    """The policy in force, for who decides by it or says how it stands."""

    @property
    def current(self) -> Guard: ...
    @property
    def is_loaded(self) -> bool: ...
    @property
    def error(self) -> str | None: ...
    @property
    def loaded_at(self) -> datetime | None: ...


class Serving(Policy, Protocol):
    """What follows it, whether it comes of files (Policies) or of the database (server/versions)."""

    async def watch(self) -> None: ...
    def look(self) -> None: ...


def guard_of(policy: PolicySet) -> Guard:
    """Raises PoliciesError with every error that `check` finds."""
    errors = [finding.render() for finding in check(policy, policy.catalogue) if finding.severity == "error"]
    if errors:
        raise PoliciesError("\n".join(errors))
    return Guard(compile_policy(policy, policy.catalogue))


def nothing_allowed() -> Guard:
    """The Guard of a policy without rules, for a gate that must not decide by the policy it has."""
    return guard_of(policy_set([parse("language 1\n", "nothing.lw")]))


def settle() -> None:
    """A Guard lives long and has no garbage: taken out of the collector's sight, it costs no more scans."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


class Policies:
    """The Guard of the moment. `patterns` are globs relative to `folder`; `reloaded` is told each result of a change:
    `loaded`, `unchanged` or `failed`."""

    def __init__(
        self,
        patterns: Sequence[str],
        tools: str | None = None,
        folder: Path | None = None,
        *,
        reloaded: Callable[[str], None] = lambda result: None,
    ) -> None:
        self._patterns = tuple(patterns)
        self._folder = folder or Path()
        self._tools = None if tools is None else self._folder / tools
        self._reloaded = reloaded
        self._guard: Guard | None = None
        self._besides: tuple[Path, ...] = ()
        self._loaded: Signature | None = None
        self._resting: Signature | None = None
        self.error: str | None = None
        self.loaded_at: datetime | None = None

    @property
    def current(self) -> Guard:
        """The Guard to decide by. Raises RuntimeError before the first `load`."""
        if self._guard is None:
            raise RuntimeError("the policies were not loaded")
        return self._guard

    @property
    def is_loaded(self) -> bool:
        return self._guard is not None

    def load(self) -> None:
        """Load for the first time. Raises PoliciesError, and then there is no Guard."""
        before = self._signature()
        self._install(*self._read())
        after = self._signature()
        # A write in the same tick of the clock would leave no trace: look again if a file is that young.
        young = any(time.time_ns() - changed < _FRESH_SECONDS * 1e9 for _, _, changed, _, _ in after)
        self._loaded = None if young or before != after[: len(before)] else after

    async def watch(self, interval: float = 1.0) -> None:
        """Look at the files every `interval` seconds, for ever; reading and compiling run beside the event loop."""
        while True:
            await asyncio.sleep(interval)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """One look: load what has changed and is at rest. Never raises for what the files hold."""
        try:
            signature = self._signature()
        except PoliciesError as error:
            self._keep(error.rendered)
            return
        at_rest = signature == self._resting
        self._resting = signature
        if not at_rest or (signature == self._loaded and self.error is None):
            return
        try:
            guard, policy = self._read()
        except PoliciesError as error:
            self._keep(error.rendered)
            return
        if guard.policy_hash == self.current.policy_hash:
            self.error = None
            self._besides = _read_besides(policy)
            self._reloaded("unchanged")
        else:
            self._install(guard, policy)
        self._loaded = signature

    # --- inside ---

    def _keep(self, rendered: str) -> None:
        if rendered == self.error:
            return
        self.error = rendered
        self._reloaded("failed")
        logger.error("policies-kept", extra=fields(policy=self.current.policy_hash, problem=rendered))

    def _install(self, guard: Guard, policy: PolicySet) -> None:
        self._guard = guard
        self.error = None
        self._besides = _read_besides(policy)
        self.loaded_at = datetime.now(UTC)
        self._reloaded("loaded")
        logger.info(
            "policies-loaded",
            extra=fields(policy=guard.policy_hash, files=[file.path for file in policy.files], rules=len(policy.rules)),
        )
        settle()

    def _read(self) -> tuple[Guard, PolicySet]:
        files = self._files()
        try:
            extra = None if self._tools is None else Catalogue.read(self._tools)
            policy = load(files, extra)
        except PolicyError as error:
            raise PoliciesError(error.render()) from error
        except OSError as error:
            raise PoliciesError(f"a policy file cannot be read: {error.strerror or 'unknown'}") from error
        return guard_of(policy), policy

    def _files(self) -> list[Path]:
        found: dict[Path, None] = {}
        for pattern in self._patterns:
            matched = sorted(path for path in _glob(self._folder, pattern) if path.is_file())
            if not matched:
                raise PoliciesError(f"`policies`: no file matches `{pattern}`; `leastward init` writes a first one")
            found.update(dict.fromkeys(matched))
        return list(found)

    def _signature(self) -> Signature:
        """What changes when any of the files does: names, sizes, inodes and both times."""
        watched = [*self._files(), *self._besides, *([] if self._tools is None else [self._tools])]
        signature = []
        for path in watched:
            try:
                found = os.stat(path)
                seen = (str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
            except OSError:
                seen = (str(path), 0, 0, -1, 0)
            signature.append(seen)
        return tuple(signature)


def _glob(folder: Path, pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_absolute():
        return list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    return list(folder.glob(pattern))


def _read_besides(policy: PolicySet) -> tuple[Path, ...]:
    """The files that policy files name: those they import from beside them, and lists of tools."""
    imported = tuple(Path(file.path) for file in policy.files if not file.path.startswith("package:"))
    return imported + tuple(
        Path(file.path).parent / statement.path
        for file in policy.files
        for statement in file.statements
        if isinstance(statement, UseTools)
    )
