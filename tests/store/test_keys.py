"""server/store/keys.py: secrets, their owners, and revocation from another process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from server.exchange import Caller, Scope
from server.store import Store
from server.store.keys import digest_of, new_secret


def _wait_for(store: Store, secret: str, known: bool) -> Caller | None:
    """The caller as soon as the writer has seen the change; the assertion afterwards fails if it never does."""
    until = time.monotonic() + 10
    while (store.caller_for(secret) is not None) != known and time.monotonic() < until:
        time.sleep(0.02)
    return store.caller_for(secret)


def test_a_key_speaks_for_its_owner(store: Store, path: Path) -> None:
    beside = Store.open(path)
    secret, info = beside.issue_key(
        "acme", "bot", ["runs", "call", "call"], user="alice", roles=("b", "a", "a"), speaks_for_user=True, label="x"
    )
    caller = _wait_for(store, secret, known=True)
    assert caller is not None
    assert caller.scopes == {Scope.CALL, Scope.RUNS}
    assert (caller.principal.tenant, caller.principal.agent, caller.principal.user) == ("acme", "bot", "alice")
    assert caller.principal.roles == {"a", "b"}
    assert caller.key_id == info.id
    assert caller.speaks_for_user
    assert beside.list_keys() == [info]
    assert info.roles == ("a", "b")


def test_a_key_revoked_elsewhere_stops_working(store: Store, path: Path) -> None:
    beside = Store.open(path)
    secret, info = beside.issue_key("acme", "bot", ["call"])
    other, _ = beside.issue_key("acme", "other", ["call"])
    assert _wait_for(store, secret, known=True) is not None
    assert beside.revoke_key(info.id)
    assert _wait_for(store, secret, known=False) is None
    assert store.caller_for(other) is not None
    (first, _) = beside.list_keys()
    assert first.revoked_at is not None
    assert beside.revoke_key(info.id)
    assert beside.list_keys()[0] == first
    assert not beside.revoke_key("key-unknown")


def test_what_is_not_a_key_is_nobody(store: Store) -> None:
    secret, _ = store.issue_key("acme", "bot", ["call"])
    assert _wait_for(store, secret, known=True) is not None
    for text in ("", secret[:-1], secret + "x", secret.swapcase(), "lw-" + "\udc80" * 43, "xx-" + secret[3:]):
        assert store.caller_for(text) is None


def test_scopes_must_exist(store: Store) -> None:
    with pytest.raises(ValueError, match="everything"):
        store.issue_key("acme", "bot", ["everything"])
    assert store.list_keys() == []


def test_the_file_holds_no_secret(store: Store, path: Path) -> None:
    secret, _ = store.issue_key("acme", "bot", ["call"])
    store.close()
    assert secret.encode() not in path.read_bytes()
    assert digest_of(secret) in path.read_bytes()


def test_secrets_have_one_shape_and_never_repeat() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(text.startswith("lw-") and len(text) == 46 for text in secrets)
