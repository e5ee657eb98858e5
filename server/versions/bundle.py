"""A bundle: the files of one policy in one JSON document, under a signed manifest.

    {"files": {PATH: TEXT, ...}, "manifest": TEXT, "signatures": {FINGERPRINT: BASE64, ...}}

The manifest is canonical JSON as text. Signed is DSSE's pre-authentication encoding of it and of its type, so that a
signature that was made for something else is none here (CVE-2022-35929). It is verified before the manifest is read,
and what is read is the very text that was signed. The manifest names every file with its length and SHA-256.

There is no archive, so no links, no special files and nothing that grows when it is unpacked: a path is a name inside
the document, and is never opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from policy_dsl import StrictJsonError, encode_json, strict_json

from .keys import SIGNATURE_BYTES, SigningKey, TrustedKeys
from .refusals import BundleRefused

FORMAT: Final = "leastward.policy/1"
PAYLOAD_TYPE: Final = "application/vnd.leastward.policy+json"

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a whole bundle: what a request body may have by default."""

MOST_FILES: Final = 256
MOST_SIGNATURES: Final = 16
MOST_SERIAL: Final = 2**53 - 1

_SEGMENT: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}"
_PATH: Final = re.compile(rf"(?:{_SEGMENT}/){{0,8}}{_SEGMENT}\.(?:lw|json)")
"""Relative, without `.`, `..`, empty or hidden segments, in ASCII: one spelling of one file on every system."""


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a manifest: its name, its length in bytes of UTF-8, and their SHA-256 in hexadecimal."""

    bytes: int
    path: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed. `policies` are the files that were named, in their order, which decides ids of rules; `tools` is
    a tool list besides those that they use. `serial` grows with each bundle of a policy. `policy_hash` is what the
    files have to come to."""

    files: tuple[Listed, ...]
    format: str
    policies: tuple[str, ...]
    policy_hash: str
    serial: int
    tools: str | None

    def encoded(self) -> bytes:
        """The canonical text: members sorted by name, no spaces."""
        return msgspec.json.encode(self, order="sorted")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in memory. `opened` gives one whose signatures and hashes were verified; `signers` are the names of the
    trusted keys then."""

    manifest: Manifest
    files: Mapping[str, str]
    signatures: Mapping[str, bytes]
    signers: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What names this content, whoever signed it."""
        return f"sha256:{hashlib.sha256(self.manifest.encoded()).hexdigest()}"

    def signed(self, key: SigningKey) -> Bundle:
        """The same content with this key's signature besides those that there are."""
        made = key.sign(signed_text(self.manifest.encoded()))
        return replace(self, signatures={**self.signatures, key.public.fingerprint: made}, signers=())

    def encoded(self) -> bytes:
        signatures = {name: base64.b64encode(value).decode() for name, value in sorted(self.signatures.items())}
        return encode_json(
            {
                "files": dict(sorted(self.files.items())),
                "manifest": self.manifest.encoded().decode(),
                "signatures": dict(signatures),
            }
        )


def signed_text(manifest: bytes) -> bytes:
    """What a signature is made over (DSSE 1.0, PAE)."""
    return f"DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} {len(manifest)} ".encode() + manifest


def listed(path: str, text: str) -> Listed:
    data = text.encode()
    return Listed(path=path, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def opened(data: bytes, trusted: TrustedKeys) -> Bundle:
    """The bundle that `data` spells, whole and signed by a trusted key. Raises BundleRefused for everything else."""
    files, text, signatures = _envelope(data)
    signers = trusted.signers(signed_text(text), signatures)
    return _whole(text, files, signatures, signers)


def unverified(data: bytes) -> Bundle:
    """As `opened`, for the author who adds a signature: whole, whoever signed it. It is fit for nothing else."""
    files, text, signatures = _envelope(data)
    return _whole(text, files, signatures, ())


def checked_names(paths: tuple[str, ...]) -> None:
    """Raises BundleRefused for a name that is no plain relative path, or that two files have on some system."""
    for path in paths:
        if not _PATH.fullmatch(path):
            kinds = "letters, digits, `.`, `-`, `_` and `/`, then `.lw` or `.json`"
            raise BundleRefused("bad-path", f"{_shown(path)} is no name of a file in a bundle: {kinds}")
    folded = [path.casefold() for path in paths]
    if len(set(folded)) < len(folded):
        raise BundleRefused("bad-path", "two files of the bundle have one name")


# --- inside -----------------------------------------------------------------------------------------------------------


def _envelope(data: bytes) -> tuple[dict[str, str], bytes, dict[str, bytes]]:
    if len(data) > MOST_BYTES:
        raise BundleRefused("bundle-too-large", f"a bundle has at most {MOST_BYTES} bytes")
    try:
        tree = strict_json.parse(data)
    except StrictJsonError as error:
        raise _unreadable(f"is not strict JSON: {error.message}") from error
    if not isinstance(tree, dict) or tree.keys() != {"files", "manifest", "signatures"}:
        raise _unreadable("is an object of `files`, `manifest` and `signatures`")
    files, text = tree["files"], tree["manifest"]
    if not isinstance(text, str) or not isinstance(files, dict):
        raise _unreadable("has a manifest that is text, and files by their names")
    if len(files) > MOST_FILES:
        raise BundleRefused("bundle-too-large", f"a bundle has at most {MOST_FILES} files")
    texts = {path: value for path, value in files.items() if isinstance(value, str)}
    if len(texts) < len(files):
        raise _unreadable("has files that are no text")
    return texts, text.encode(), _signatures(tree["signatures"])


def _signatures(tree: Any) -> dict[str, bytes]:
    if not isinstance(tree, dict) or len(tree) > MOST_SIGNATURES:
        raise _unreadable(f"has at most {MOST_SIGNATURES} signatures, by the fingerprints of their keys")
    found = {}
    for fingerprint, value in tree.items():
        try:
            signature = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
        except binascii.Error:
            signature = b""
        if len(signature) != SIGNATURE_BYTES or base64.b64encode(signature).decode() != value:
            raise _unreadable("has a signature that is no 64 bytes in base64")
        found[fingerprint] = signature
    return found


def _whole(text: bytes, files: Mapping[str, str], signatures: Mapping[str, bytes], signers: tuple[str, ...]) -> Bundle:
    manifest = _manifest(text)
    paths = tuple(one.path for one in manifest.files)
    checked_names(paths)
    if set(paths) != files.keys():
        raise BundleRefused("bad-hash", "the bundle has other files than its manifest names")
    for one in manifest.files:
        if listed(one.path, files[one.path]) != one:
            raise BundleRefused("bad-hash", f"`{one.path}` is not the file that was signed")
    return Bundle(manifest, dict(files), dict(signatures), signers)


def _manifest(text: bytes) -> Manifest:
    try:
        strict_json.parse(text)
        manifest = msgspec.json.decode(text, type=Manifest)
    except (StrictJsonError, msgspec.DecodeError) as error:
        raise BundleRefused("bad-manifest", "the manifest of the bundle cannot be read") from error
    if manifest.encoded() != text:
        raise BundleRefused("bad-manifest", "the manifest of the bundle is not written canonically")
    if manifest.format != FORMAT:
        raise BundleRefused("bad-manifest", f"the bundle has another format than `{FORMAT}`")
    if not 0 < manifest.serial <= MOST_SERIAL:
        raise BundleRefused("bad-manifest", f"`serial` is a number from 1 to {MOST_SERIAL}")
    named = {one.path for one in manifest.files}
    entries = [*manifest.policies, *([] if manifest.tools is None else [manifest.tools])]
    if not manifest.policies or not named.issuperset(entries) or len(set(entries)) < len(entries):
        raise BundleRefused("bad-manifest", "the manifest names each of its policies once, and among its files")
    return manifest


def _unreadable(what: str) -> BundleRefused:
    return BundleRefused("unreadable-bundle", f"a bundle {what}" if what.startswith("is an") else f"the bundle {what}")


def _shown(path: str) -> str:
    plain = unicodedata.normalize("NFKD", path).encode("ascii", "backslashreplace").decode()
    return f"`{''.join(c if c.isprintable() else '?' for c in plain[:80])}`"
