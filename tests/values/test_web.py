"""policy_dsl/values/web.py: one plain https URL, and its host."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import host, web

CORPUS = {"test_corpus": "web"}


def test_corpus(case: Any) -> None:
    name = web.https_host(case.value)
    listed = frozenset(case.written)
    assert (name is not None and host.is_listed(name, listed, subdomains=case.kind == "under")) is case.want


@given(st.text(st.characters(codec=None)))
def test_total(text: str) -> None:
    assert web.https_host(text) is None
    web.https_host("https://a.example/" + text)


@given(st.from_regex(r"https://[a-zA-Z0-9.@:\\/#?%\[\]_ -]{0,30}", fullmatch=True))
def test_what_is_read_has_one_reading(text: str) -> None:
    name = web.https_host(text)
    if name is not None:
        parts = urlsplit(text)
        assert (parts.scheme, parts.hostname, parts.username) == ("https", name, None)
        assert parts.port in (None, 443)


def test_long_texts() -> None:
    assert web.https_host("https://a.example/" + "a%20" * 2_000_000) == "a.example"
    assert web.https_host("https://a.example/" + "a%20" * 2_000_000 + " ") is None
    assert web.https_host("https://" + "a." * 2_000_000) is None
