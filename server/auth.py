"""Who calls: an API key in `Authorization: Bearer`, or nobody at all where the settings open a loopback address.

A key is looked up by its hash (server/store), so the time it takes says nothing about keys that exist; a request with
any bearer token costs exactly one look-up. The token is never logged and stands in no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from guardrail import Principal

from .edge import EdgeError
from .exchange import Caller, Scope

_BEARER = re.compile(rb"[Bb]earer ([\x21-\x7e]{1,512})")
_LOOPBACK_HOST = re.compile(rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_OUR_KEYS = "lw-"

LOCAL_CALLER = Caller(
    Principal(tenant="local", agent="local"), frozenset({Scope.CALL, Scope.RUNS, Scope.DECIDE}), "open-loopback"
)
"""Whoever reaches an open loopback address. Its messages are not the user's own words: for that, issue a key."""

_CHALLENGE = {"www-authenticate": 'Bearer realm="leastward"'}


class Doorkeeper:
    """Headers to Caller. `caller_for` is the store's; `open_loopback` is the setting of that name."""

    def __init__(self, caller_for: Callable[[str], Caller | None], *, open_loopback: bool = False) -> None:
        self._caller_for = caller_for
        self._open = open_loopback

    def caller(self, headers: Mapping[bytes, bytes], scope: Scope, also: frozenset[Scope] = frozenset()) -> Caller:
        """The caller, if it may do what `scope` or one of `also` stands for. Raises EdgeError 401 or 403; StoreError
        from the store."""
        caller = self._identified(headers)
        if scope not in caller.scopes and also.isdisjoint(caller.scopes):
            raise EdgeError(403, "missing-scope", f"this key does not have the scope `{scope.value}`")
        return caller

    def _identified(self, headers: Mapping[bytes, bytes]) -> Caller:
        value = headers.get(b"authorization")
        token = None if value is None else _BEARER.fullmatch(value)
        secret = None if token is None else token[1].decode("ascii")
        # Clients of the OpenAI API always send some key: an open address takes no notice of those that are not ours.
        if self._open and (value is None or (secret is not None and not secret.startswith(_OUR_KEYS))):
            # A web page can make a browser call 127.0.0.1 under a name that the page's owner resolves (DNS rebinding);
            # the Host header then still carries that name.
            if not _LOOPBACK_HOST.fullmatch(headers.get(b"host", b"")):
                raise EdgeError(403, "not-loopback", "without a key, the gate must be addressed by a loopback name")
            return LOCAL_CALLER
        caller = None if secret is None else self._caller_for(secret)
        if caller is None:
            raise EdgeError(401, "invalid-key", "a valid API key is needed: `Authorization: Bearer lw-...`", _CHALLENGE)
        return caller
