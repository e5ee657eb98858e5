"""policy_dsl/values/host.py: host names in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl.values import host


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM", "api.example.com"),
        ("localhost", "localhost"),
        ("a-b.c--d.e", "a-b.c--d.e"),
        ("1and1.example", "1and1.example"),
        ("3.example", "3.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("a" * 64 + ".example", None),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),
        (".".join(["a" * 49] * 5) + ".abcd", None),
        ("", None),
        (".", None),
        ("a.", None),
        (".a", None),
        ("a..b", None),
        ("-a.example", None),
        ("a-.example", None),
        ("a_b.example", None),
        ("xn--a.example", None),
        ("a.xn--b", None),
        ("XN--a.example", None),
        ("127.0.0.1", None),
        ("127.1", None),
        ("2130706433", None),
        ("0x7f.1", None),
        ("a.0x7f", None),
        ("a.0x", None),
        ("a.1", None),
        ("a.1b", "a.1b"),
        ("a.0xg", "a.0xg"),
        ("[::1]", None),
        ("a b", None),
        ("a\n", None),
        ("a\u3002example", None),
        ("ex\u212ample.com", None),
    ],
)
def test_canonical(text: str, want: str | None) -> None:
    assert host.canonical(text) == want


@given(st.text(st.characters(codec=None)))
def test_total_and_settled(text: str) -> None:
    name = host.canonical(text)
    assert name is None or host.canonical(name) == name


@pytest.mark.parametrize(
    ("name", "exactly", "below"),
    [
        ("example.com", True, True),
        ("a.example.com", False, True),
        ("a.b.example.com", False, True),
        ("notexample.com", False, False),
        ("example.com.evil", False, False),
        ("com", False, False),
    ],
)
def test_listed(name: str, exactly: bool, below: bool) -> None:
    listed = frozenset({"example.com"})
    assert host.is_listed(name, listed, subdomains=False) is exactly
    assert host.is_listed(name, listed, subdomains=True) is below
