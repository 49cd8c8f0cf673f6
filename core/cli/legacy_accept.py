"""``polyptrace legacy accept``: what was read becomes a finding, or is the one that a clip shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from core.catalog import operations, queries
from core.catalog.changes import CatalogChanges
from core.catalog.engine import Catalog
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.legacy.identity import text_warnings
from core.text.description import merge, parse_setting
from core.text.rules import validate

Ids = Annotated[list[int], typer.Argument(help="Ids of the reports' findings: see `legacy list`.")]


def accept(
    ids: Ids,
    settings: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="Correct a field of the finding; KEY= clears it."),
    ] = [],  # noqa: B006
    as_clip: Annotated[
        int | None,
        typer.Option(
            "--as-clip", metavar="CLIP", help="It is the very finding that this clip of the same exam shows."
        ),
    ] = None,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Make findings of what was read: each becomes a finding of its exam, with a description.

    `link CLIP --with-report ID` can name it then, `describe --finding` edits it, `undo` takes it back.
    With --as-clip no finding is made: what the clip's description lacks is filled from the report.
    """
    output, wanted = Output(json), list(dict.fromkeys(ids))
    typed = dict(parse_setting(setting) for setting in settings)
    if (typed or as_clip is not None) and len(wanted) > 1:
        raise typer.BadParameter("--set and --as-clip are about one finding: name it alone")
    with existing(data_dir(data_dir_)) as catalog:
        values = merge(queries.legacy_finding(catalog, wanted[0])[1].values, typed) if typed else None
        done = _accepted(catalog, wanted, values, as_clip, author)
        made = [queries.legacy_finding(catalog, one) for one in wanted]
    for problem in validate(values) if values else ():
        output.warn(problem.message)
    for warning in text_warnings({report.id: report.text for report, _ in made}.values()):
        output.warn(warning)
    findings = [read.finding for _, read in made]
    output.document({"accepted": wanted, "findings": findings, "exams": done.exams, **told(done)})
    for one, finding in zip(wanted, findings, strict=True):
        output.say(f"Finding {one} of the reports is finding {finding} of the catalogue now.")
    if as_clip is not None:
        output.say(f"{done.label}; what clip {as_clip} was described with stays")


def told(done: CatalogChanges) -> dict[str, Any]:
    """What a command has done, for its document."""
    return {"changed": not done.nothing, "done": done.label}


def _accepted(
    catalog: Catalog, ids: list[int], values: Mapping[str, Any] | None, as_clip: int | None, author: str
) -> CatalogChanges:
    if as_clip is not None:
        return operations.accept_legacy_as_clip(catalog, ids[0], as_clip, values, author=author)
    return operations.accept_legacy_findings(catalog, dict.fromkeys(ids, values), author=author)
