"""A JWT to the Caller that it makes (RFC 7519; RFC 8725 for what to refuse; RFC 9068 for its type).

The three parts are read by the strict parser, so that no claim can stand in a token twice; of the JWT library only the
signatures are used. A token that was verified is remembered until it expires, by its digest.
"""

from __future__ import annotations

import binascii
import logging
import re
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, NamedTuple

from policy_dsl import StrictJsonError, parse_json
from server.exchange import Caller
from server.logs import fields

from .issuer import BadToken, Issuer
from .keys import KeySet

LOG = logging.getLogger("leastward.identity")
LEEWAY: Final = 30.0
"""Seconds by which clocks may differ."""

MOST_REMEMBERED: Final = 4096
_PART: Final = re.compile(r"[A-Za-z0-9_-]+")
_TYPES: Final = (None, "JWT", "at+jwt", "application/at+jwt")


class _Known(NamedTuple):
    caller: Caller
    until: float
    keys: KeySet


class Tokens:
    """Verifies tokens of `issuers`. `keys` gives an issuer's KeySet by its name, None before it was first read;
    `unknown` is told of an issuer whose keys seem to have changed. `now` is seconds since 1970."""

    def __init__(
        self,
        issuers: Sequence[Issuer],
        keys: Callable[[str], KeySet | None],
        now: Callable[[], float],
        unknown: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._issuers = {issuer.iss: issuer for issuer in issuers}
        self._keys = keys
        self._now = now
        self._unknown = unknown
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def caller_for(self, token: str) -> Caller | None:
        """The Caller of a good token; None for every other text."""
        name = sha256(token.encode("ascii", "replace")).digest()
        known = self._known.get(name)
        now = self._now()
        if known is not None:
            issuer = known.caller.key_id.split(":", 1)[0]
            if now < known.until and self._keys(issuer) is known.keys:
                return known.caller
            del self._known[name]
        try:
            found = self._verified(token, now)
        except BadToken as error:
            LOG.debug("token-refused", extra=fields(why=error.code))  # anybody can send one: not at the usual level
            return None
        self._known[name] = found
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return found.caller

    def _verified(self, token: str, now: float) -> _Known:
        parts = token.split(".")
        if len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
            raise BadToken("not-a-token")
        header, claims = _object(parts[0]), _object(parts[1])
        issuer = self._issuers.get(str(claims.get("iss")))
        if issuer is None:
            raise BadToken("unknown-issuer")
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in issuer.algorithms or not isinstance(kid, str) or header.get("typ") not in _TYPES:
            raise BadToken("bad-header")
        if "crit" in header or "b64" in header:  # RFC 7515 section 4.1.11: what is not understood is refused
            raise BadToken("bad-header")
        keys = self._keys(issuer.name)
        key = None if keys is None else keys.key_for(kid, algorithm)
        if keys is None or key is None:
            self._unknown(issuer.name)
            raise BadToken("unknown-key")
        if not key.Algorithm.verify(f"{parts[0]}.{parts[1]}".encode(), key.key, _bytes(parts[2])):
            raise BadToken("bad-signature")
        return _Known(issuer.caller(claims), _good_until(issuer, claims, now), keys)


def _good_until(issuer: Issuer, claims: Mapping[str, Any], now: float) -> float:
    """When the token stops to be good. Raises BadToken for one that is not good now or was meant for another."""
    audience = claims.get("aud")
    if issuer.audience not in (audience if isinstance(audience, list) else [audience]):
        raise BadToken("other-audience")
    until = _seconds(claims, "exp")
    if until is None:
        raise BadToken("no-expiry")
    begins = max(_seconds(claims, "nbf") or 0.0, _seconds(claims, "iat") or 0.0)
    if now > until + LEEWAY or now < begins - LEEWAY:
        raise BadToken("expired")
    return until + LEEWAY


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if type(value) not in (int, Decimal) or not 0 <= value < 2**40:
        raise BadToken("bad-time")
    return float(value)


def _bytes(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error):
        raise BadToken("not-a-token") from None


def _object(part: str) -> dict[str, Any]:
    try:
        tree: Any = parse_json(_bytes(part))
    except StrictJsonError:
        raise BadToken("not-strict-json") from None
    if not isinstance(tree, dict):
        raise BadToken("not-an-object")
    return tree
