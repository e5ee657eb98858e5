"""The first tables of memory."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "memory_abstraction",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("tests", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("support", sa.Text(), nullable=False),
        sa.Column("radius", sa.Double(), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("exceptions", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("approved", sa.BigInteger(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("narrows_to", sa.Text(), nullable=False),
        sa.Column("fired_at", sa.BigInteger(), nullable=False),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("read", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id", "since"),
    )
    op.create_index(op.f("ix_memory_abstraction_tenant_tool"), "memory_abstraction", ["tenant", "tool"], unique=False)
    op.create_index(
        op.f("ix_memory_abstraction_tenant_until_phase"),
        "memory_abstraction",
        ["tenant", "until", "phase"],
        unique=False,
    )
    op.create_table(
        "memory_audit",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("observed", sa.Text(), nullable=False),
        sa.Column("adjudicated", sa.BigInteger(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("auditor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "decision"),
    )
    op.create_index(
        op.f("ix_memory_audit_tenant_adjudicated_drawn_at"),
        "memory_audit",
        ["tenant", "adjudicated", "drawn_at"],
        unique=False,
    )
    op.create_table(
        "memory_audited",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "decision"),
    )
    op.create_table(
        "memory_case",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tool", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("audited", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(op.f("ix_memory_case_tenant_tool"), "memory_case", ["tenant", "tool"], unique=False)
    op.create_table(
        "memory_event",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "sequence"),
    )
    op.create_table(
        "memory_evidence",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("abstraction", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("right", sa.Boolean(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("reporters", sa.Text(), nullable=False),
        sa.Column("units", sa.Text(), nullable=False),
        sa.Column("audit", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "abstraction", "decision"),
    )
    op.create_index(op.f("ix_memory_evidence_tenant_decision"), "memory_evidence", ["tenant", "decision"], unique=False)
    op.create_table(
        "memory_lineage",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("child", sa.Text(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number"),
    )
    op.create_index(op.f("ix_memory_lineage_tenant_child"), "memory_lineage", ["tenant", "child"], unique=False)
    op.create_table(
        "memory_reading",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("abstraction", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("confirming", sa.Double(), nullable=False),
        sa.Column("against", sa.Double(), nullable=False),
        sa.Column("reporters", sa.BigInteger(), nullable=False),
        sa.Column("audits", sa.BigInteger(), nullable=False),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("log_e", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("alpha", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "abstraction", "sequence"),
    )
    op.create_table(
        "memory_receipt",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("idempotency", sa.Text(), nullable=True),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "decision", "reporter"),
        sa.UniqueConstraint(
            "tenant", "reporter", "idempotency", name=op.f("uq_memory_receipt_tenant_reporter_idempotency")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_memory_receipt_tenant_reporter_day"), "memory_receipt", ["tenant", "reporter", "day"], unique=False
    )
    op.create_table(
        "memory_report",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "sequence"),
    )
    op.create_index(op.f("ix_memory_report_tenant_decision"), "memory_report", ["tenant", "decision"], unique=False)
    op.create_index(op.f("ix_memory_report_tenant_reporter"), "memory_report", ["tenant", "reporter"], unique=False)
    op.create_table(
        "memory_retracted",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "reporter"),
    )
    op.create_table(
        "memory_snapshot",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state_snapshot", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "version"),
    )
    op.create_table(
        "memory_tenant",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("folded", sa.BigInteger(), nullable=False),
        sa.Column("control", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state_sequence", sa.BigInteger(), nullable=False),
        sa.Column("state_snapshot", sa.BigInteger(), nullable=False),
        sa.Column("policy_hash", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "memory_trust",
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reporter", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("agreed", sa.Double(), nullable=False),
        sa.Column("disagreed", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "reporter"),
    )
