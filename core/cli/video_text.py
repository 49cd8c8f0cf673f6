"""``polyptrace video …``: what is known of a video, where burned-in text is in it, where its file lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.catalog import operations, queries
from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.counting import count
from core.domain import Exam, PixelBox, Video
from core.errors import PolypTraceError
from core.importing import relocate_video
from core.video.content import content_hash

group = typer.Typer(no_args_is_help=True, help="Videos: show, text, locate.", rich_markup_mode=None)
VideoId = Annotated[int, typer.Argument(help="Id of the video.")]


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.add_typer(group, name="video")


@group.command()
def show(video: VideoId, json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """A video's facts, exams and burned-in text."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        _tell(output, queries.video(catalog, video), queries.exams_of_video(catalog, video))


@group.command()
def text(
    video: VideoId,
    box: Annotated[
        list[str] | None,
        typer.Option("--box", metavar="X,Y,W,H", help="In pixels of the frame; give all there are."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="There is no burned-in text.")] = False,
    found: Annotated[bool, typer.Option("--found", help="Back to what the program found.")] = False,
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Say where burned-in text is in a video: it is painted over before a model sees a frame.

    What is given replaces what was found. Embeddings made before count as outdated where it matters.
    """
    output = Output(json)
    if (bool(box), clear, found).count(True) != 1:
        raise typer.BadParameter("give --box (once for each), --clear or --found")
    boxes = None if found else [read_box(typed) for typed in box or ()]
    with existing(data_dir(data_dir_)) as catalog:
        operations.set_text_boxes(catalog, video, boxes, author=author)
        _tell(output, queries.video(catalog, video), queries.exams_of_video(catalog, video))


@group.command()
def locate(
    video: VideoId,
    file: Annotated[Path, typer.Argument(help="Where it lies now.")],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Say where the file of a video lies now; only the same content is taken."""
    output = Output(json)
    with existing(data_dir(data_dir_)) as catalog:
        queries.video(catalog, video)
        with output.progress() as progress, cancel_by_interrupt() as cancel:
            sha256 = content_hash(file, progress, cancel)
        relocate_video(catalog, video, file, sha256, author)
        _tell(output, queries.video(catalog, video), queries.exams_of_video(catalog, video))


def read_box(typed: str) -> PixelBox:
    """A box as typed, x,y,w,h.

    Raises:
        PolypTraceError: ``text-box`` when it isn't four whole numbers.
    """
    try:
        x, y, w, h = (int(part) for part in typed.split(","))
    except ValueError:
        raise PolypTraceError(
            "text-box", f"“{typed}” isn't a box of burned-in text.", "Write x,y,w,h in pixels: 6,20,120,18."
        ) from None
    return x, y, w, h


def _tell(output: Output, video: Video, exams: list[Exam]) -> None:
    ids = [exam.id for exam in exams]
    author = "found" if video.text_corrected is None else "corrected"
    document: dict[str, Any] = {
        "video": video.id,
        "sha256": video.sha256,
        "path": video.path,
        "exams": ids,
        "frames": video.frames,
        "duration_s": video.duration_s,
        "width": video.width,
        "height": video.height,
        "codec": video.codec,
        "region": video.region.box if video.region and video.region.found else None,
        "text_boxes": video.text_boxes,
        "text_from": author,
    }
    output.document(document)
    output.say(f"video {video.id}  {video.path}")
    output.say(f"  exams: {', '.join(map(str, ids)) or 'none'}")
    output.say(
        f"  {count(video.frames, 'frame')}, {video.duration_s:.1f} s, "
        f"{video.width} × {video.height}, {video.codec}"
    )
    where = "; ".join(",".join(map(str, box)) for box in video.text_boxes) or "none"
    output.say(f"  burned-in text, {author}: {where}")
