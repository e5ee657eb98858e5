"""Keys of policy bundles: Ed25519 (RFC 8032). The private half lies in a file of its owner's, the public half in the
settings of every gate.

A public key is written `ed25519:` and 43 characters of unpadded url-safe base64; its fingerprint, by which a signature
names it, is `sha256:` and the hexadecimal digest of its 32 bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .refusals import BundleRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX: Final = "ed25519:"
SIGNATURE_BYTES: Final = 64
_MOST_OF_A_KEY_FILE: Final = 4096
_READ_BY_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyRefused(Exception):
    """A key that cannot be read, made or trusted; the message names the file, never what is in it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a key: 32 bytes."""

    raw: bytes

    @classmethod
    def read(cls, text: str) -> PublicKey:
        """Raises ValueError for what is no public key, and for one that is written in another way than `text`."""
        raw = base64.urlsafe_b64decode(text.removeprefix(PREFIX) + "=")
        if len(raw) != 32 or cls(raw).text != text:
            raise ValueError("is no Ed25519 key: `ed25519:` and 43 characters, as `leastward policy keygen` prints it")
        return cls(raw)

    @property
    def text(self) -> str:
        return PREFIX + base64.urlsafe_b64encode(self.raw).decode().rstrip("=")

    @property
    def fingerprint(self) -> str:
        return f"sha256:{hashlib.sha256(self.raw).hexdigest()}"

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the owner of this key signed `message`."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """The private half, in memory."""

    secret: Ed25519PrivateKey

    @classmethod
    def make(cls, path: Path) -> SigningKey:
        """A new key in a new file (PKCS #8, PEM, as `openssl genpkey` writes it) that only its owner may read."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        secret = Ed25519PrivateKey.generate()
        pem = secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise KeyRefused(f"the key file `{path.name}` cannot be made: {error.strerror}") from error
        return cls(secret)

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """Raises KeyRefused, also for a file that others than its owner may read, as ssh does."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _READ_BY_OTHERS:
                    raise KeyRefused(f"others may read the key file `{path.name}`: its mode should be 0600")
                secret = load_pem_private_key(file.read(_MOST_OF_A_KEY_FILE), None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyRefused(f"the key file `{path.name}` cannot be read") from error
        if not isinstance(secret, Ed25519PrivateKey):
            raise KeyRefused(f"the key file `{path.name}` holds no Ed25519 key")
        return cls(secret)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.secret.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message)


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """The public keys of the settings, by the names that people gave them."""

    named: Mapping[str, PublicKey]

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> TrustedKeys:
        """Raises ValueError, naming the key."""
        named: dict[str, PublicKey] = {}
        for name, text in texts.items():
            try:
                named[name] = PublicKey.read(text)
            except ValueError as error:
                raise ValueError(f"`{name}` is no Ed25519 key, as `leastward policy keygen` prints one") from error
        if len(set(named.values())) < len(named):
            raise ValueError("two names have the same key: a key is taken back by one name")
        return cls(named)

    def name_of(self, fingerprint: str) -> str | None:
        """None for a key that is not trusted, or not any more."""
        return next((name for name, key in self.named.items() if key.fingerprint == fingerprint), None)

    def signers(self, message: bytes, signatures: Mapping[str, bytes]) -> tuple[str, ...]:
        """The names of those who signed, sorted. Raises BundleRefused where no trusted key did, or where a signature
        that says it is a trusted key's is not; those of unknown keys prove nothing and are left alone."""
        names = []
        for fingerprint, signature in signatures.items():
            name = self.name_of(fingerprint)
            if name is None:
                continue
            if not self.named[name].holds(signature, message):
                raise BundleRefused("bad-signature", f"the signature of `{name}` does not hold")
            names.append(name)
        if not names:
            raise BundleRefused("untrusted-bundle", "no key of `policies.trusted_keys` signed this bundle")
        return tuple(sorted(names))
