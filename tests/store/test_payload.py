"""server/store/payload.py: see test_redaction.py for what is kept; here, that each seal is of one call only."""

from __future__ import annotations

from server.store import sealed


def test_equal_arguments_cannot_be_linked_by_their_digests() -> None:
    seals = [sealed({"to": "alice"}) for _ in range(20)]
    assert len({seal.arguments for seal in seals}) == len({seal.payload.salt for seal in seals}) == 20
    assert {len(seal.payload.salt) for seal in seals} == {16}
    assert {seal.payload.arguments for seal in seals} == {b'{"to":"alice"}'}


def test_what_a_rewrite_made_is_sealed_beside_what_came() -> None:
    seal = sealed({"to": "alice", "password": "hunter2"}, {"to": "bob", "password": "hunter3"}, b"s" * 16)
    assert seal.released == sealed({"to": "bob", "password": "hunter3"}, salt=b"s" * 16).arguments
    assert seal.released != seal.arguments
    assert seal.payload.arguments == b'{"to":"alice","password":"[redacted]"}'
    assert seal.payload.released == b'{"to":"bob","password":"[redacted]"}'
