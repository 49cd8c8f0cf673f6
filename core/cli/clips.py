"""``polyptrace clip …`` and ``describe``: what the endoscopist marks and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.catalog import operations, queries
from core.catalog.engine import Catalog
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.cli.videos import warn_of_pts
from core.counting import count
from core.domain import Box, Clip, Video
from core.errors import PolypTraceError
from core.matching.context import TextFit
from core.matching.footage import frame_index
from core.matching.model_choice import bundle_in_use
from core.paths import DataDir
from core.privacy import scan
from core.text.description import load_values, merge, parse_setting, validate
from core.text.render import model_text, report_text
from core.video.index import FrameIndex
from core.video.times import parse_time

group = typer.Typer(
    no_args_is_help=True, help="Clips: add, show, box, trim, move, remove.", rich_markup_mode=None
)
ClipId = Annotated[int, typer.Argument(help="Id of the clip.")]
BoxOption = Annotated[
    list[str],
    typer.Option("--box", metavar="x,y,w,h[@T]", help="Lesion box in pixels; may be given several times."),
]


WHOLE_CLIP = "all"
"""Stands for the box without a frame, which holds for the whole clip."""
LEAST_BOX = 6
"""Least width and height of a lesion box in pixels."""


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="clip")
    app.command()(describe)


@group.command()
def add(
    exam: Annotated[int, typer.Argument(help="Id of the exam.")],
    video: Annotated[str, typer.Option("--video", help="Id or path of an imported video of that exam.")],
    start: Annotated[
        str, typer.Option("--from", metavar="T", help="First frame: 1.2, 3s, mm:ss.s or a pts.")
    ],
    end: Annotated[str, typer.Option("--to", metavar="T", help="Last frame, included.")],
    box: BoxOption = [],  # noqa: B006 - typer reads the default, nobody changes it
    finding: Annotated[int | None, typer.Option("--finding", help="Another clip of this finding.")] = None,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Mark a stretch of a video that shows one finding.

    With lesion boxes where they are known; the model then looks at the lesion alone.
    """
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        queries.exam(catalog, exam)
        source = _video(catalog, video)
        index = frame_index(catalog, source)
        first, last = _pts(start, index), _pts(end, index)
        _refuse_backwards(first, last)
        warn_of_pts(output, index, start, end)
        boxes = tuple(parse_box(text, index) for text in box)
        changes = operations.add_clip(
            catalog, exam, source.id, first, last, boxes=boxes, finding_id=finding, author=author
        )
        clip = queries.clip(catalog, changes.subject or 0)
    document = {**_facts(clip, index), "created": bool(changes.created.clips)}
    output.document(document)
    output.say(_sentence(document) + ("" if document["created"] else "; it was there already"))


def _report(values: dict[str, Any]) -> tuple[str, str | None]:
    """The report sentence, or what keeps a draft from having one: it may hold wrong values, and is shown."""
    try:
        return report_text(values), None
    except PolypTraceError as error:
        return "", error.message


@group.command()
def show(clip: ClipId, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """A clip's times, boxes and description."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        found = queries.clip(catalog, clip)
        index = frame_index(catalog, queries.video(catalog, found.video_id))
        revision = queries.description(catalog, found.finding_id)
    values = revision.values if revision else {}
    report, wrong = _report(values)
    output.document({**_facts(found, index), "description": values, "report": report, "problem": wrong})
    output.say(_sentence(_facts(found, index)))
    if wrong:
        output.warn(wrong)
    output.say(report or "no report sentence yet")


@group.command()
def box(
    clip: ClipId,
    box: BoxOption = [],  # noqa: B006
    remove: Annotated[
        list[str],
        typer.Option("--remove", metavar="T", help="Take the box of this frame away; all = the clip's own."),
    ] = [],  # noqa: B006
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Put lesion boxes on frames of a clip, or take some away.

    A box on the same frame is replaced.
    """
    output = Output(json)
    if not box and not remove:
        raise typer.BadParameter("give --box, --remove or both")
    with existing(data_dir(data_dir_)) as catalog:
        index = _index_of(catalog, clip)
        gone = [None if text == WHOLE_CLIP else _pts(text, index) for text in remove]
        put = [parse_box(text, index) for text in box]
        operations.mark_boxes(catalog, clip, put=put, remove=gone, author=author)
        _tell(output, queries.clip(catalog, clip), index)


@group.command()
def trim(
    clip: ClipId,
    start: Annotated[str | None, typer.Option("--from", metavar="T", help="New first frame.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="New last frame, included.")] = None,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Move the ends of a clip; its boxes must stay inside."""
    output = Output(json)
    if start is None and end is None:
        raise typer.BadParameter("give --from, --to or both")
    with existing(data_dir(data_dir_)) as catalog:
        found, index = queries.clip(catalog, clip), _index_of(catalog, clip)
        first = found.pts_in if start is None else _pts(start, index)
        last = found.pts_out if end is None else _pts(end, index)
        _refuse_backwards(first, last)
        warn_of_pts(output, index, start, end)
        operations.trim_clip(catalog, clip, first, last, author=author)
        _tell(output, queries.clip(catalog, clip), index)


@group.command()
def move(
    clip: ClipId,
    finding: Annotated[
        int | None, typer.Option("--finding", help="A finding of the same exam. Default: a new one.")
    ] = None,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Say that a clip shows another finding of its exam."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        operations.move_clip(catalog, clip, finding, author=author)
        _tell(output, queries.clip(catalog, clip), _index_of(catalog, clip))


@group.command()
def remove(
    clip: ClipId, author: Author = NOBODY, json: JsonFlag = False, data_dir_: DataDirPath = None
) -> None:
    """Take a clip away; undo brings it back."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        changes = operations.remove_clip(catalog, clip, author=author)
    output.document({"clip": clip, "label": changes.label})
    output.say(changes.label)


def parse_box(text: str, index: FrameIndex) -> Box:
    """A box as typed: ``x,y,w,h`` in pixels for the whole clip, or ``x,y,w,h@T`` for the frame at T.

    Raises:
        PolypTraceError: ``box-unreadable``, ``box-outside-picture`` or a time that can't be read.
    """
    numbers, at, time = text.partition("@")
    try:
        x, y, w, h = (float(part) for part in numbers.split(","))
    except ValueError:
        raise PolypTraceError(
            "box-unreadable",
            f"“{text}” is not a box.",
            "Write x,y,w,h in pixels, with @T for its frame: 10,20,80,60@3s.",
        ) from None
    width, height = index.facts.width, index.facts.height
    inside = 0 <= x < x + w <= width + 0.5 and 0 <= y < y + h <= height + 0.5
    if inside and min(w, h) < LEAST_BOX:
        raise PolypTraceError(
            "box-too-small",
            f"The box {numbers} is too small to show a lesion.",
            f"Mark at least {LEAST_BOX} pixels.",
        )
    if not inside:  # also where a number is nan
        raise PolypTraceError(
            "box-outside-picture",
            f"The box {numbers} doesn't lie within the picture of {width}×{height} pixels.",
            "x and y are its upper left corner, w and h its size; both must be positive.",
        )
    return Box(x, y, w, h, _pts(time, index) if at else None)


def _refuse_backwards(first: int, last: int) -> None:
    if first > last:
        raise PolypTraceError("clip-times", "The clip ends before it begins.", "Swap --from and --to.")


def _index_of(catalog: Catalog, clip_id: int) -> FrameIndex:
    """The frame index of a clip's video."""
    return frame_index(catalog, queries.video(catalog, queries.clip(catalog, clip_id).video_id))


def _tell(output: Output, clip: Clip, index: FrameIndex) -> None:
    """A clip as it stands now."""
    facts = _facts(clip, index)
    output.document(facts)
    output.say(_sentence(facts))


def _pts(text: str, index: FrameIndex) -> int:
    pts = index.pts_of(parse_time(text, index))
    if pts is None:
        raise PolypTraceError(
            "time-no-stamps",
            "This video carries no time stamps, so no clip can be marked in it.",
            "Convert it once with a video tool, e.g. into .mp4, and import that file.",
        )
    return pts


def _video(catalog: Catalog, video: str) -> Video:
    if video.isdecimal():
        return queries.video(catalog, int(video))
    found = queries.video_by_path(catalog, video) or queries.video_by_path(
        catalog, str(Path(video).absolute())
    )
    if found is None:
        raise PolypTraceError(
            "video-unknown", f"“{video}” isn't in the catalogue.", "Import it first; `import` prints its id."
        )
    return found


def _facts(clip: Clip, index: FrameIndex) -> dict[str, Any]:
    first, last = index.number_of(clip.pts_in), index.number_of(clip.pts_out)
    return {
        "clip": clip.id,
        "exam": clip.exam_id,
        "finding": clip.finding_id,
        "video": clip.video_id,
        "pts_in": clip.pts_in,
        "pts_out": clip.pts_out,
        "from_s": round(index.seconds(first), 3),
        "to_s": round(index.seconds(last), 3),
        "frames": last - first + 1,
        "boxes": clip.boxes,
    }


def _sentence(facts: dict[str, Any]) -> str:
    times = f"{facts['from_s']:.2f} to {facts['to_s']:.2f} s"
    span = f"{times}, {count(facts['frames'], 'frame')}, {count(len(facts['boxes']), 'box', 'boxes')}"
    return f"clip {facts['clip']} (finding {facts['finding']}, exam {facts['exam']}): {span}"


def describe(
    clip: Annotated[
        int | None, typer.Argument(metavar="CLIP", help="Id of the clip.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str],
        typer.Option(
            "--set", metavar="KEY=VALUE", help="One field; KEY= clears it. A key that isn't known lists all."
        ),
    ] = [],  # noqa: B006
    text: Annotated[str | None, typer.Option("--text", help="Free text, kept as typed.")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE.json", help="A whole description.")
    ] = None,
    finding_: Annotated[
        int | None,
        typer.Option("--finding", metavar="FINDING", help="A finding instead of a clip: one of a report."),
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Finalise: all required fields must be there.")
    ] = False,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Describe the finding of a clip.

    Without settings, show its description.
    """
    output = Output(json)
    if (clip is None) == (finding_ is None):
        raise typer.BadParameter("name a clip, or a finding with --finding")
    typed = dict(parse_setting(setting) for setting in settings)
    if text is not None:
        typed |= dict([parse_setting(f"free_text={text}")])
    with existing(data_dir(data_dir_)) as catalog:
        finding = _described(catalog, clip, finding_)
        before = queries.description(catalog, finding)
        old = before.values if before else {}
        values = merge(load_values(file) if file else old, typed)
        if typed or file or final:
            source = "imported" if file else "typed"
            operations.describe(catalog, finding, values, author=author, source=source, draft=not final)
        now = queries.description(catalog, finding)
    values = now.values if now else {}
    problems = validate(values)
    found = scan(str(values.get("free_text", "")))
    seen = _model_text(data_dir(data_dir_), values) if values else None
    output.document(
        {
            "clip": clip,
            "finding": finding,
            "revision": now.number if now else 0,
            "draft": now.draft if now else True,
            "values": values,
            "report": report_text(values),
            "model_text": seen,
            "problems": problems,
            "privacy": found,
        }
    )
    for problem in problems:
        output.warn(problem.message)
    output.say(report_text(values) or "Not described yet.")
    if seen:
        output.say(f"The model reads: {seen}", style="dim")


def _described(catalog: Catalog, clip: int | None, finding: int | None) -> int:
    if clip is not None:
        return queries.clip(catalog, clip).finding_id
    assert finding is not None
    return queries.finding(catalog, finding).id


def _model_text(folder: DataDir, values: dict[str, Any]) -> str:
    """What the model in use reads; without one, its length is estimated."""
    try:
        fit = TextFit.of(bundle_in_use(folder))
    except PolypTraceError:
        return model_text(values)
    return fit.text(values)
