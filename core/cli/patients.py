"""``polyptrace patient …``: who is in the catalogue, and what was found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.catalog import identity, operations, queries
from core.catalog.engine import Catalog
from core.cli.exams import fact_lines, read_settings
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.domain import Clip, Exam, Lesion, Patient
from core.matching.context import contexts
from core.privacy import scan
from core.text.render import report_text
from core.text.vocabulary import load

group = typer.Typer(no_args_is_help=True, help="Patients: list, show, add.", rich_markup_mode=None)
_THIS_YEAR = dt.date.today().year
Code = Annotated[str, typer.Argument(help="The patient's pseudonym, never a name.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="patient")


@group.command("list")
def list_patients(json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """All patients with the number of their exams and clips."""
    output = Output(json)
    folder, rows = data_dir(data_dir_), []
    if folder.catalogue.exists():
        with Catalog.open(folder) as catalog:
            rows = [_row(catalog, patient) for patient in queries.patients(catalog)]
    output.document({"patients": rows})
    output.table("Patients", ("id", "code", "exams", "clips"), [[*row.values()][:4] for row in rows])
    if not rows:
        output.say("No patients yet. `polyptrace import VIDEO --patient CODE --exam-date …` makes the first.")


def _row(catalog: Catalog, patient: Patient) -> dict[str, Any]:
    exams = queries.exams(catalog, patient.id)
    clips = queries.clips(catalog, patient_id=patient.id)
    return {"id": patient.id, "code": patient.code, "exams": len(exams), "clips": len(clips)}


@group.command()
def add(
    code: Code,
    sex: Annotated[str | None, typer.Option("--sex", help="female, male or other.")] = None,
    birth_year: Annotated[
        int | None, typer.Option("--birth-year", min=1880, max=dt.date.today().year)
    ] = None,
    settings: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="polyposis, ibd, lynch: yes or no.")
    ] = [],  # noqa: B006
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Add a patient, or fill in what is known of one."""
    output = Output(json)
    warn_of_name(output, code)
    facts = read_settings(output, settings, load().patient)
    with Catalog.open(data_dir(data_dir_)) as catalog:
        changes = operations.add_patient(
            catalog, code, sex=sex, birth_year=birth_year, facts=facts, author=author
        )
    output.document({"patient": changes.subject, "created": bool(changes.created.patients)})
    what = "was known already" if changes.nothing else "added" if changes.created.patients else "changed"
    output.say(f"patient {changes.subject} {what}")


def warn_of_name(output: Output, code: str) -> None:
    """Warns when a pseudonym looks like a name or a record number."""
    for one in scan(code):
        output.warn(f"the patient's code looks like a {one.kind}: only pseudonyms belong into the catalogue.")


@group.command()
def show(code: Code, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """A patient's exams, clips and lesions."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        patient = queries.patient_of_code(catalog, code)
        known = queries.lesion_of_findings(catalog, patient.id)
        exams = [_exam(catalog, exam, known) for exam in queries.exams(catalog, patient.id)]
        lesions = [_lesion(catalog, lesion) for lesion in queries.lesions(catalog, patient.id)]
        verdicts = _verdicts(catalog, patient)
    output.document({"patient": patient, "exams": exams, "lesions": lesions, "verdicts": verdicts})
    facts = [patient.sex, f"born {patient.birth_year}" if patient.birth_year else None]
    output.say(", ".join([f"patient {patient.code}", *(word for word in facts if word)]))
    for line in fact_lines(patient.facts, load().patient):
        output.say(line)
    for exam in exams:
        output.say(
            f"exam {exam['exam']}  {exam['date']}  videos {', '.join(map(str, exam['videos'])) or '–'}"
        )
        for clip in exam["clips"]:
            verdict = f"  [{clip['verdict']}]" if clip["verdict"] else ""
            output.say(
                f"  clip {clip['clip']}  finding {clip['finding']}  lesion {clip['lesion'] or '–'}{verdict}"
            )
            output.say(f"    {clip['report'] or 'not described yet'}", style="dim")
        for finding in exam["reported"]:
            name = f"finding {finding['finding']}  lesion {finding['lesion'] or '–'}"
            output.say(f"  {name}  reported without video")
            output.say(f"    {finding['report'] or 'not described yet'}", style="dim")
    for event in verdicts:
        other = event["other_finding"]
        about = f"finding {event['finding']}" + (f" and finding {other}" if other is not None else "")
        output.say(f"verdict, event {event['event']}: {event['verdict']} ({about})")
    if not exams:
        output.say(f"Patient {patient.code} has no exams yet.")


def _verdicts(catalog: Catalog, patient: Patient) -> list[dict[str, Any]]:
    """The verdicts that stand, with the event that ``unlink`` takes, oldest first."""
    now = identity.standing(queries.link_events(catalog, patient_id=patient.id))
    events = {event.id: event for event in (*now.pairs.values(), *now.alone.values())}
    return [
        {
            "event": event.id,
            "verdict": event.verdict,
            "finding": event.finding_id,
            "other_finding": event.other_finding_id,
            "author": event.author,
        }
        for _, event in sorted(events.items())
    ]


def _exam(catalog: Catalog, exam: Exam, lesions: Mapping[int, Lesion]) -> dict[str, Any]:
    clips = queries.clips(catalog, exam_id=exam.id)
    videos = [video.id for video in queries.videos(catalog, exam.id)]
    facts = {"exam": exam.id, "date": exam.date, "facts": exam.facts}
    shown = {clip.finding_id for clip in clips}
    bare = [one for one in queries.findings(catalog, exam_id=exam.id) if one.id not in shown]
    described = queries.descriptions(catalog, {one.id for one in bare})
    reported = [
        {
            "finding": one.id,
            "lesion_no": one.lesion_no,
            "lesion": lesions[one.id].id if one.id in lesions else None,
            "report": report_text(described[one.id].values) if one.id in described else "",
        }
        for one in bare
    ]
    return {**facts, "videos": videos, "clips": _clips(catalog, clips), "reported": reported}


def _clips(catalog: Catalog, clips: list[Clip]) -> list[dict[str, Any]]:
    numbers = {clip.finding_id: queries.finding(catalog, clip.finding_id).lesion_no for clip in clips}
    verdicts = {finding: queries.verdict(catalog, finding) for finding in numbers}
    return [
        {
            "clip": one.clip.id,
            "video": one.video.id,
            "finding": one.clip.finding_id,
            "lesion_no": numbers[one.clip.finding_id],
            "lesion": one.lesion,
            "verdict": event.verdict if (event := verdicts[one.clip.finding_id]) else None,
            "pts_in": one.clip.pts_in,
            "pts_out": one.clip.pts_out,
            "boxes": one.clip.boxes,
            "report": one.report,
        }
        for one in contexts(catalog, clips)
    ]


def _lesion(catalog: Catalog, lesion: Lesion) -> dict[str, Any]:
    clips = [clip.id for finding in lesion.finding_ids for clip in queries.clips(catalog, finding_id=finding)]
    return {"lesion": lesion.id, "findings": lesion.finding_ids, "clips": clips}
