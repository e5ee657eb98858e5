"""Who calls: an API key or an issuer's token in `Authorization: Bearer`, or nobody where an open loopback needs none.

A key is looked up by its hash (server/store), so the time it takes says nothing about keys that exist; a request with
any bearer token costs exactly one look-up. The token is never logged and stands in no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from guardrail import Principal

from .edge import EdgeError
from .exchange import Caller, Scope
from .store import StoreError

_BEARER = re.compile(rb"[Bb]earer ([\x21-\x7e]{1,8192})")
_KEY = re.compile(rb"[\x21-\x7e]{1,8192}")
_LOOPBACK_HOST = re.compile(rb"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)
_OUR_KEYS = "lw-"

LOCAL_CALLER = Caller(
    Principal(tenant="local", agent="local"), frozenset({Scope.CALL, Scope.RUNS, Scope.DECIDE}), "open-loopback"
)
"""Whoever reaches an open loopback address. Its messages are not the user's own words: for that, issue a key."""


class Doorkeeper:
    """Headers to Caller. `caller_for` is the store's, for keys of the gate's own; `token_for` verifies tokens of
    issuers, None where none is taken. `open_loopback` is the setting of that name; `resource` is where clients read
    whose tokens are taken."""

    def __init__(
        self,
        caller_for: Callable[[str], Caller | None],
        token_for: Callable[[str], Caller | None] | None = None,
        *,
        open_loopback: bool = False,
        resource: str | None = None,
    ) -> None:
        self._caller_for = caller_for
        self._token_for = token_for
        self._open = open_loopback
        about = "" if resource is None else f', resource_metadata="{resource}"'  # RFC 9728 section 5.1
        self._challenge = {"www-authenticate": f'Bearer realm="leastward"{about}'}

    def caller(self, headers: Mapping[bytes, bytes], scope: Scope, also: frozenset[Scope] = frozenset()) -> Caller:
        """The caller, if it may do what `scope` or one of `also` stands for. Raises EdgeError 401 or 403; StoreError
        from the store."""
        caller = self._identified(headers)
        if scope not in caller.scopes and also.isdisjoint(caller.scopes):
            raise EdgeError(403, "missing-scope", f"this key does not have the scope `{scope.value}`")
        return caller

    def admits(self, headers: Mapping[bytes, bytes], caller: Caller) -> bool:
        """Whether these headers still name this caller: asked again and again by what goes on for long."""
        try:
            return self._identified(headers) == caller
        except (EdgeError, StoreError):
            return False

    def _identified(self, headers: Mapping[bytes, bytes]) -> Caller:
        secret = self._secret(headers)
        caller = None if secret is None else self._of(secret)
        if caller is not None:
            return caller
        # Clients of model APIs always send some key: an open address takes no notice of those that are not ours.
        if self._open and secret is not None and not secret.startswith(_OUR_KEYS):
            # A web page can make a browser call 127.0.0.1 under a name that the page's owner resolves (DNS rebinding);
            # the Host header then still carries that name.
            if not _LOOPBACK_HOST.fullmatch(headers.get(b"host", b"")):
                raise EdgeError(403, "not-loopback", "without a key, the gate must be addressed by a loopback name")
            return LOCAL_CALLER
        needed = "a valid API key is needed: `Authorization: Bearer lw-...`"
        if self._token_for is not None:
            needed += ", or a token of an issuer whose tokens are taken here"
        raise EdgeError(401, "invalid-key", needed, self._challenge)

    @staticmethod
    def _secret(headers: Mapping[bytes, bytes]) -> str | None:
        """What the client calls itself by, `""` where it says nothing; None where it says it in a way that is no key or
        says two things. Anthropic's clients send their key as `x-api-key`."""
        value, other = headers.get(b"authorization"), headers.get(b"x-api-key")
        if value is None:
            return "" if other is None else other.decode("ascii") if _KEY.fullmatch(other) else None
        token = _BEARER.fullmatch(value)
        return None if token is None or other not in (None, token[1]) else token[1].decode("ascii")

    def _of(self, secret: str) -> Caller | None:
        if secret.startswith(_OUR_KEYS) or (self._token_for is None and secret and not self._open):
            return self._caller_for(secret)
        return self._token_for(secret) if self._token_for is not None and secret else None
