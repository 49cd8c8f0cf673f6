"""A catalogue with the demo's exams, all or those of the first patients."""

from __future__ import annotations

from core import demo
from core.catalog.engine import Catalog


def fill(catalog: Catalog, patients: int) -> list[int]:
    """Files the exams of so many patients as the demo does; gives the follow-up clips."""
    folder, exams = demo.demo_exams()
    known = sorted({exam.patient_id for exam in exams})[:patients]
    chosen = [exam for exam in exams if exam.patient_id in known]
    filed = [clip for exam in chosen for clip in demo._file_exam(catalog, folder, exam, None)]
    return sorted(one.clip for one in filed if one.truth.split == "query")
