"""The public keys of one issuer, as its JWKS document gives them (RFC 7517)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from policy_dsl import StrictJsonError, parse_json

MOST_KEYS: Final = 64
LEAST_RSA_BITS: Final = 2048
"""RFC 7518 section 3.3."""

_KINDS: Final[Mapping[str, str]] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_CURVES: Final[Mapping[str, str]] = {"ES256": "P-256", "ES384": "P-384"}


class BadKeySet(Exception):
    """A JWKS document that cannot be used."""


class KeySet:
    """Keys by id and algorithm. A key serves only the algorithms of its own kind and, where it names one, that one."""

    def __init__(self, keys: Mapping[str, tuple[Mapping[str, Any], ...]]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return sum(map(len, self._keys.values()))

    @classmethod
    def read(cls, document: bytes) -> KeySet:
        """The signing keys of a document. Raises BadKeySet; keys of kinds that nobody here verifies are left out."""
        try:
            tree: Any = parse_json(document)
        except StrictJsonError as error:
            raise BadKeySet(f"the key set is not strict JSON: {error.code}") from error
        listed = tree.get("keys") if isinstance(tree, dict) else None
        if not isinstance(listed, list) or len(listed) > MOST_KEYS or not all(isinstance(key, dict) for key in listed):
            raise BadKeySet(f"the key set is not a list of at most {MOST_KEYS} keys")
        found: dict[str, tuple[Mapping[str, Any], ...]] = {}
        for key in listed:
            if key.get("kty") in _KINDS.values() and key.get("use", "sig") == "sig" and "d" not in key:
                name = key.get("kid")
                if not isinstance(name, str) or not name:
                    continue  # a token says which key signed it; one without a name cannot be said
                found[name] = (*found.get(name, ()), key)
        return cls(found)

    def key_for(self, kid: str, algorithm: str) -> PyJWK | None:
        """The only key that may have signed so; None where there is none, or more than one."""
        fitting = [key for key in self._keys.get(kid, ()) if _serves(key, algorithm)]
        if len(fitting) != 1:
            return None
        try:
            found = PyJWK(dict(fitting[0]), algorithm=algorithm)
        except (PyJWTError, ValueError, KeyError):
            return None
        bits = getattr(found.key, "key_size", None)
        return None if fitting[0]["kty"] == "RSA" and (bits is None or bits < LEAST_RSA_BITS) else found


def _serves(key: Mapping[str, Any], algorithm: str) -> bool:
    if key["kty"] != _KINDS[algorithm[:2]] or key.get("alg", algorithm) != algorithm:
        return False
    return key["kty"] != "EC" or key.get("crv") == _CURVES[algorithm]
