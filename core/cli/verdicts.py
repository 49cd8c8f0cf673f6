"""``polyptrace link``, ``unlink``, ``undo`` and ``redo``: which lesion it is, and changing one's mind."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.domain import Verdict
from core.errors import PolypTraceError
from core.matching.deciding import decide, decide_report

SHORT = {
    "same": Verdict.SAME,
    "scar-clean": Verdict.SCAR_CLEAN,
    "recurrence": Verdict.RECURRENCE,
    "new": Verdict.NEW,
    "cannot-tell": Verdict.CANNOT_TELL,
    "not-a-lesion": Verdict.NOT_A_LESION,
    "reject": Verdict.REJECT,
}
"""One word for each verdict, beside its full name."""


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    for command in (link, unlink, undo, redo):
        app.command()(command)


def parse_verdict(text: str) -> Verdict:
    """A verdict by its name or short word.

    Raises:
        PolypTraceError: ``verdict-unknown``.
    """
    folded = " ".join(text.split()).casefold()
    known = {verdict.value: verdict for verdict in Verdict} | SHORT
    if folded not in known:
        raise PolypTraceError(
            "verdict-unknown", f"“{text}” is not a verdict.", f"Verdicts: {', '.join(SHORT)}."
        )
    return known[folded]


def link(
    clip: Annotated[int, typer.Argument(help="Id of the clip that the verdict is about.")],
    verdict: Annotated[str, typer.Option("--verdict", help=f"{', '.join(SHORT)}; or the full name.")],
    other: Annotated[int | None, typer.Option("--with", help="The earlier clip.")] = None,
    lesion: Annotated[
        int | None, typer.Option("--lesion", help="The earlier lesion, instead of a clip.")
    ] = None,
    report: Annotated[
        int | None,
        typer.Option("--with-report", help="An accepted finding of a report: see `legacy list`."),
    ] = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Allow to join two lesions of several findings.")
    ] = False,
    removed: Annotated[
        bool, typer.Option("--removed", help="It is the one recorded as completely removed.")
    ] = False,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Say which lesion it is: an earlier one, new, none.

    Links the clip's finding, or rejects a pair; nothing is ever linked without a verdict.
    """
    output, chosen = Output(json), parse_verdict(verdict)
    if report is not None and (other is not None or lesion is not None):
        raise typer.BadParameter("name one of --with, --lesion and --with-report")
    how: dict[str, Any] = {"author": author, "merge": merge, "removed": removed}
    with existing(data_dir(data_dir_)) as catalog:
        decided = (
            decide(catalog, chosen, clip, other=other, lesion_id=lesion, **how)
            if report is None
            else decide_report(catalog, chosen, clip, report, **how)
        )
    changes, now, warning = decided.changes, decided.lesion, decided.warning
    output.document(
        {
            "event": changes.subject,
            "verdict": chosen,
            "clip": clip,
            "finding": decided.finding,
            "lesion": now.id if now else None,
            "findings": now.finding_ids if now else [],
            "changed": not changes.nothing,
            "warning": warning,
        }
    )
    if warning:
        output.warn(warning)
    output.say(f"{changes.label}: lesion {now.id if now else '–'} (event {changes.subject})")


def unlink(
    event: Annotated[int, typer.Argument(help="Id of the verdict's event: see `patient show`.")],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Withdraw one verdict, also a much earlier one.

    What it had joined comes apart again.
    """
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        changes = operations.withdraw_verdict(catalog, event, author=author)
    output.document({"event": event, "done": changes.label, "lesions": changes.lesions})
    output.say(changes.label)


def undo(author: Author = NOBODY, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Take back the last description, verdict or edit."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        _tell(output, catalog, operations.undo(catalog, author=author))


def redo(author: Author = NOBODY, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Do again what undo took back."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        _tell(output, catalog, operations.redo(catalog, author=author))


def _tell(output: Output, catalog: Catalog, changes: CatalogChanges) -> None:
    following = {"next_undo": queries.undo_label(catalog), "next_redo": queries.redo_label(catalog)}
    touched = {"clips": changes.clips, "findings": changes.findings, "lesions": changes.lesions}
    output.document({"done": changes.label, **touched, **following})
    output.say(changes.label)
