"""Findings of invented patients as search sees them: pictures, a description, and reports by others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from core.phantom.benchmark import BenchmarkPatient
from core.phantom.description_writer import Values, exam_words
from core.phantom.report_writer import OldReport, old_report
from core.phantom.seeding import stream

FIRST_REPORTER = 50
"""Who writes reports saw the lesion by themselves: their number lies behind that of every describer."""


class ReportedFinding(msgspec.Struct, frozen=True):
    """A lesion at one exam, as it was described and as others reported it."""

    patient: str
    lesion: str
    exam: int
    part: str
    described: Values
    reports: tuple[OldReport, ...]


def reported_findings(planned: Sequence[BenchmarkPatient], reports: int) -> Iterator[ReportedFinding]:
    """Every lesion of every exam, described once and reported ``reports`` times, each by somebody else."""
    for one in planned:
        for exam in one.patient.exams:
            for index, lesion in enumerate(exam.colon.lesions):
                told = tuple(
                    old_report(
                        exam_words(exam, index, FIRST_REPORTER + number),
                        stream(exam.seed, "report", lesion.key, number),
                    )
                    for number in range(reports)
                )
                where = (one.patient.code, lesion.key, exam.number, one.part)
                yield ReportedFinding(*where, exam_words(exam, index), told)
