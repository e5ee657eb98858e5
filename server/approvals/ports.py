"""What the queue needs from the store; server/store keeps this promise. Every method may raise StoreError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from guardrail import Record, Remembered

from ..store import Approval, ApprovalChange, ApprovalState


class Keeper(Protocol):
    """Reading blocks, and is done beside the event loop; `commit` is the writer's."""

    @property
    def state_key(self) -> bytes: ...
    def approval(self, approval_id: str, tenant: str) -> Approval | None: ...
    def approvals(self, tenant: str, states: Sequence[ApprovalState], most: int) -> list[Approval]: ...
    def approval_for(self, run: str, digest: str, policy_hash: str) -> Approval | None: ...
    def approved(self, run: str, tenant: str) -> list[Approval]: ...
    def open_runs(self) -> set[str]: ...
    def asked(self, principal_key: str, since: str) -> list[tuple[str, bool, bool]]: ...
    async def commit(
        self,
        records: Sequence[Record],
        remembered: Sequence[Remembered] = (),
        approvals: Sequence[ApprovalChange] = (),
    ) -> None: ...
