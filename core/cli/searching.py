"""``polyptrace search``: clips of a kind, found by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import DataDirPath, Device, JsonFlag, data_dir, day, existing
from core.cli.output import Output
from core.cli.search_space import prepared_space
from core.counting import count

if TYPE_CHECKING:
    from core.search.query import Refinement
    from core.search.searching import Hit, SearchResult

_SHOWN = 4
"""So many words that mattered stand beside a hit for people; JSON holds all."""


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(search)


def search(
    text: Annotated[
        str, typer.Argument(help="What the polyp is like: “2 cm pedunculated polyp in the sigmoid”.")
    ] = "",
    top: Annotated[int, typer.Option("--top", help="How many clips at most.", min=1)] = 20,
    like: Annotated[
        int | None, typer.Option("--like", metavar="CLIP", help="Like this clip; words come on top.")
    ] = None,
    larger: Annotated[bool, typer.Option("--larger", help="Larger than that.")] = False,
    smaller: Annotated[bool, typer.Option("--smaller", help="Smaller than that.")] = False,
    other_segment: Annotated[bool, typer.Option("--other-segment", help="In another segment.")] = False,
    after_tattoo: Annotated[
        bool, typer.Option("--after-tattoo", help="Only exams after one with a tattoo.")
    ] = False,
    patient: Annotated[str | None, typer.Option("--patient", metavar="CODE", help="Only this one's.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="From this exam date on.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Up to this exam date.")] = None,
    segment: Annotated[str | None, typer.Option("--segment", help="Only in this segment.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Id or folder of a search model. Default: the one in use.")
    ] = None,
    device: Device = "auto",
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Find clips by words: polyps of that kind, best first.

    It doesn't decide whether two are the same lesion. Clips that aren't prepared yet are prepared first.
    """
    from core.search.query import Filters, SearchQuery, segment_of
    from core.search.searching import search as find

    output = Output(json)
    if larger and smaller:
        raise typer.BadParameter("--larger and --smaller don't go together")
    chips: list[tuple[bool, Refinement]] = [
        (larger, "larger"),
        (smaller, "smaller"),
        (other_segment, "other segment"),
        (after_tattoo, "after tattoo"),
    ]
    query = SearchQuery(
        text=text,
        like=like,
        refinements=tuple(chip for wanted, chip in chips if wanted),
        filters=Filters(
            patient=patient,
            since=day(since, "--from"),
            until=day(until, "--to"),
            segment=None if segment is None else segment_of(segment),
        ),
    )
    with existing(data_dir(data_dir_)) as catalog:
        space = prepared_space(catalog, model, device, output)
        result = find(catalog, space, query, top)
    for doubt in _doubts(result, text):
        output.warn(doubt)
    output.document(result.as_dict())
    _show(output, result)


def _doubts(result: SearchResult, text: str) -> list[str]:
    """What of the query wasn't taken as it was meant, in sentences."""
    from core.search.query import LONGEST

    told = [f"not understood: {', '.join(result.ignored)}"] if result.ignored else []
    if result.nowhere:
        told.append(result.nowhere_words)
    if len(text) > LONGEST:
        told.append(f"Only the first {count(LONGEST, 'character')} of the query were read.")
    return told


def _show(output: Output, result: SearchResult) -> None:
    if result.said:
        output.say(f"Understood: {result.said}")
    if result.hits:
        rows = [(place, *_row(hit)) for place, hit in enumerate(result.hits, start=1)]
        columns = ("", "clip", "patient", "exam", "what", "score", "words that mattered")
        output.table(f"The best of {count(result.searched, 'clip')}", columns, rows)
    elif result.advice:
        output.say(result.advice)
    if result.unprepared:
        output.warn(f"{count(result.unprepared, 'clip')} couldn't be prepared, so not searched.")
    output.say(result.note)
    output.say(result.model, style="dim")
    output.banner()


def _row(hit: Hit) -> tuple[object, ...]:
    words = ", ".join(f"{one.word} {one.change:+.2f}" for one in hit.words[:_SHOWN])
    what = hit.place if hit.described else "not described"
    return hit.clip, hit.patient, str(hit.exam_date), what, hit.score, words
