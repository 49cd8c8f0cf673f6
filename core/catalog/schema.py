"""The tables of the catalogue. Nothing outside this room sees them.

Revisions, link events and audit events are only ever added; triggers made by the first migration refuse
changes and deletions of them. Clips and findings that the user takes away are marked ``removed``, so that
undo brings back the very same row.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    Index,
    MetaData,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.catalog.types import UtcDateTime

APPLICATION_ID = 0x504F4C59
"""``POLY``: stands in the SQLite file's header and tells our catalogue from other programs' files."""

APPEND_ONLY = ("description_revisions", "link_events", "audit_events")

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
_NEVER_REUSE_IDS = {"sqlite_autoincrement": True}
_Json = JSON(none_as_null=True)


class Base(DeclarativeBase):
    """All tables. Ids are never given twice: the audit log names rows that may be gone."""

    metadata = MetaData(naming_convention=_NAMES)
    __table_args__: Any = _NEVER_REUSE_IDS


class PatientRow(Base):
    """A patient under a pseudonym."""

    __tablename__ = "patients"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    code_folded: Mapped[str] = mapped_column(unique=True)
    sex: Mapped[str | None]
    birth_year: Mapped[int | None]
    facts: Mapped[dict[str, Any]] = mapped_column(_Json, default=dict)


class ExamRow(Base):
    """One colonoscopy."""

    __tablename__ = "exams"
    __table_args__ = (UniqueConstraint("patient_id", "date"), _NEVER_REUSE_IDS)
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patients.id"))
    date: Mapped[dt.date]
    facts: Mapped[dict[str, Any]] = mapped_column(_Json, default=dict)


class VideoRow(Base):
    """A video file, known by its content; ``path`` is only where it was last seen.

    ``text_found`` holds the boxes [x, y, w, h] of burned-in text that the import pass found,
    ``text_corrected`` what a user made of them, or nothing.
    """

    __tablename__ = "videos"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    path: Mapped[str] = mapped_column(index=True)
    frames: Mapped[int]
    duration_s: Mapped[float] = mapped_column(Double)
    width: Mapped[int]
    height: Mapped[int]
    codec: Mapped[str]
    time_base_num: Mapped[int] = mapped_column(BigInteger)
    time_base_den: Mapped[int] = mapped_column(BigInteger)
    region: Mapped[dict[str, Any] | None] = mapped_column(_Json)
    text_found: Mapped[list[list[int]]] = mapped_column(_Json)
    text_corrected: Mapped[list[list[int]] | None] = mapped_column(_Json)
    added_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ExamVideoRow(Base):
    """Which exams show a video: one video may belong to several."""

    __tablename__ = "exam_videos"
    __table_args__ = (Index(None, "video_id"),)
    exam_id: Mapped[int] = mapped_column(ForeignKey("exams.id"), primary_key=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"), primary_key=True)


class FindingRow(Base):
    """A lesion as seen in one exam. ``lesion_no`` is unique among the exam's present findings."""

    __tablename__ = "findings"
    __table_args__ = (
        CheckConstraint("lesion_no >= 1", name="lesion_no"),
        Index("uq_findings_present", "exam_id", "lesion_no", unique=True, sqlite_where=text("removed = 0")),
        _NEVER_REUSE_IDS,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    exam_id: Mapped[int] = mapped_column(ForeignKey("exams.id"), index=True)
    lesion_no: Mapped[int]
    removed: Mapped[bool] = mapped_column(default=False)


class ClipRow(Base):
    """A stretch of a video, both ends included, with the lesion boxes marked in it."""

    __tablename__ = "clips"
    __table_args__ = (CheckConstraint("pts_in <= pts_out", name="pts_order"), _NEVER_REUSE_IDS)
    id: Mapped[int] = mapped_column(primary_key=True)
    exam_id: Mapped[int] = mapped_column(ForeignKey("exams.id"), index=True)
    video_id: Mapped[int] = mapped_column(ForeignKey("videos.id"), index=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), index=True)
    pts_in: Mapped[int] = mapped_column(BigInteger)
    pts_out: Mapped[int] = mapped_column(BigInteger)
    boxes: Mapped[list[Any]] = mapped_column(_Json)
    removed: Mapped[bool] = mapped_column(default=False)


class RevisionRow(Base):
    """One saved state of a finding's description."""

    __tablename__ = "description_revisions"
    __table_args__ = (UniqueConstraint("finding_id", "number"), _NEVER_REUSE_IDS)
    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"))
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column("values", _Json)
    author: Mapped[str]
    source: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    draft: Mapped[bool]


class LinkEventRow(Base):
    """One verdict, or the retraction of an earlier row, ``retracts_id`` (which may be a retraction too)."""

    __tablename__ = "link_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("findings.id"), index=True)
    other_finding_id: Mapped[int | None] = mapped_column(ForeignKey("findings.id"), index=True)
    verdict: Mapped[str]
    author: Mapped[str]
    model_id: Mapped[str | None]
    ranking_shown: Mapped[list[Any] | None] = mapped_column(_Json)
    retracts_id: Mapped[int | None] = mapped_column(ForeignKey("link_events.id"), unique=True)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class LegacyReportRow(Base):
    """The text of an earlier exam that has no video here, as it was imported.

    ``patient_code`` and ``date`` say whose and of when; patient and exam are made when something is accepted.
    ``text_sha256`` is that of the text with plain spaces: what is imported again is known by it.
    """

    __tablename__ = "legacy_reports"
    __table_args__ = (
        Index(
            "uq_legacy_reports_present",
            "patient_folded",
            "date",
            "text_sha256",
            unique=True,
            sqlite_where=text("removed = 0"),
        ),
        _NEVER_REUSE_IDS,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    patient_code: Mapped[str]
    patient_folded: Mapped[str]
    date: Mapped[dt.date]
    text: Mapped[str]
    text_sha256: Mapped[str]
    added_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    removed: Mapped[bool] = mapped_column(default=False)


class LegacyFindingRow(Base):
    """A finding as it was read from a legacy report; ``finding_id`` once somebody has accepted it."""

    __tablename__ = "legacy_findings"
    __table_args__ = (UniqueConstraint("report_id", "number"), _NEVER_REUSE_IDS)
    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("legacy_reports.id"))
    number: Mapped[int]
    words: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column(_Json)
    state: Mapped[str]
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("findings.id"), index=True)


class ModelVersionRow(Base):
    """A model bundle that this catalogue knows. At most one of a kind is active."""

    __tablename__ = "model_versions"
    __table_args__ = (
        Index("uq_model_versions_active", "kind", unique=True, sqlite_where=text("state = 'active'")),
        _NEVER_REUSE_IDS,
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str] = mapped_column(unique=True)
    folder: Mapped[str]
    kind: Mapped[str]
    dim: Mapped[int]
    state: Mapped[str]
    metrics: Mapped[dict[str, Any]] = mapped_column(_Json)
    added_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class VectorRow(Base):
    """Where a clip's vector lies in the model's vector file.

    ``crc32`` is that of the vector's bytes: a row whose slot holds other bytes counts as absent.
    ``inputs_hash`` tells of which boxes and words the vector was made, so that stale ones are known;
    ``sources`` which frames, with what quality, and whether lesion box or scope region was cut out.
    """

    __tablename__ = "vectors"
    __table_args__ = (UniqueConstraint("model", "slot"), {"sqlite_with_rowid": False})
    model: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    slot: Mapped[int]
    crc32: Mapped[int] = mapped_column(BigInteger)
    inputs_hash: Mapped[str]
    sources: Mapped[dict[str, Any]] = mapped_column(_Json)


class JobRow(Base):
    """Long work and how it went."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    detail: Mapped[dict[str, Any]] = mapped_column(_Json)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class AuditEventRow(Base):
    """Who did what. ``row_hash`` covers the row and ``previous_hash``, that of the row before: a chain."""

    __tablename__ = "audit_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str]
    action: Mapped[str] = mapped_column(index=True)
    subject: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(_Json)
    after: Mapped[dict[str, Any] | None] = mapped_column(_Json)
    previous_hash: Mapped[str]
    row_hash: Mapped[str]


class UndoRow(Base):
    """The undo stack, oldest first. ``undone`` rows lie above the others and can be redone."""

    __tablename__ = "undo_log"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    label: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(_Json)
    undone: Mapped[bool] = mapped_column(default=False)
