"""server/console: the files as anybody gets them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from server import console
from server.console import PAGES, page

POLICY = "language 1\nallow read(path)\n"


def test_what_is_public() -> None:
    assert sorted(console.__all__) == ["PAGES", "page"]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_but_its_own_files_may_run_on_it(path: str) -> None:
    headers = page(path).headers
    allowed = dict(one.partition(" ")[::2] for one in headers["content-security-policy"].split("; "))
    assert allowed["default-src"] == "'none'"
    assert {allowed[kind] for kind in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert {allowed[kind] for kind in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}
    assert allowed["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_over_http_without_a_key(start_gate: Any, outside: Any) -> None:
    gate = start_gate(POLICY)
    stranger = outside.client(gate.port, None)
    for path, found in PAGES.items():
        answer = stranger.ask("GET", path)
        assert answer.status == 200
        assert answer.headers["content-type"] == found.content_type
        assert answer.headers["content-security-policy"] == page(path).headers["content-security-policy"]
        assert answer.body == page(path).body
        assert stranger.ask("POST", path, {}).status == 405
    assert stranger.ask("GET", "/console/index.html").status == 404
    assert stranger.ask("GET", "/v1/approvals").status == 401, "the page is for all, what it shows is not"


def test_the_document_names_its_files_and_holds_no_script_of_its_own() -> None:
    document = page("/").body.decode()
    assert set(re.findall(r'(?:src|href)="([^"]*)"', document)) == set(PAGES) - {"/"}
    assert re.findall(r"<script[^>]*>(.*?)</script>", document, re.DOTALL) == [""]
    assert not re.search(r'<style|style="|\son[a-z]+="|javascript:', document)


def test_words_reach_the_document_as_text_alone() -> None:
    script = page("/console/approvals.js").body.decode()
    sinks = ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "DOMParser", "srcdoc")
    assert [one for one in (*sinks, ".href", "Storage", "cookie") if one in script] == []
    assert "textContent" in script
