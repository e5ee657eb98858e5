"""An issuer of tokens: real keys, its JWKS document, and tokens that it signs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

NOW = 1_790_000_000.0
ISS = "https://issuer.example"
MAKERS = {"RS": RSAAlgorithm, "PS": RSAAlgorithm, "ES": ECAlgorithm, "Ed": OKPAlgorithm}


def _key(algorithm: str) -> Any:
    if algorithm[:2] in ("RS", "PS"):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ES384":
        return ec.generate_private_key(ec.SECP384R1())
    return ed25519.Ed25519PrivateKey.generate()


@dataclass
class SigningIssuer:
    """`private` by key id, with the algorithm that each is for."""

    private: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def add(self, kid: str, algorithm: str = "ES256") -> None:
        self.private[kid] = (algorithm, _key(algorithm))

    def document(self) -> bytes:
        return json.dumps({"keys": [self.jwk(kid) for kid in self.private]}).encode()

    def jwk(self, kid: str) -> dict[str, Any]:
        algorithm, private = self.private[kid]
        public = json.loads(MAKERS[algorithm[:2]].to_jwk(private.public_key()))
        return {**public, "kid": kid, "alg": algorithm, "use": "sig"}

    def token(self, kid: str = "one", header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token but for what is said here; a claim of None is left out."""
        algorithm, private = self.private[kid]
        said = {"iss": ISS, "aud": "leastward", "exp": int(NOW) + 600, "azp": "bot", "sub": "ann", **claims}
        told = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(told, private, algorithm=algorithm, headers={"kid": kid, **(header or {})})

    def signed(self, head: bytes, body: bytes, kid: str = "one") -> str:
        """A token of exactly these bytes, properly signed."""
        algorithm, private = self.private[kid]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (head, body))
        signature = jwt.algorithms.get_default_algorithms()[algorithm].sign(text, private)
        return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.fixture
def issuer() -> SigningIssuer:
    made = SigningIssuer()
    made.add("one")
    return made


@pytest.fixture
def issuer_of() -> Callable[..., SigningIssuer]:
    def made(**keys: str) -> SigningIssuer:
        issuer = SigningIssuer()
        for kid, algorithm in keys.items():
            issuer.add(kid, algorithm)
        return issuer

    return made


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def iss() -> str:
    return ISS
