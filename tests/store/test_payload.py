"""server/store/payload.py: see test_redaction.py for what is kept; here, that each seal is of one call only."""

from __future__ import annotations

from server.store import sealed


def test_equal_arguments_cannot_be_linked_by_their_digests() -> None:
    seals = [sealed({"to": "alice"}) for _ in range(20)]
    assert len({digest for digest, _ in seals}) == len({payload.salt for _, payload in seals}) == 20
    assert {len(payload.salt) for _, payload in seals} == {16}
    assert {payload.arguments for _, payload in seals} == {b'{"to":"alice"}'}
