"""``polyptrace legacy …``: reports of exams that have no video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.cli import legacy_reports
from core.cli.legacy_words import least_sure_words
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, day
from core.cli.output import Output
from core.counting import count
from core.errors import PolypTraceError
from core.text.place import said

if TYPE_CHECKING:  # rapidfuzz and the words would cost every other command their time
    from core.legacy.entries import Entries
    from core.text.legacy.reading import ReadFinding

group = typer.Typer(
    no_args_is_help=True,
    help="Reports of exams that have no video: read, keep, accept, and find the clips that fit.",
    rich_markup_mode=None,
)
_NOTHING = PolypTraceError(
    "reports-refused",
    "None of the reports can be kept.",
    "What is wrong with each stands above; --patient and --exam-date fill in what a file doesn't say.",
)
_SHOWN = 40
"""So many findings are shown to people; JSON holds all."""


def register(app: typer.Typer) -> None:
    """Adds this file's commands, and those on reports that were kept."""
    legacy_reports.register(group)
    app.add_typer(group, name="legacy")


_File = Annotated[
    Path,
    typer.Argument(
        help="CSV or .xlsx with one report a row and names of columns first; a text of one report; or a "
        "folder of texts, named CODE_2021-03-04.txt or CODE/2021-03-04.txt."
    ),
]
_PatientColumn = Annotated[str | None, typer.Option(help="Column of the patient's pseudonym.")]
_DateColumn = Annotated[str | None, typer.Option(help="Column of the exam's date.")]
_TextColumn = Annotated[str | None, typer.Option(help="Column of the report.")]
_Patient = Annotated[str, typer.Option(help="The patient of reports that name none.")]
_ExamDate = Annotated[str | None, typer.Option(help="The date of reports that name none, YYYY-MM-DD.")]
_DayFirst = Annotated[
    bool | None, typer.Option("--day-first/--month-first", help="What 03/04/2021 begins with.")
]


@group.command()
def preview(
    file: _File,
    patient_column: _PatientColumn = None,
    date_column: _DateColumn = None,
    text_column: _TextColumn = None,
    patient: _Patient = "",
    exam_date: _ExamDate = None,
    day_first: _DayFirst = None,
    json: JsonFlag = False,
) -> None:
    """Read earlier reports and show what was understood; nothing is kept.

    Columns are found by their names where none is given. Every field comes with how sure it is, 0 to 1.
    """
    output = Output(json)
    found = _read(file, (patient_column, date_column, text_column), patient, exam_date, day_first)
    output.document(_document(file, found))
    _show(output, found)
    output.banner()


@group.command("import")
def import_reports(
    file: _File,
    patient_column: _PatientColumn = None,
    date_column: _DateColumn = None,
    text_column: _TextColumn = None,
    patient: _Patient = "",
    exam_date: _ExamDate = None,
    day_first: _DayFirst = None,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Keep earlier reports with what was read in them; nothing of it is final before it is accepted.

    What is there already isn't added again. `legacy list` shows what waits, `undo` takes the import back.
    """
    from core.legacy.filing import doubled_words, new_reports

    output = Output(json)
    found = _read(file, (patient_column, date_column, text_column), patient, exam_date, day_first)
    if not found.entries:
        _show(output, found)
        output.error(_NOTHING, _document(file, found))
        raise typer.Exit(1)
    with Catalog.open(data_dir(data_dir_)) as catalog:
        done = operations.add_legacy_reports(catalog, new_reports(found.entries), author=author)
        doubled = doubled_words(queries.legacy_reports(catalog), done.created.reports)
    added = done.created.reports
    known = len(found.entries) - len(added)
    output.document({**_document(file, found), "reports": added, "known": known})
    _show(output, found)
    if doubled:
        output.warn(doubled)
    output.say(
        f"Kept {count(len(added), 'report')}"
        + (f"; {count(known, 'was', 'were')} there already" if known else "")
        + ". Nothing is final yet: `polyptrace legacy list` shows what waits to be accepted."
    )
    output.banner()


def _read(
    file: Path,
    columns: tuple[str | None, str | None, str | None],
    patient: str,
    exam_date: str | None,
    day_first: bool | None,
) -> Entries:
    from core.legacy.columns import Columns
    from core.legacy.entries import read_entries
    from core.legacy.files import read_reports

    when = day(exam_date, "--exam-date")
    return read_entries(
        read_reports(file), Columns(*columns), patient=patient, date=when, day_first=day_first
    )


def _document(file: Path, found: Entries) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return {"file": file.name, **plain}


def _show(output: Output, found: Entries) -> None:
    from core.legacy.columns import ROLES

    used = ", ".join(f"{role} “{name}”" for role in ROLES if (name := found.columns.of(role)))
    findings = sum(len(entry.findings) for entry in found.entries)
    patients = len({entry.patient.casefold() for entry in found.entries})
    output.say(f"Columns: {used}")
    for note in found.notes:
        output.warn(note)
    reports = f"{count(len(found.entries), 'report')} of {count(patients, 'patient')}"
    output.say(f"{reports}, {count(findings, 'finding')} read")
    rows = [
        (entry.row, entry.patient, entry.date.isoformat(), _words(finding), least_sure_words(finding.fields))
        for entry in found.entries
        for finding in entry.findings
    ]
    if rows:
        output.table("Findings as read", ("row", "patient", "date", "finding", "least sure"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        output.say(f"… and {len(rows) - _SHOWN} more; --json shows all")
    for problem in found.problems:
        output.warn(f"{problem.where}: {problem.words}")
    if any(problem.where.endswith(".txt") for problem in found.problems):
        output.say("Name texts CODE_2021-03-04.txt, or say --patient and --exam-date for those that aren't.")
    for warning in found.warnings:
        output.warn(warning)


def _words(finding: ReadFinding) -> str:
    """“2 × largest diameter 5 mm, Paris Is, segment sigmoid”."""
    fields = {
        key: read.value for key, read in finding.fields.items() if (key, read.value) != ("state", "polyp")
    }
    times = "? × " if finding.count is None else f"{finding.count} × " if finding.count > 1 else ""
    return times + (said(fields) or finding.fields["state"].value)
