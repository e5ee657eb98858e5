"""The settings of the MCP gateway. `server.mcp`, and the SDK below it, is imported only where a server is named."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from .settings_part import CaFile, Part, Seconds

_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
"""No `__`: it stands between a server and its tool where all servers have one address."""


class McpServerSettings(Part):
    """One MCP server: an address (`url`) or a process (`command`)."""

    url: str | None = Field(default=None, description="Its Streamable HTTP address, `http://127.0.0.1:8000/mcp`.")
    api_key: SecretStr | None = Field(default=None, description="Sent as `Authorization: Bearer`; use `${NAME}`.")
    headers: dict[str, SecretStr] = Field(default={}, description="Further headers of every request to `url`.")
    ca_file: CaFile | None = Field(default=None, description="Certificates to trust in place of the system's.")
    command: str | None = Field(default=None, description="The program to start, which speaks MCP on its pipes.")
    args: list[str] = Field(default=[], description="Its arguments.")
    env: dict[str, SecretStr] = Field(
        default={}, description="Its environment, besides `PATH`, `HOME` and the like; nothing else is inherited."
    )
    cwd: str | None = Field(default=None, description="The folder it runs in.")
    protocol: Literal["auto", "2026-07-28", "2025-11-25"] = Field(
        default="auto", description="The version to speak; `auto` asks, and falls back to the handshake."
    )
    shared: bool = Field(
        default=False,
        description="All runs use one session or process. Only for a server that remembers nothing between calls.",
    )
    questions: list[Literal["elicitation", "sampling", "roots"]] = Field(
        default=[],
        description="What the server may ask of a client that can be asked: forms for its user, texts of its model, "
        "its folders. Each answer is decided like a call (docs/mcp.md, Questions of a server).",
    )
    logging: bool = Field(default=False, description="The server's log messages reach clients that ask for them.")
    subscriptions: bool = Field(
        default=False, description="Clients hear when a resource or a list of the server changes."
    )
    timeout: Seconds = Field(default=300.0, description="Longest time for one request, in seconds.")
    connect_timeout: Seconds = Field(default=15.0, description="Longest time to reach it and agree on a version.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("an MCP server has a `url` or a `command`")
        if self.url is None and (self.api_key is not None or self.headers or self.ca_file is not None):
            raise ValueError("`api_key`, `headers` and `ca_file` belong to a `url`")
        if self.command is None and (self.args or self.env or self.cwd is not None):
            raise ValueError("`args`, `env` and `cwd` belong to a `command`")
        return self


class McpSettings(Part):
    """The MCP gateway (docs/mcp.md). Off unless a server is named."""

    servers: dict[str, McpServerSettings] = Field(default={}, description=(McpServerSettings.__doc__ or ""))
    pins: str = Field(
        default="mcp-pins.json",
        description="File of accepted tools, from before they stood in the database; taken over.",
    )
    accepts: Literal["first-look", "person"] = Field(
        default="first-look",
        description="Who accepts a server's tools: the first look at it, or a person (`leastward mcp pins accept`).",
    )
    origins: list[str] = Field(
        default=[], description="Web pages (`https://host`) whose browsers may call; other browsers are refused."
    )

    @field_validator("servers")
    @classmethod
    def _plain_names(cls, servers: dict[str, McpServerSettings]) -> dict[str, McpServerSettings]:
        for name in servers:
            if not _NAME.fullmatch(name) or len(name) > 32:
                raise ValueError(
                    f"`{name}`: a name has lower-case letters, digits, and single `-` or `_` between, at most 32"
                )
        return servers

    @field_validator("origins")
    @classmethod
    def _origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or f"{parts.scheme}://{parts.netloc}" != origin
                or not parts.netloc
            ):
                raise ValueError("an origin is written `https://host`, with a port where it is not the usual one")
        return origins
