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


class MemorySettings(Part):
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

    def terms(self) -> Terms:
        """The same as memory takes it."""
        from memory import Terms

        return Terms(
            missed_harm=self.costs.missed_harm,
            false_block=self.costs.false_block,
            alpha=self.alpha,
            narrows_to=self.narrows_to,
            approval_for_allow=self.approval_for_allow,
            audit_for_allow=self.audit_for_allow,
            reports_a_day=self.reports_a_day,
            half_life_days=self.half_life_days,
            idle_days=self.idle_days,
        )
