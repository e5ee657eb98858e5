"""Where an issuer's keys are read: a file, the address of a JWKS document, or what the issuer's own metadata names
(OpenID Connect Discovery 1.0 section 4)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from policy_dsl import StrictJsonError, parse_json
from server.upstream import Upstream

from .keys import BadKeySet
from .watch import Read

MOST_BYTES: Final = 1 << 20
SECONDS: Final = 10.0
DISCOVERY: Final = "/.well-known/openid-configuration"


def from_file(path: Path) -> Read:
    async def read() -> bytes:
        return await asyncio.to_thread(path.read_bytes)

    return read


def from_url(name: str, url: str, ca_file: str | None = None) -> Read:
    """Raises ValueError for an address that is not a plain http or https URL with a path."""
    parts = urlsplit(url)
    site, path = Upstream(name, f"{parts.scheme}://{parts.netloc}", ca_file=ca_file), parts.path
    if not path or parts.query or parts.fragment:
        raise ValueError("the address of a key set is a URL with a path and nothing behind it")

    async def read() -> bytes:
        return await _get(site, path)

    return read


def discovered(name: str, issuer: str, ca_file: str | None = None) -> Read:
    """Raises ValueError for an issuer that is no URL."""
    about = from_url(name, issuer.rstrip("/") + DISCOVERY, ca_file)

    async def read() -> bytes:
        try:
            tree: Any = parse_json(await about(), numbers="kept")
        except StrictJsonError as error:
            raise BadKeySet("the issuer's metadata is not strict JSON") from error
        if not isinstance(tree, dict) or tree.get("issuer") != issuer or not isinstance(tree.get("jwks_uri"), str):
            raise BadKeySet("the issuer's metadata is not its own, or names no keys")
        if urlsplit(tree["jwks_uri"]).scheme != urlsplit(issuer).scheme:
            raise BadKeySet("the issuer's keys stand at another scheme than its metadata")
        try:
            return await from_url(name, tree["jwks_uri"], ca_file)()
        except ValueError as error:
            raise BadKeySet(str(error)) from error

    return read


async def _get(site: Upstream, path: str) -> bytes:
    deadline = time.monotonic() + SECONDS
    try:
        reply = await site.get(path, deadline=deadline)
        body = await reply.read(MOST_BYTES)
    finally:
        site.close()
    if reply.status != 200:
        raise BadKeySet(f"the key set's address answered with status {reply.status}")
    return body
