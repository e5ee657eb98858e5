"""What a server asked of a client of 2026-07-28, sealed into the state that the client brings back with its answers.

The server's own `requestState` is inside, so that it is the gate who says for whom and for which call it is good: one
principal, one method of one server with the same parameters, one hour. It grants nothing. The call is decided anew
when it comes back, and each answer too. AES-256-GCM (NIST SP 800-38D) under a key that is derived (RFC 5869) from that
of the approvals' states for this purpose alone, so neither state is ever taken for the other.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from policy_dsl import StrictJsonError, strict_json

from ..edge import EdgeError
from .inquiries import KINDS, Inquiry
from .results import ResultError

PREFIX: Final = "lwq1."
MOST_STATE: Final = 131_072
"""Characters. The words of the questions are inside, for the rules that look at them beside the answers."""

MOST_ROUNDS: Final = 10
"""How often a server may ask for one call; the specification bounds nothing."""

ROUND_SECONDS: Final = 3600.0

_MEMBERS: Final = 8
_NONCE: Final = 12
_TOKEN: Final = re.compile(r"lwq1\.[A-Za-z0-9_-]{32,}")
_PURPOSE: Final = b"leastward mcp questions v1"


class Asked(NamedTuple):
    """A question that was asked: its method, and its words as rules see them."""

    method: str
    said: dict[str, str]


class Round(NamedTuple):
    """`state` is the server's own. `held` is the state of an approval that the call waits for in the meantime, and then
    `answers` are those that the client had given; `of` is the one of them that waits, None where it is the call itself.
    """

    number: int
    asked: Mapping[str, Asked]
    state: str | None
    held: str | None = None
    answers: Mapping[str, Any] | None = None
    of: str | None = None


def asked_of(inquiries: list[Inquiry]) -> dict[str, Asked]:
    return {one.key: Asked(one.method, KINDS[one.method].said(one.params)) for one in inquiries}


class Rounds:
    """`key` gives 32 bytes, the same in every replica, once a server asks."""

    def __init__(self, key: Callable[[], bytes], clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._key = key
        self._clock = clock
        self._cipher: Any = None

    def seal(self, principal_key: str, call: str, round: Round) -> str:
        """An opaque text for one principal and the call with this digest. Raises ResultError for what is too long."""
        inside: Any = [
            call,
            int(self._clock().timestamp() + ROUND_SECONDS),
            round.number,
            {name: [asked.method, asked.said] for name, asked in round.asked.items()},
            round.state,
            round.held,
            None if round.answers is None else dict(round.answers),
            round.of,
        ]
        nonce = os.urandom(_NONCE)
        closed = self._opens().encrypt(nonce, strict_json.encode(inside), _whose(principal_key))
        text = PREFIX + base64.urlsafe_b64encode(nonce + closed).rstrip(b"=").decode()
        if len(text) > MOST_STATE:
            raise ResultError("the server's questions and its state are too long to be carried")
        return text

    def opened(self, state: str, principal_key: str, call: str) -> Round:
        """Raises EdgeError 400 `bad-state` for what this gate did not seal, for another principal or call, and for
        what is over."""
        from cryptography.exceptions import InvalidTag

        if len(state) > MOST_STATE or not _TOKEN.fullmatch(state):
            raise bad_state()
        text = state.removeprefix(PREFIX)
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            # One text for one state: base64 leaves bits unused at its end (RFC 4648 section 3.5).
            if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
                raise bad_state()
            plain = self._opens().decrypt(data[:_NONCE], data[_NONCE:], _whose(principal_key))
            inside: Any = strict_json.parse(plain)
        except (binascii.Error, InvalidTag, StrictJsonError) as error:
            raise bad_state() from error
        if not isinstance(inside, list) or len(inside) != _MEMBERS:  # sealed by an earlier version
            raise bad_state()
        digest, until, number, asked, own, held, answers, of = inside
        if digest != call or until < self._clock().timestamp():
            raise bad_state()
        known = {name: Asked(method, said) for name, (method, said) in asked.items()}
        return Round(number, known, own, held, answers, of)

    def _opens(self) -> Any:
        """Loads `cryptography` the first time that a server asks."""
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF

            self._cipher = AESGCM(HKDF(SHA256(), 32, None, _PURPOSE).derive(self._key()))
        return self._cipher


def bad_state() -> EdgeError:
    return EdgeError(400, "bad-state", "`requestState` is none of this gate's, or of another call")


def _whose(principal_key: str) -> bytes:
    return principal_key.encode("utf-8", "surrogatepass")
