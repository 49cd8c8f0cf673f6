"""Every write of the catalogue: each one function, one transaction, and it returns what changed."""

from core.catalog.operations.clips import (
    add_clip,
    mark_boxes,
    move_clip,
    remove_clip,
    trim_clip,
)
from core.catalog.operations.descriptions import describe
from core.catalog.operations.index import drop_vectors, put_vectors
from core.catalog.operations.jobs import cancel_job, create_job, fail_job, finish_job, note_job, start_job
from core.catalog.operations.legacy import (
    accept_legacy_findings,
    add_legacy_finding,
    add_legacy_reports,
    dismiss_legacy_findings,
    propose_legacy_findings,
)
from core.catalog.operations.legacy_own import accept_legacy_as_clip
from core.catalog.operations.models import promote_model, register_model, roll_back_model
from core.catalog.operations.people import add_patient, describe_exam
from core.catalog.operations.system import record_event
from core.catalog.operations.undo import redo, undo
from core.catalog.operations.verdicts import give_verdict, withdraw_verdict
from core.catalog.operations.video_text import set_text_boxes
from core.catalog.operations.videos import import_video, relocate_video

__all__ = [
    "accept_legacy_as_clip",
    "accept_legacy_findings",
    "add_clip",
    "add_legacy_finding",
    "add_legacy_reports",
    "add_patient",
    "cancel_job",
    "create_job",
    "describe",
    "describe_exam",
    "dismiss_legacy_findings",
    "drop_vectors",
    "fail_job",
    "finish_job",
    "give_verdict",
    "import_video",
    "mark_boxes",
    "move_clip",
    "note_job",
    "promote_model",
    "propose_legacy_findings",
    "put_vectors",
    "record_event",
    "redo",
    "register_model",
    "relocate_video",
    "remove_clip",
    "roll_back_model",
    "set_text_boxes",
    "start_job",
    "trim_clip",
    "undo",
    "withdraw_verdict",
]
