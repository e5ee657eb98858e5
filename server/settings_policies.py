"""The settings of policies: files beside the gate, or signed versions in its database. Never both: a gate that had a
choice could be made to take the other one."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, field_validator

from .settings_part import Part


class VersionSettings(Part):
    """The policy version in force in the database decides (docs/policy-versions.md)."""

    trusted_keys: dict[str, str] = Field(
        min_length=1,
        description="By a name of one's own choice, each public key whose bundles are taken: `ed25519:...`.",
    )

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        from .versions import TrustedKeys

        for name in keys:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
                raise ValueError("a key's name has letters, digits, `.`, `-` and `_`, at most 64")
        TrustedKeys.read(keys)
        return keys


def _kind(value: Any) -> str:
    return "policy-versions" if isinstance(value, dict | VersionSettings) else "policy-files"


PolicySources = Annotated[
    Annotated[list[str], Field(min_length=1), Tag("policy-files")] | Annotated[VersionSettings, Tag("policy-versions")],
    Discriminator(_kind),
]
"""A list is files, a mapping is versions."""
