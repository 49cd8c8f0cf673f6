"""Legacy reports and what was read from them; one active model of each kind.

Revision id: r0002
Revises: r0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the two tables, and the index of active models anew."""
    _reports()
    _findings()
    op.drop_index("uq_model_versions_active", "model_versions")
    op.create_index(
        "uq_model_versions_active",
        "model_versions",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
    )


def _reports() -> None:
    op.create_table(
        "legacy_reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_code", sa.String(), nullable=False),
        sa.Column("patient_folded", sa.String(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_legacy_reports"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_legacy_reports_present",
        "legacy_reports",
        ["patient_folded", "date", "text_sha256"],
        unique=True,
        sqlite_where=sa.text("removed = 0"),
    )


def _findings() -> None:
    op.create_table(
        "legacy_findings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["report_id"], ["legacy_reports.id"], name="fk_legacy_findings_report_id"),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_legacy_findings_finding_id"),
        sa.PrimaryKeyConstraint("id", name="pk_legacy_findings"),
        sa.UniqueConstraint("report_id", "number", name="uq_legacy_findings_report_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_legacy_findings_finding_id", "legacy_findings", ["finding_id"], unique=False)
