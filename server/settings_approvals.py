"""The settings of approvals. `server.approvals` itself is imported only where its Bounds are asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from .settings_part import Part, Seconds

if TYPE_CHECKING:
    from .approvals import Address, Bounds

_WEEK = 604_800


class WebhookSettings(Part):
    """Who is told that a call waits. Off unless there is a `url`."""

    url: str | None = Field(default=None, description="Where each ask is POSTed to, as `https://host/path`.")
    secret: SecretStr | None = Field(
        default=None, description="Signs each POST (HMAC-SHA256), at least 32 characters; use `${NAME}`."
    )
    timeout: Seconds = Field(default=10.0, description="Seconds for one attempt.")

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if self.url is None:
            return self
        from .approvals import split_address

        base, _ = split_address(self.url)
        if not re.match(r"https://|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::|$)", base):
            raise ValueError("`webhook.url` is `https`, or `http` to a loopback address")
        if self.secret is None or len(self.secret.get_secret_value()) < 32:
            raise ValueError("`webhook.secret` has at least 32 characters")
        return self

    def address(self) -> Address | None:
        """The same as the webhook takes it, None where there is none."""
        from .approvals import Address

        if self.url is None or self.secret is None:
            return None
        return Address(self.url, self.secret.get_secret_value().encode(), self.timeout)


class ApprovalSettings(Part):
    """Approvals: calls that a person has to see first (docs/approvals.md)."""

    pending_seconds: int = Field(
        default=3_600, ge=1, le=_WEEK, description="Seconds that an ask waits for a person before it is over."
    )
    valid_seconds: int = Field(
        default=600, ge=1, le=_WEEK, description="Seconds that a yes holds where the rule does not say `valid`."
    )
    denied_seconds: int = Field(
        default=3_600, ge=0, le=_WEEK, description="Seconds after a no in which the same call is not asked again."
    )
    asks_an_hour: int = Field(
        default=30, ge=0, le=10_000, description="Asks of one principal in an hour; then refused."
    )
    pending_at_once: int = Field(default=10, ge=0, le=1_000, description="Asks of one principal that may wait at once.")
    wait_seconds: float = Field(
        default=0.0, ge=0, le=600, description="Seconds that a call waits for a person, at any door; 0 waits for none."
    )
    shown_bytes: int = Field(
        default=32_768, ge=256, le=1_048_576, description="Bytes of arguments that a person is asked to read at most."
    )
    roles: list[str] = Field(default=[], description="Who answers needs one of these roles; none are needed if empty.")
    state_key: SecretStr | None = Field(
        default=None, description="Key of sealed states, 64 hexadecimal digits; one of the database's own if not set."
    )
    webhook: WebhookSettings = Field(default=WebhookSettings(), description=(WebhookSettings.__doc__ or ""))

    @field_validator("state_key")
    @classmethod
    def _has_256_bits(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", value.get_secret_value()):
            raise ValueError("`state_key` is 64 hexadecimal digits, as `openssl rand -hex 32` prints them")
        return value

    def bounds(self) -> Bounds:
        """The same as the queue takes it."""
        from .approvals import Bounds

        return Bounds(
            pending_seconds=self.pending_seconds,
            valid_seconds=self.valid_seconds,
            denied_seconds=self.denied_seconds,
            asks_an_hour=self.asks_an_hour,
            pending_at_once=self.pending_at_once,
            wait_seconds=self.wait_seconds,
            shown_bytes=self.shown_bytes,
            roles=tuple(sorted(set(self.roles))),
            state_key=None if self.state_key is None else bytes.fromhex(self.state_key.get_secret_value()),
        )
