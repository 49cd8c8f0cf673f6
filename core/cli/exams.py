"""``polyptrace exam …``: what is recorded of a colonoscopy beside its findings."""

from __future__ import annotations

from typing import Annotated

import typer

from core.catalog import operations, queries
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.domain import Exam
from core.privacy import scan
from core.text.description import parse_setting
from core.text.vocabulary import FieldSet, load

group = typer.Typer(no_args_is_help=True, help="Exams: show, describe.", rich_markup_mode=None)
ExamId = Annotated[int, typer.Argument(help="Id of the exam.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="exam")


@group.command()
def show(exam: ExamId, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """An exam's facts, videos and clips."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        found = queries.exam(catalog, exam)
        videos = [video.id for video in queries.videos(catalog, exam)]
        clips = [clip.id for clip in queries.clips(catalog, exam_id=exam)]
        code = queries.patient(catalog, found.patient_id).code
    _tell(output, found, {"patient": code, "videos": videos, "clips": clips})
    output.say(f"  patient: {code}")
    for name, ids in (("videos", videos), ("clips", clips)):
        output.say(f"  {name}: {', '.join(map(str, ids)) or 'none yet'}")


@group.command()
def describe(
    exam: ExamId,
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="KEY= clears it; a key that isn't known lists all."),
    ],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Record indication, bowel preparation, withdrawal time and the like."""
    output = Output(json)
    facts = read_settings(output, settings, load().exam)
    with existing(data_dir(data_dir_)) as catalog:
        operations.describe_exam(catalog, exam, facts, author=author)
        _tell(output, queries.exam(catalog, exam))


def read_settings(output: Output, settings: list[str], fields: FieldSet) -> dict[str, object]:
    """Typed settings as values; texts that seem to hold a name are warned of.

    Raises:
        PolypTraceError: as :func:`core.text.description.parse_setting`.
    """
    facts = dict(parse_setting(setting, fields) for setting in settings)
    for key, value in facts.items():
        for one in scan(value) if isinstance(value, str) and fields.by_key[key].type == "text" else ():
            output.warn(f"{fields.by_key[key].label}: this looks like a {one.kind}; only codes belong here.")
    return facts


def _tell(output: Output, exam: Exam, more: dict[str, object] | None = None) -> None:
    output.document({"exam": exam.id, "date": exam.date, "facts": exam.facts, **(more or {})})
    output.say(f"exam {exam.id} of {exam.date}")
    for line in fact_lines(exam.facts, load().exam):
        output.say(f"  {line}")


def fact_lines(facts: dict[str, object], fields: FieldSet) -> list[str]:
    """Facts for people, in the order of the vocabulary."""
    said = [(field, facts[field.key]) for field in fields.fields if field.key in facts]
    words = {True: "yes", False: "no"}
    return [
        f"{field.label}: {words[value] if isinstance(value, bool) else value} {field.unit}".rstrip()
        for field, value in said
    ]
