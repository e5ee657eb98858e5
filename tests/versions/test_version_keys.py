"""server/versions/keys.py: key files for their owner alone, public halves with one spelling."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.versions import KeyRefused, PublicKey, SigningKey, TrustedKeys


def test_a_key_file_is_its_owners_alone_and_never_over_another_one(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = SigningKey.make(tmp_path / "k.pem")
    finally:
        os.umask(before)
    assert (tmp_path / "k.pem").stat().st_mode & 0o777 == 0o600
    assert SigningKey.read(tmp_path / "k.pem").public == made.public
    with pytest.raises(KeyRefused, match="File exists"):
        SigningKey.make(tmp_path / "k.pem")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRefused):
        SigningKey.make(tmp_path / "link")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_touch_is_not_used(tmp_path: Path, mode: int) -> None:
    SigningKey.make(tmp_path / "k.pem")
    (tmp_path / "k.pem").chmod(mode)
    with pytest.raises(KeyRefused, match="0600"):
        SigningKey.read(tmp_path / "k.pem")


def test_a_file_that_holds_no_such_key_is_refused_without_repeating_it(tmp_path: Path) -> None:
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    locked = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    for content in (b"", b"secret words", curve, locked):
        path = tmp_path / "k.pem"
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_bytes(content)
        with pytest.raises(KeyRefused) as refused:
            SigningKey.read(path)
        assert "secret" not in str(refused.value)
    with pytest.raises(KeyRefused, match="cannot be read"):
        SigningKey.read(tmp_path / "none.pem")


def test_openssl_reads_what_is_made(tmp_path: Path) -> None:
    SigningKey.make(tmp_path / "k.pem")
    try:
        said = subprocess.run(["openssl", "pkey", "-in", tmp_path / "k.pem", "-noout", "-text"], capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl here")
    assert b"ED25519" in said.stdout.upper()


def test_a_public_key_has_one_spelling(key: SigningKey) -> None:
    text = key.public.text
    assert PublicKey.read(text) == key.public
    unused_bits = text[:-1] + chr(ord(text[-1]) + 1)
    for wrong in (text[8:], text + "=", text[:-1], text.upper(), unused_bits, " " + text, "ed25519:", "", "ed25519:é"):
        with pytest.raises(ValueError):
            PublicKey.read(wrong)


def test_two_names_of_one_key_are_a_mistake(key: SigningKey, other_key: SigningKey) -> None:
    with pytest.raises(ValueError, match="two names"):
        TrustedKeys.read({"a": key.public.text, "b": key.public.text})
    with pytest.raises(ValueError, match="`b`"):
        TrustedKeys.read({"a": key.public.text, "b": "ed25519:x"})
    both = TrustedKeys.read({"a": key.public.text, "b": other_key.public.text})
    assert both.name_of(other_key.public.fingerprint) == "b"
    assert both.name_of("sha256:0") is None
