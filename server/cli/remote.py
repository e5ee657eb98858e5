"""A running gate, asked over HTTP with a key."""

from __future__ import annotations

import argparse
import os
from typing import Any

from .errors import CalledWrongly, ProblemFound

KEY_VARIABLE = "LEASTWARD_KEY"
EXAMPLE = "http://127.0.0.1:4747"
SECONDS = 30.0


def add_remote_options(parser: argparse.ArgumentParser, *, always: bool = False) -> None:
    """`always` is for verbs that know no other way than to ask a gate."""
    says = (
        "the gate (default: that of the leastward.yaml here)" if always else "a running gate to ask, not the databases"
    )
    parser.add_argument("--url", metavar="URL", help=says)
    parser.add_argument(
        "--key", metavar="KEY", help=f"its API key; else the variable {KEY_VARIABLE}, which no list of processes shows"
    )


def ask(options: argparse.Namespace, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """POST to the gate at `--url`. What it refuses ends the verb with its own sentence."""
    return _exchange(options, "POST", path, body)


def look(options: argparse.Namespace, path: str) -> dict[str, Any]:
    """As `ask`, by GET."""
    return _exchange(options, "GET", path, None)


def _exchange(options: argparse.Namespace, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    import http.client
    import json
    from contextlib import closing
    from urllib.parse import urlsplit

    key = options.key or os.environ.get(KEY_VARIABLE, "")
    address = _here() if options.url is None else options.url
    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise CalledWrongly(f"`{address}` is not the address of a gate, as `{EXAMPLE}` is")
    if not key:
        raise CalledWrongly(f"a key of the gate is needed, in the variable {KEY_VARIABLE} or as --key")
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        with closing(kind(url.hostname, url.port, timeout=SECONDS)) as line:
            data = None if body is None else json.dumps(body).encode()
            line.request(method, url.path.rstrip("/") + path, data, headers)
            answer = line.getresponse()
            tree = json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or error
        raise ProblemFound(f"the gate at `{address}` cannot be asked: {why}; --url names another one") from error
    if answer.status != 200:
        raise ProblemFound(_said(tree, answer.status))
    if not isinstance(tree, dict):
        raise ProblemFound("the gate did not answer with an object")
    return tree


def _here() -> str:
    """Where a gate listens that is started here."""
    from .configuration import read_settings

    listen = read_settings(None).listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 (it is asked, not bound)
    return f"http://[{host}]:{listen.port}" if ":" in host else f"http://{host}:{listen.port}"


def _said(tree: Any, status: int) -> str:
    error = tree.get("error") if isinstance(tree, dict) else None
    return f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else f"the gate answered {status}"
