"""The settings: one `leastward.yaml`, strict, with environment variables put in and errors that name the key.

docs/configuration.md describes every key; tests/server/test_settings.py compares it with the models.

The file and the environment are read by settings_file.py; here stand the models and what is said when they refuse.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator, model_validator

from .settings_approvals import ApprovalSettings
from .settings_file import SettingsError, read_tree
from .settings_identity import IdentitySettings, IssuerSettings
from .settings_judge import JudgeSettings
from .settings_mcp import McpServerSettings, McpSettings
from .settings_memory import MemorySettings
from .settings_part import CaFile, Part, Seconds
from .settings_policies import PolicySources, VersionSettings
from .settings_tools import ToolServerSettings, check_names
from .upstream import Timeouts, Upstream

__all__ = [
    "FILE_NAME",
    "Limits",
    "MemorySettings",
    "Settings",
    "SettingsError",
    "TextCallGrammar",
    "UpstreamSettings",
    "documented_keys",
    "load_settings",
    "settings_schema",
]

FILE_NAME = "leastward.yaml"

TextCallGrammar = Literal["fenced", "hermes", "llama", "mistral", "react"]
ALL_GRAMMARS: tuple[TextCallGrammar, ...] = ("fenced", "hermes", "llama", "mistral", "react")


class Listen(Part):
    """Where the gate listens. TLS is for the proxy or the service mesh in front."""

    host: str = Field(default="127.0.0.1", description="Address to bind.")
    port: int = Field(default=4747, ge=0, le=65_535, description="Port to bind; 0 takes a free one.")
    open_loopback: bool = Field(
        default=False,
        description="Serve requests without a key, with the scopes call, runs and decide. Only on a loopback address.",
    )

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _open_only_on_loopback(self) -> Self:
        if self.open_loopback and not self.is_loopback:
            raise ValueError("`open_loopback` needs a loopback `host`: anyone who reaches the port could call tools")
        return self


class UpstreamSettings(Part):
    """One model server that speaks the OpenAI API."""

    url: str = Field(description="Base URL, for example `http://127.0.0.1:8000/v1`; request paths are appended.")
    api_key: SecretStr | None = Field(default=None, description="Sent as `Authorization: Bearer`; use `${NAME}`.")
    headers: dict[str, SecretStr] = Field(
        default={}, description="Headers of every request, such as Anthropic's `x-api-key` and `anthropic-version`."
    )
    connect_timeout: Seconds = Field(default=5.0, description="Name, TCP and TLS together, in seconds.")
    read_timeout: Seconds = Field(default=300.0, description="Longest silence while an answer is due, in seconds.")
    timeout: Seconds = Field(default=600.0, description="A whole request with all its rounds, in seconds.")
    idle_timeout: Seconds = Field(
        default=4.0, description="How long an unused connection is kept, in seconds; less than the server keeps it."
    )
    max_connections: int = Field(
        default=512, ge=1, le=65_536, description="Connections at once; further requests wait for one."
    )
    ca_file: CaFile | None = Field(default=None, description="Certificates to trust in place of the system's.")
    internalized: dict[str, str] = Field(
        default={}, description="Model to its `internalization.json`: was it taught the policy in force?"
    )
    named_by: Literal["gate", "client"] = Field(
        default="gate", description="Who says in the prompt which policy a model was taught: the gate, or its client."
    )

    def open(self, name: str) -> Upstream:
        """Raises ValueError for an address or a key that cannot be used."""
        return Upstream(
            name,
            self.url,
            None if self.api_key is None else self.api_key.get_secret_value(),
            timeouts=Timeouts(self.connect_timeout, self.read_timeout, self.idle_timeout),
            max_connections=self.max_connections,
            ca_file=self.ca_file,
            headers={name: value.get_secret_value() for name, value in self.headers.items()},
        )


class Models(Part):
    """Which upstream serves which model."""

    routes: dict[str, str] = Field(
        default={}, description="Model name or glob (`gpt-*`) to upstream; the first that fits, in the order written."
    )
    default: str | None = Field(
        default=None, description="Upstream for all other models. Not needed where there is one upstream and no route."
    )


class Refusals(Part):
    """What becomes of an answer whose calls are refused (docs/http.md)."""

    style: Literal["continue", "message", "error"] = Field(
        default="continue",
        description="`continue` tells the model and asks again, `message` tells the reader, `error` answers 403.",
    )
    rounds: int = Field(default=2, ge=0, le=8, description="How often `continue` asks again within one request.")
    per_run_limit: int = Field(
        default=50, ge=1, le=10_000, description="Refusals in one run after which no more reasons are told."
    )


class Drafts(Part):
    """Session policies, drafted from the words of users whose key speaks for them; they only tighten."""

    by: Literal["off", "entities", "model"] = Field(
        default="off", description="`entities` takes what the user named, without a model; `model` asks one."
    )
    model: str | None = Field(default=None, description="The model, as litellm names it; needs the extra `llm`.")
    base_url: str | None = Field(default=None, description="The model's server, where it is one of your own.")

    @field_validator("by", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false

    @model_validator(mode="after")
    def _a_model_is_named(self) -> Self:
        if (self.by == "model") != (self.model is not None):
            raise ValueError("`drafts.model` is named exactly where `drafts.by` is `model`")
        return self


class Limits(Part):
    """Bounds on what is read."""

    body_bytes: int = Field(
        default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024, description="Bytes of a request body, decoded."
    )
    body_seconds: Seconds = Field(default=30.0, description="Seconds from the end of the headers to that of the body.")
    gzip_ratio: int = Field(default=64, ge=1, le=1032, description="Decoded bytes per byte of a gzip request body.")
    answer_bytes: int = Field(
        default=8 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024, description="Bytes of a whole upstream answer."
    )
    connections: int = Field(default=1024, ge=1, le=65_536, description="Client connections at once.")


class Log(Part):
    """The log goes to standard error, one line of JSON per event."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")


class Settings(Part):
    """Everything in `leastward.yaml`. Relative paths are relative to the folder of that file."""

    listen: Listen = Field(default=Listen(), description=(Listen.__doc__ or ""))
    policies: PolicySources = Field(
        default=["*.lw"],
        description="Globs of the policy files, each must match at least one; or `trusted_keys`, for signed versions.",
    )
    tools: str | None = Field(
        default=None, description="File of tool schemas, besides those that policies name with `use tools`."
    )
    upstreams: dict[str, UpstreamSettings] = Field(default={}, description=(UpstreamSettings.__doc__ or ""))
    models: Models = Field(default=Models(), description=(Models.__doc__ or ""))
    database: str = Field(default="leastward.db", description="Path of the SQLite file, or `postgresql://...`.")
    lease_seconds: float = Field(
        default=2.0,
        ge=1.0,
        le=60.0,
        description="After so long without an answer of PostgreSQL nothing is released. SQLite has no lease.",
    )
    payload_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days that arguments are kept beside their Records; then they are erased.",
    )
    mode: Literal["enforce", "observe"] = Field(
        default="enforce", description="`observe` decides and records, and refuses nothing; /readyz says so."
    )
    refusals: Refusals = Field(default=Refusals(), description=(Refusals.__doc__ or ""))
    text_calls: list[TextCallGrammar] | Literal["off"] = Field(
        default=list(ALL_GRAMMARS), description="Grammars of calls written as text that are looked for, or `off`."
    )
    drafts: Drafts = Field(default=Drafts(), description=(Drafts.__doc__ or ""))
    mcp: McpSettings = Field(default=McpSettings(), description=(McpSettings.__doc__ or ""))
    http_tools: dict[str, ToolServerSettings] = Field(default={}, description=(ToolServerSettings.__doc__ or ""))
    approvals: ApprovalSettings = Field(default=ApprovalSettings(), description=(ApprovalSettings.__doc__ or ""))
    judge: JudgeSettings = Field(default=JudgeSettings(), description=(JudgeSettings.__doc__ or ""))
    identity: IdentitySettings = Field(default=IdentitySettings(), description=(IdentitySettings.__doc__ or ""))
    memory: MemorySettings = Field(default=MemorySettings(), description=(MemorySettings.__doc__ or ""))
    limits: Limits = Field(default=Limits(), description=(Limits.__doc__ or ""))
    log: Log = Field(default=Log(), description=(Log.__doc__ or ""))

    @field_validator("text_calls", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false

    @field_validator("http_tools")
    @classmethod
    def _tool_servers_have_plain_names(cls, servers: dict[str, ToolServerSettings]) -> dict[str, ToolServerSettings]:
        return check_names(servers)

    @model_validator(mode="after")
    def _versions_hold_their_tools(self) -> Self:
        if self.tools is not None and not isinstance(self.policies, list):
            raise ValueError("`tools` is for policy files: a policy version has its tool list in its bundle")
        return self

    @model_validator(mode="after")
    def _no_server_stands_twice(self) -> Self:
        for name in self.http_tools.keys() & self.mcp.servers.keys():
            raise ValueError(f"`http_tools.{name}` and `mcp.servers.{name}`: a policy could not tell their tools apart")
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        named = [*self.models.routes.values(), *([self.models.default] if self.models.default else [])]
        for name in named:
            if name not in self.upstreams:
                raise ValueError(f"`models` names the upstream `{name}`, which `upstreams` does not have")
        for name, upstream in self.upstreams.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
                raise ValueError(f"`upstreams.{name}`: a name has lower-case letters, digits, `-` and `_`, at most 64")
            try:
                upstream.open(name)
            except ValueError as error:
                raise ValueError(f"`upstreams.{name}`: {error}") from None
        return self

    def with_memory_at(self, url: str) -> Settings:
        """The same settings with memory at another address."""
        return self.model_copy(update={"memory": self.memory.model_copy(update={"url": SecretStr(url)})})

    def upstream_for(self, model: str) -> str | None:
        """The name of the upstream that serves `model`; None where no route fits and there is no default."""
        for pattern, name in self.models.routes.items():
            if fnmatch.fnmatchcase(model, pattern):
                return name
        if self.models.default is not None:
            return self.models.default
        return next(iter(self.upstreams)) if len(self.upstreams) == 1 and not self.models.routes else None


def load_settings(path: str | Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; without a path the defaults and the environment alone. Raises SettingsError."""
    variables = os.environ if environment is None else environment
    source = "environment" if path is None else str(path)
    folder = Path() if path is None else Path(path).parent
    tree = read_tree(path, variables, frozenset(Settings.model_fields))
    try:
        return Settings.model_validate(tree, context=folder)
    except ValidationError as error:
        raise SettingsError(source, [_sentence(detail) for detail in error.errors()]) from None


def settings_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors: `# yaml-language-server: $schema=...`."""
    schema = Settings.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = FILE_NAME
    return schema


def documented_keys() -> Iterator[tuple[str, str, str]]:
    """Every key as (dotted name, default, description); `<name>` stands for a name of one's own choice."""
    yield from _keys(Settings, "")


_NAMED: Mapping[str, type[BaseModel]] = {
    "upstreams": UpstreamSettings,
    "issuers": IssuerSettings,
    "http_tools": ToolServerSettings,
    "servers": McpServerSettings,
}
"""What stands under names of the operator's own choice."""


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    for name, info in model.model_fields.items():
        default = info.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            yield from _keys(type(default), f"{prefix}{name}.")
        elif name in _NAMED:
            yield from _keys(_NAMED[name], f"{prefix}{name}.<name>.")
        else:
            shown = "required" if info.is_required() else yaml.safe_dump(default, default_flow_style=True, width=1000)
            yield f"{prefix}{name}", shown.removesuffix("...\n").strip(), info.description or ""
            if name == "policies":  # or a mapping, in place of the list
                yield from _keys(VersionSettings, f"{prefix}{name}.")


_SAID = {
    "extra_forbidden": "is not a setting",
    "missing": "is required",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must hold keys",
    "model_type": "must hold keys",
    "model_attributes_type": "must hold keys",
}


def _sentence(detail: Any) -> str:
    """One pydantic error in house style: the key, then what is wrong with it, without the value (it may be a key)."""
    union_arms = {"literal['off']", "list[literal['fenced','hermes','llama','mistral','react']]", "policy-files"}
    union_arms.add("policy-versions")
    key = ".".join(str(part) for part in detail["loc"] if str(part) not in union_arms)
    said = _SAID.get(detail["type"])
    if said is None:
        said = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input ")
        said = said[:1].lower() + said[1:]
        said = said.replace("'", "`") if detail["type"] == "literal_error" else said
    return f"`{key}` {said}" if key else said
