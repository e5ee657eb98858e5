"""What leaves the gate about an approval and comes back, and what is kept of a call that must not stand open on a disk.

A sealed state is AES-256-GCM (NIST SP 800-38D) under a key of the gate. Whom it was made for is authenticated beside it
(RFC 5116 calls that associated data), so another principal's state does not open; what is inside says which call, under
which policy, until when. It grants nothing: it only names an approval, and the database decides whether that was given
and is not used yet. The key is 32 bytes from the settings, or the database's own; what is encrypted with it is derived
per purpose (RFC 5869), so a state is never taken for a call.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from policy_dsl import StrictJsonError, encode_json, strict_json

from ..store import Approval

_PREFIX: Final = "lwa1."
"""Names the form, so that no token ever says by which algorithm it wants to be read (RFC 8725 section 3.1)."""

_NONCE: Final = 12
_TOKEN: Final = re.compile(r"lwa1\.[A-Za-z0-9_-]{32,2048}")
_STATE: Final = b"leastward approval state v1"
_CALL: Final = b"leastward approval call v1"
_MEMBERS: Final = 5


class BadState(Exception):
    """The state was not made by this gate, was changed, or was made for somebody else. It says no more than that."""


class Opened(NamedTuple):
    """What a sealed state names. `expires_at` is RFC 3339; whether it is over is for who knows the time."""

    approval: str
    run: str
    digest: str
    policy_hash: str
    expires_at: str


class Seals:
    """Seals and opens under one key of 32 bytes. The first of its kind loads `cryptography`."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        if len(key) != 32:
            raise ValueError("the key of sealed states has 32 bytes")

        def cipher(purpose: bytes) -> AESGCM:
            return AESGCM(HKDF(SHA256(), 32, None, purpose).derive(key))

        self._states, self._calls = cipher(_STATE), cipher(_CALL)

    def seal(self, approval: Approval, expires_at: str) -> str:
        """An opaque text that only the approval's own principal can bring back, good until `expires_at`."""
        inside: Any = [approval.id, approval.run, approval.digest, approval.policy_hash, expires_at]
        nonce = os.urandom(_NONCE)
        closed = self._states.encrypt(nonce, encode_json(inside), _whose(approval.principal_key))
        return _PREFIX + base64.urlsafe_b64encode(nonce + closed).rstrip(b"=").decode()

    def opened(self, state: str, principal_key: str) -> Opened:
        """What is inside. Raises BadState."""
        from cryptography.exceptions import InvalidTag

        if not _TOKEN.fullmatch(state):
            raise BadState
        text = state.removeprefix(_PREFIX)
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            # One text for one state: base64 leaves bits unused at its end (RFC 4648 section 3.5).
            if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
                raise BadState
            inside = strict_json.parse(self._states.decrypt(data[:_NONCE], data[_NONCE:], _whose(principal_key)))
        except (binascii.Error, InvalidTag, StrictJsonError) as error:
            raise BadState from error
        if not isinstance(inside, list) or len(inside) != _MEMBERS:
            raise BadState
        return Opened(*map(str, inside))

    def close_call(self, approval_id: str, arguments: Mapping[str, Any]) -> bytes:
        """A call's arguments, to be kept until it is released."""
        nonce = os.urandom(_NONCE)
        return nonce + self._calls.encrypt(nonce, encode_json(dict(arguments)), approval_id.encode())

    def open_call(self, approval: Approval) -> dict[str, Any]:
        """The arguments again. Raises BadState where another key closed them."""
        from cryptography.exceptions import InvalidTag

        closed = approval.sealed or b""
        try:
            return strict_json.parse_object(self._calls.decrypt(closed[:_NONCE], closed[_NONCE:], approval.id.encode()))
        except (InvalidTag, ValueError, StrictJsonError) as error:
            raise BadState from error


def _whose(principal_key: str) -> bytes:
    return principal_key.encode("utf-8", "surrogatepass")
