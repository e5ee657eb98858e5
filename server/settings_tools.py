"""The settings of HTTP tools: servers by name, what they offer, and where their requests may go."""

from __future__ import annotations

import ipaddress
import re
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from .settings_part import CaFile, Part, Seconds

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TOOL = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")


class ToolServerSettings(Part):
    """One server of HTTP tools (docs/http-tools.md): `openapi`, `posts` or `fetch` says which tools it has."""

    url: str | None = Field(
        default=None, description="Base URL of its operations, for example `https://api.example/v1`."
    )
    openapi: str | None = Field(default=None, description="File of its OpenAPI 3 document, JSON or YAML.")
    operations: list[str] = Field(
        default=["*"], description="Globs of the operations that are offered, by name; the others do not exist."
    )
    posts: dict[str, str] = Field(
        default={}, description="Tool to path, for tools that take their arguments as a JSON body by POST."
    )
    fetch: bool = Field(default=False, description="Offer the tool `fetch`: GET of a URL that the agent names.")
    headers: dict[str, SecretStr] = Field(
        default={}, description="Headers that the gate sends along, credentials above all; use `${NAME}`."
    )
    query: dict[str, SecretStr] = Field(default={}, description="Members of the query that the gate sends along.")
    networks: list[str] = Field(
        default=[], description="Networks that are not public and may be reached, for example `10.1.0.0/16`."
    )
    ports: list[int] = Field(default=[443], description="Ports that URLs of agents and redirects may name.")
    plain_http: bool = Field(default=False, description="Whether URLs of agents and redirects may be `http`.")
    redirects: int = Field(default=3, ge=0, le=10, description="Redirects of one call, each decided as a new call.")
    connect_timeout: Seconds = Field(default=5.0, description="Name, TCP and TLS together, in seconds.")
    timeout: Seconds = Field(default=60.0, description="A whole exchange with the server, in seconds.")
    answer_bytes: int = Field(
        default=1024 * 1024, ge=1, le=64 * 1024 * 1024, description="Bytes of an answer; a larger one is refused."
    )
    ca_file: CaFile | None = Field(default=None, description="Certificates to trust in place of the system's.")

    @field_validator("networks")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError:
                raise ValueError("a network is written as `10.1.0.0/16` or `fd00::/8`") from None
        return networks

    @field_validator("ports")
    @classmethod
    def _are_ports(cls, ports: list[int]) -> list[int]:
        if not all(1 <= port <= 65_535 for port in ports):
            raise ValueError("a port is a number from 1 to 65535")
        return ports

    @field_validator("posts")
    @classmethod
    def _are_tools_at_paths(cls, posts: dict[str, str]) -> dict[str, str]:
        for tool, path in posts.items():
            if not _TOOL.fullmatch(tool) or not _PATH.fullmatch(path):
                raise ValueError("a tool is a plain name, and its path is as `/send`")
        return posts

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Self:
        if self.fetch:
            if self.url or self.openapi or self.posts or self.headers or self.query:
                # A redirect or a URL of the agent's own must never carry what is meant for one server.
                raise ValueError("a server with `fetch` has no `url`, no other tools and nothing to send along")
        elif self.url is None or not (self.openapi or self.posts):
            raise ValueError("a server has a `url`, and `openapi` or `posts`; or it has `fetch`")
        return self


def check_names(servers: dict[str, ToolServerSettings]) -> dict[str, ToolServerSettings]:
    """Names stand in paths and in policies. Raises ValueError."""
    for name in servers:
        if not _NAME.fullmatch(name):
            raise ValueError("a name has lower-case letters, digits, `-` and `_`, at most 64")
    return servers
