"""``polyptrace legacy list|dismiss|propose|add|reports|clips``: what becomes of kept reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.catalog import operations, queries
from core.catalog.values import LegacyFinding, LegacyReport, LegacyState
from core.cli import legacy_accept
from core.cli.legacy_accept import Ids, told
from core.cli.legacy_words import least_sure_words
from core.cli.options import NOBODY, Author, DataDirPath, Device, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.cli.search_space import prepared_space
from core.text.place import compared_names, place_of

if TYPE_CHECKING:
    from core.search.reports import Fit, Fits

_Top = Annotated[int, typer.Option("--top", help="How many at most.", min=1)]
_SearchModel = Annotated[
    str | None, typer.Option("--model", help="Id or folder of a search model. Default: the one in use.")
]
_NAMED = 20
"""So many reports are named in a sentence."""
_SHOWN = 60
"""Characters of a sentence in a table for people; JSON holds all."""


def register(group: typer.Typer) -> None:
    """Adds this file's commands."""
    group.command("list")(list_reports)
    for command in (legacy_accept.accept, dismiss, propose, add, reports, clips):
        group.command()(command)


def list_reports(
    patient: Annotated[str | None, typer.Option("--patient", metavar="CODE", help="Only this one's.")] = None,
    state: Annotated[LegacyState | None, typer.Option("--state", help="Only findings that stand so.")] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Kept reports, and the findings that were read in them."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        found = queries.legacy_reports(catalog, patient=patient)
        if patient is not None and not found:
            queries.patient_of_code(catalog, patient)  # nobody, or somebody without reports
        accepted = queries.accepted_values(catalog, found)
    output.document({"reports": [_report(one, state) for one in found]})
    rows = [
        _row(report, one, accepted.get(one.id))
        for report in found
        for one in report.findings
        if state in (None, one.state)
    ]
    if rows:
        output.table(
            "Reports", ("id", "report", "patient", "date", "state", "what", "least sure", "words"), rows
        )
    if state is None:
        _say_bare(output, [one for one in found if not one.findings])
    if not rows:
        output.say(_none(found, patient, state))


def _say_bare(output: Output, bare: Sequence[LegacyReport]) -> None:
    """Reports in which nothing was read."""
    if bare:
        named = ", ".join(f"{one.id} (patient {one.patient}, {one.date})" for one in bare[:_NAMED])
        more = f" and {len(bare) - _NAMED} more" if len(bare) > _NAMED else ""
        output.say(f"No finding was read in report {named}{more}; `legacy add` adds one by hand.")


def _none(found: Sequence[LegacyReport], patient: str | None, state: LegacyState | None) -> str:
    if found:
        return f"No finding is {state.value}." if state else "There is nothing to accept."
    if patient is not None:
        return f"Patient {patient} has no reports."
    return "No reports yet. `polyptrace legacy import FILE` keeps some."


def _report(report: LegacyReport, state: LegacyState | None) -> dict[str, Any]:
    facts = {"report": report.id, "patient": report.patient, "date": report.date, "text": report.text}
    return {**facts, "findings": [one for one in report.findings if state in (None, one.state)]}


def _row(report: LegacyReport, one: LegacyFinding, accepted: Mapping[str, Any] | None) -> tuple[object, ...]:
    """As it was accepted, or as it was read and how surely."""
    words = one.words if len(one.words) <= _SHOWN else f"{one.words[: _SHOWN - 1]}…"
    sure = least_sure_words(one.fields) if accepted is None else ""
    what = place_of(one.values if accepted is None else accepted) if accepted or one.fields else "–"
    return one.id, report.id, report.patient, str(report.date), one.state.value, what, sure, words


def dismiss(ids: Ids, author: Author = NOBODY, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Put findings aside that aren't wanted; an accepted one is taken away again."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        done = operations.dismiss_legacy_findings(catalog, ids, author=author)
    output.document({"dismissed": ids, **told(done)})
    output.say("Nothing changed: it is dismissed already." if done.nothing else done.label)


def propose(ids: Ids, author: Author = NOBODY, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Make proposals again of findings that were dismissed."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        done = operations.propose_legacy_findings(catalog, ids, author=author)
    output.document({"proposed": ids, **told(done)})
    output.say("Nothing changed: only what is dismissed is proposed again." if done.nothing else done.label)


def add(
    report: Annotated[int, typer.Argument(help="Id of the report: see `legacy list`.")],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Add a finding to a report that its reader overlooked; `legacy accept ID --set …` fills it in."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        done = operations.add_legacy_finding(catalog, report, author=author)
    output.document({"id": done.subject, "report": report})
    output.say(
        f"Finding {done.subject} of report {report} is added: fill it in with "
        f"`legacy accept {done.subject} --set KEY=VALUE`."
    )


def reports(
    clip: Annotated[int, typer.Argument(help="Id of the clip.")],
    top: _Top = 10,
    model: _SearchModel = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Which report fits this clip: of its kind, the same patient's first.

    It doesn't decide whether two are the same lesion: `link CLIP --verdict same --with-report ID` does, and
    `legacy accept ID --as-clip CLIP` where both are of one exam.
    """
    from core.search.reports import reports_for_clip

    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        space = prepared_space(catalog, model, device, output)
        found = reports_for_clip(catalog, space, clip, top)
    output.document({"clip": clip, **found.as_dict()})
    rows = [
        (one.legacy, one.patient, str(one.date), one.place, one.score, compared_names(one.agree),
         compared_names(one.differ), _stands(one, one.verdict or one.state.value))
        for one in found.fits
    ]  # fmt: skip
    columns = ("id", "patient", "date", "what", "score", "agree", "differ", "stands as")
    output.table(f"Reports for clip {clip}, best first", columns, rows)
    _end(output, found, "There is no report of another exam than the clip's.")


def clips(
    legacy: Annotated[int, typer.Argument(metavar="ID", help="A report's finding: see `legacy list`.")],
    top: _Top = 10,
    model: _SearchModel = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Which clip fits this report: of its kind, the same patient's first.

    It doesn't decide whether two are the same lesion: `link CLIP --verdict same --with-report ID` does, and
    `legacy accept ID --as-clip CLIP` where both are of one exam.
    """
    from core.search.reports import clips_for_report

    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        space = prepared_space(catalog, model, device, output)
        found = clips_for_report(catalog, space, legacy, top)
    output.document({"id": legacy, **found.as_dict()})
    rows = [
        (one.clip, one.clip_patient, str(one.clip_date), one.clip_place, one.score, compared_names(one.agree),
         compared_names(one.differ), _stands(one, one.verdict or ""))
        for one in found.fits
    ]  # fmt: skip
    columns = ("clip", "patient", "exam", "what", "score", "agree", "differ", "verdict")
    output.table(f"Clips for finding {legacy} of the reports, best first", columns, rows)
    _end(output, found, "There is no clip of another exam than the report's.")


def _stands(one: Fit, words: str) -> str:
    return ", ".join(["this exam"] * one.same_exam + [words] * bool(words))


def _end(output: Output, found: Fits, nothing: str) -> None:
    if not found.fits:
        output.say(nothing)
    output.say(found.note)
    output.say(found.model, style="dim")
    output.banner()
