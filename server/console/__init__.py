"""The console: a page for the people who answer the calls that wait.

- page: a file of this package, the same for everybody; it holds no word of any agent and no secret
- key: what a person types into the page; kept in the page's memory, sent with each of its requests, stored nowhere

    browser -> GET / -> page -> its script -> GET and POST /v1/approvals, with the key -> server/routes_approvals.py

The script is a client of the HTTP API like any other and may do what its key may. What agents chose reaches the
document as text alone (`textContent`); the policy in the headers (Content Security Policy Level 3) lets nothing else
run, and no other page show this one in a frame.
"""

from __future__ import annotations

from .pages import PAGES, page

__all__ = ["PAGES", "page"]
