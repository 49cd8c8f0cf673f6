"""``polyptrace legacy …``: reports of exams that have no video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from core.cli.options import JsonFlag, day
from core.cli.output import Output

if TYPE_CHECKING:  # rapidfuzz and the words would cost every other command their time
    from core.legacy.entries import Entries
    from core.text.legacy.reading import ReadFinding

group = typer.Typer(
    no_args_is_help=True,
    help="Reports of exams that have no video: look at what a table of them says.",
    rich_markup_mode=None,
)
_SHOWN = 40
"""So many findings are shown to people; JSON holds all."""


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="legacy")


@group.callback()
def legacy() -> None:
    """Keeps `preview` a command of its own while it is the only one."""


@group.command()
def preview(
    file: Annotated[Path, typer.Argument(help="CSV or .xlsx, one report a row, names of columns first.")],
    patient_column: Annotated[str | None, typer.Option(help="Column of the patient's pseudonym.")] = None,
    date_column: Annotated[str | None, typer.Option(help="Column of the exam's date.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Column of the report.")] = None,
    patient: Annotated[str, typer.Option(help="One patient for all reports.")] = "",
    exam_date: Annotated[str | None, typer.Option(help="One date for all reports, YYYY-MM-DD.")] = None,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="What 03/04/2021 begins with.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Read a table of earlier reports and show what was understood; nothing is kept.

    Columns are found by their names where none is given. Every field comes with how sure it is, 0 to 1.
    """
    from core.legacy.columns import Columns
    from core.legacy.entries import read_entries
    from core.sheets.reading import read_sheet

    output = Output(json)
    found = read_entries(
        read_sheet(file),
        Columns(patient_column, date_column, text_column),
        patient=patient,
        date=day(exam_date, "--exam-date"),
        day_first=day_first,
    )
    output.document(_document(file, found))
    _show(output, found)


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
    output.say(f"{len(found.entries)} reports of {patients} patients, {findings} findings read")
    rows = [
        (entry.row, entry.patient, entry.date.isoformat(), _words(finding), _least_sure(finding))
        for entry in found.entries
        for finding in entry.findings
    ]
    if rows:
        output.table("Findings as read", ("row", "patient", "date", "finding", "least sure"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        output.say(f"… and {len(rows) - _SHOWN} more; --json shows all")
    if found.duplicates:
        output.say(f"Said twice and left out: rows {', '.join(map(str, found.duplicates))}")
    for problem in found.problems:
        output.warn(f"row {problem.row}: {problem.words}")
    output.banner()


def _words(finding: ReadFinding) -> str:
    """“2 × size_mm 5, paris Is, segment sigmoid”."""
    fields = [f"{key} {_value(read.value)}" for key, read in finding.fields.items() if key != "state"]
    count = "? × " if finding.count is None else f"{finding.count} × " if finding.count > 1 else ""
    return count + (", ".join(fields) or finding.fields["state"].value)


def _value(value: Any) -> str:
    return "+".join(value) if isinstance(value, list | tuple) else str(value)


def _least_sure(finding: ReadFinding) -> str:
    key, read = min(finding.fields.items(), key=lambda item: item[1].sure)
    return f"{key} {read.sure:.2f}"
