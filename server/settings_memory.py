"""The settings of memory. `memory` itself is imported only where its Terms are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SecretStr

from .settings_part import Part, Seconds, Share

if TYPE_CHECKING:
    from memory import Terms


class Audits(Part):
    """How often a decision is drawn for a person to look at: the draw is what makes evidence a sample."""

    fired: Share = Field(default=0.05, description="Share of the decisions on which something learned fits the call.")
    other: Share = Field(default=0.01, description="Share of all other decisions.")


class Costs(Part):
    """What the two kinds of mistake cost, one against the other; the thresholds of the gates follow from it."""

    missed_harm: float = Field(default=9.0, gt=0, le=1e6, description="Of a harmful call that is let through.")
    false_block: float = Field(default=1.0, gt=0, le=1e6, description="Of a good call that is stopped.")


class Proposals(Part):
    """Candidates for learned rules, worded by a model. They go through the same checks as memory's own."""

    model: str | None = Field(default=None, description="The model, as litellm names it; needs the extra `llm`.")
    base_url: str | None = Field(default=None, description="The model's server, where it is one of your own.")


class LearningTerms(Part):
    """How conservative memory is. What would void docs/memory-mathematics.md is refused when the gate starts."""

    narrows_to: Literal["ask", "forbid"] = Field(
        default="ask", description="What a learned rule that nobody approved makes of a call it speaks against."
    )
    costs: Costs = Field(default=Costs(), description=(Costs.__doc__ or ""))
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.05, description="Probability of a wrongly opened gate, over all learned rules."
    )
    approval_for_allow: bool = Field(
        default=True, description="Whether a rule that widens waits for a person's approval."
    )
    audit_for_allow: bool = Field(
        default=True, description="Whether a rule that widens needs a confirmation by an audit."
    )
    reports_a_day: int = Field(default=50, ge=1, le=1_000_000, description="Reports that one reporter may send a day.")
    half_life_days: float = Field(default=90.0, gt=0, le=36_500, description="Days after which evidence counts half.")
    idle_days: float = Field(
        default=180.0, gt=0, le=36_500, description="Days without firing after which a rule must be confirmed anew."
    )
    gate_for_allow: Literal["eprocess", "beta"] = Field(
        default="eprocess",
        description="The gate of a rule that widens; `beta` is refused (docs/memory-mathematics.md).",
    )
    gate_for_forbid: Literal["eprocess", "beta"] = Field(
        default="beta", description="The gate of a rule that narrows; `eprocess` opens later, at a level that holds."
    )
    floor: Share = Field(default=0.6, description="How often a rule must be right at least, whatever the costs say.")
    report_weight: Share = Field(default=0.5, description="What a user's report counts at most, an audit being 1.")
    least_reporters: int = Field(default=2, ge=1, le=100, description="Different people who must confirm a rule.")
    least_days: int = Field(default=2, ge=1, le=365, description="Different days on which it must be confirmed.")


class MemorySettings(LearningTerms):
    """Memory: what failure reports taught (docs/memory.md). Off unless there is a `url`."""

    url: SecretStr | None = Field(
        default=None, description="Database of what is learned: `sqlite:///memory.db` or `postgresql+psycopg://...`."
    )
    refresh_seconds: float = Field(
        default=300.0, ge=0, le=604_800, description="Seconds between two refreshes by the gate; 0 leaves them to you."
    )
    poll_seconds: Seconds = Field(
        default=1.0, description="Seconds between two looks whether another process published a snapshot."
    )
    encoder: Literal["hashing", "minilm", "wordllama"] = Field(
        default="hashing", description="What compares texts (docs/encoders.md); `hashing` needs nothing else."
    )
    proposals: Proposals = Field(default=Proposals(), description=(Proposals.__doc__ or ""))
    audits: Audits = Field(default=Audits(), description=(Audits.__doc__ or ""))
    tenants: dict[str, LearningTerms] = Field(
        default={},
        description="Terms of single tenants, by name: the keys from `narrows_to` on, each in place of the one here.",
    )

    def terms(self, tenant: str = "") -> Terms:
        """The same as memory takes it, for a tenant with its own terms or for all others."""
        from memory import Terms

        chosen = self._of(tenant)
        return Terms(
            missed_harm=chosen.costs.missed_harm,
            false_block=chosen.costs.false_block,
            floor=chosen.floor,
            alpha=chosen.alpha,
            allow_gate=chosen.gate_for_allow,
            forbid_gate=chosen.gate_for_forbid,
            least_reporters=chosen.least_reporters,
            least_days=chosen.least_days,
            half_life_days=chosen.half_life_days,
            idle_days=chosen.idle_days,
            report_weight=chosen.report_weight,
            audit_for_allow=chosen.audit_for_allow,
            approval_for_allow=chosen.approval_for_allow,
            narrows_to=chosen.narrows_to,
            reports_a_day=chosen.reports_a_day,
        )

    def _of(self, tenant: str) -> LearningTerms:
        """What is written for the tenant, over what is written for all."""
        own = self.tenants.get(tenant)
        if own is None:
            return self
        written = {name: getattr(own, name) for name in own.model_fields_set}
        if "costs" in written:
            costs = own.costs
            written["costs"] = self.costs.model_copy(
                update={name: getattr(costs, name) for name in costs.model_fields_set}
            )
        return self.model_copy(update=written)
