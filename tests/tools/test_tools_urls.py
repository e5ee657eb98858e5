"""server/tools/urls.py: the corpus of spellings, and that nothing is read which other readers take elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.tools import ToolFault, read_url

CASES: dict[str, list[Any]] = yaml.safe_load((Path(__file__).parent / "urls.yaml").read_text())
ALPHABET = "ahtps:/.@\\%2eE0x17[]?#-_ \t\n;&=ü\uff0e"


@pytest.mark.parametrize("case", CASES["read"], ids=lambda case: str(case["url"]))
def test_what_is_read(case: dict[str, str]) -> None:
    url = read_url(case["url"])
    assert (url.authority, url.target) == (case["authority"], case["target"])


@pytest.mark.parametrize("text", CASES["refused"], ids=repr)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ToolFault) as fault:
        read_url(text)
    assert fault.value.code == "url-refused"
    assert not text.strip("/ ") or text not in fault.value.message


def test_a_url_may_be_long_but_not_endless() -> None:
    read_url("https://a.example/" + "a" * 7000)
    with pytest.raises(ToolFault):
        read_url("https://a.example/" + "a" * 8000)
    with pytest.raises(ToolFault):
        read_url("https://" + "a." * 130 + "example/")


def agree(text: str) -> None:
    """Where we read a URL, the standard library and httpx read the same place."""
    try:
        url = read_url(text)
    except ToolFault:
        return
    parts, other = urlsplit(text), httpx.URL(text)
    assert parts.scheme == other.scheme == url.scheme
    assert (parts.hostname, parts.username, parts.fragment) == (url.host, None, "")
    assert (other.host, other.userinfo) == (url.host, b"")
    assert url.port == (parts.port or {"http": 80, "https": 443}[url.scheme])
    assert other.port in (None, url.port)
    assert other.raw_path.decode() == url.target


@given(st.text(ALPHABET, max_size=30))
def test_every_reader_agrees_on_what_is_read(rest: str) -> None:
    agree("https://" + rest)
    agree("https://api.example" + rest)
    agree("https://api.example/" + rest)


@given(st.sampled_from([case["url"] for case in CASES["read"]]), st.integers(0, 60), st.sampled_from(ALPHABET))
def test_every_reader_agrees_after_one_change(text: str, place: int, character: str) -> None:
    agree(text[:place] + character + text[place:])
    agree(text[:place] + character + text[place + 1 :])
