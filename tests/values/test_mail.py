"""policy_dsl/values/mail.py: one bare address, and its domain."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import host, mail

CORPUS = {"test_corpus": "mail"}


def test_corpus(case: Any) -> None:
    domain = mail.address_domain(case.value)
    listed = frozenset(case.written)
    assert (domain is not None and host.is_listed(domain, listed, subdomains=case.kind == "under")) is case.want


@given(st.text(st.characters(codec=None)))
def test_total(text: str) -> None:
    domain = mail.address_domain(text)
    assert domain is None or text.lower().endswith("@" + domain)


@given(st.from_regex(r"[a-z.@%!\"()<>,:;\\\[\] -]{0,40}", fullmatch=True))
def test_an_address_has_one_at_sign_and_no_way_of_routing(text: str) -> None:
    if mail.address_domain(text) is not None:
        assert text.count("@") == 1
        assert not set(text) & set('%!"()<>,:;\\[] ')


def test_long_texts_are_refused_at_once() -> None:
    assert mail.address_domain("a" * 10_000_000 + "@corp.example") is None
    assert mail.address_domain("a." * 5_000_000) is None
