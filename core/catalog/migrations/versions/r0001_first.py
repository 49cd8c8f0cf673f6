"""The first schema.

Revision id: r0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = ("description_revisions", "link_events", "audit_events")


def upgrade() -> None:
    """Makes all tables, and the triggers that keep logs append-only."""
    _people()
    _system()
    _media()
    _logs()
    _vectors()
    _triggers()


def _people() -> None:
    op.create_table(
        "patients",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_folded", sa.String(), nullable=False),
        sa.Column("sex", sa.String(), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        sa.UniqueConstraint("code", name="uq_patients_code"),
        sa.UniqueConstraint("code_folded", name="uq_patients_code_folded"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "exams",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("patient_id", sa.Integer(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_exams_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_exams"),
        sa.UniqueConstraint("patient_id", "date", name="uq_exams_patient_id_date"),
        sqlite_autoincrement=True,
    )


def _system() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state", "jobs", ["state"], unique=False)
    op.create_table(
        "model_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_versions"),
        sa.UniqueConstraint("model_id", name="uq_model_versions_model_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_model_versions_active",
        "model_versions",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "undo_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_undo_log"),
        sqlite_autoincrement=True,
    )


def _media() -> None:
    op.create_table(
        "videos",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("codec", sa.String(), nullable=False),
        sa.Column("time_base_num", sa.BigInteger(), nullable=False),
        sa.Column("time_base_den", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.JSON(), nullable=True),
        sa.Column("text_found", sa.JSON(), nullable=False),
        sa.Column("text_corrected", sa.JSON(), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
        sa.UniqueConstraint("sha256", name="uq_videos_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_videos_path", "videos", ["path"], unique=False)
    op.create_table(
        "exam_videos",
        sa.Column("exam_id", sa.Integer(), nullable=False),
        sa.Column("video_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exams.id"], name="fk_exam_videos_exam_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_exam_videos_video_id"),
        sa.PrimaryKeyConstraint("exam_id", "video_id", name="pk_exam_videos"),
    )
    op.create_index("ix_exam_videos_video_id", "exam_videos", ["video_id"], unique=False)
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.Integer(), nullable=False),
        sa.Column("lesion_no", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("lesion_no >= 1", name="ck_findings_lesion_no"),
        sa.ForeignKeyConstraint(["exam_id"], ["exams.id"], name="fk_findings_exam_id"),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_findings_exam_id", "findings", ["exam_id"], unique=False)
    op.create_index(
        "uq_findings_present",
        "findings",
        ["exam_id", "lesion_no"],
        unique=True,
        sqlite_where=sa.text("removed = 0"),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exam_id", sa.Integer(), nullable=False),
        sa.Column("video_id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("pts_in", sa.BigInteger(), nullable=False),
        sa.Column("pts_out", sa.BigInteger(), nullable=False),
        sa.Column("boxes", sa.JSON(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("pts_in <= pts_out", name="ck_clips_pts_order"),
        sa.ForeignKeyConstraint(["exam_id"], ["exams.id"], name="fk_clips_exam_id"),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_clips_finding_id"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_clips_video_id"),
        sa.PrimaryKeyConstraint("id", name="pk_clips"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_clips_exam_id", "clips", ["exam_id"], unique=False)
    op.create_index("ix_clips_finding_id", "clips", ["finding_id"], unique=False)
    op.create_index("ix_clips_video_id", "clips", ["video_id"], unique=False)


def _logs() -> None:
    op.create_table(
        "description_revisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_description_revisions_finding_id"),
        sa.PrimaryKeyConstraint("id", name="pk_description_revisions"),
        sa.UniqueConstraint("finding_id", "number", name="uq_description_revisions_finding_id_number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "link_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("other_finding_id", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(), nullable=True),
        sa.Column("ranking_shown", sa.JSON(), nullable=True),
        sa.Column("retracts_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_link_events_finding_id"),
        sa.ForeignKeyConstraint(
            ["other_finding_id"], ["findings.id"], name="fk_link_events_other_finding_id"
        ),
        sa.ForeignKeyConstraint(["retracts_id"], ["link_events.id"], name="fk_link_events_retracts_id"),
        sa.PrimaryKeyConstraint("id", name="pk_link_events"),
        sa.UniqueConstraint("retracts_id", name="uq_link_events_retracts_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_link_events_finding_id", "link_events", ["finding_id"], unique=False)
    op.create_index("ix_link_events_other_finding_id", "link_events", ["other_finding_id"], unique=False)
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("row_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_events_action", "audit_events", ["action"], unique=False)


def _vectors() -> None:
    op.create_table(
        "vectors",
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("crc32", sa.BigInteger(), nullable=False),
        sa.Column("inputs_hash", sa.String(), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_vectors_clip_id"),
        sa.ForeignKeyConstraint(["model"], ["model_versions.id"], name="fk_vectors_model"),
        sa.PrimaryKeyConstraint("model", "clip_id", name="pk_vectors"),
        sa.UniqueConstraint("model", "slot", name="uq_vectors_model_slot"),
        sqlite_with_rowid=False,
    )


def _triggers() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table in APPEND_ONLY:
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
