"""``polyptrace import`` and ``frames``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.catalog import queries
from core.catalog.engine import Catalog
from core.cli.interrupt import cancel_by_interrupt
from core.cli.options import NOBODY, Author, DataDirPath, JsonFlag, data_dir, existing
from core.cli.output import Output
from core.cli.patients import warn_of_name
from core.counting import count
from core.days import exam_day
from core.errors import PolypTraceError
from core.importing import REFUSED, ImportSummary, import_videos, video_files
from core.matching.footage import frame_index
from core.paths import DataDir
from core.progress import CancelToken, ProgressSink
from core.video.export import FrameFile, export_frames, frames_at, frames_numbered
from core.video.importing import read_video
from core.video.index import FrameIndex


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command("import")(import_)
    app.command()(frames)


def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="VIDEO|FOLDER…", help="Files, or folders of videos.")
    ],
    patient: Annotated[str, typer.Option("--patient", help="The patient's pseudonym, never a name.")],
    exam_date: Annotated[str, typer.Option("--exam-date", metavar="YYYY-MM-DD", help="Day of the exam.")],
    author: Author = NOBODY,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Import videos into an exam of a patient.

    Content that the catalogue knows already is recognised. A file that can't be read doesn't stop the others:
    the command fails only when all are refused.
    """
    output = Output(json)
    date = exam_day(exam_date)
    warn_of_name(output, patient)
    files = video_files(paths)
    folder = data_dir(data_dir_)
    with Catalog.open(folder) as catalog, output.progress() as progress, cancel_by_interrupt() as cancel:
        summary = import_videos(
            catalog, files, patient, date, author=author, progress=progress, cancel=cancel
        )
    alone = len(summary.videos) == 1 and summary.all_refused
    if not alone:  # its reason is the error
        _say_imported(output, summary)
    if summary.all_refused:
        first = summary.videos[0]
        message = first.reason if alone else "None of the files could be imported."
        error = PolypTraceError(
            "import-refused",
            message or "",
            (first.hint or "") if alone else "The list says why each was refused.",
        )
        output.error(error, summary.as_dict())
        raise typer.Exit(1)
    output.document(summary.as_dict())


def _say_imported(output: Output, summary: ImportSummary) -> None:
    for video in summary.videos:
        if video.status == REFUSED:
            output.warn(f"{Path(video.path).name} was refused: {video.reason}")
            continue
        facts = f"{count(video.frames or 0, 'frame')}, {video.duration_s:.1f} s"
        output.say(f"video {video.id}  {video.status}  {Path(video.path).name}  ({facts})")
        for warning in video.warnings:
            output.warn(f"{Path(video.path).name}: {warning}")
    if summary.exam is not None:
        output.say(f"exam {summary.exam}")


def frames(
    video: Annotated[str, typer.Argument(help="A path, imported or not, or the id of an imported video.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the PNG files.")],
    index: Annotated[
        str | None, typer.Option("--index", metavar="N,…", help="Numbers of frames, from 0.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="T,…", help="1.2, 3s, mm:ss.s, or a pts.")
    ] = None,
    json: JsonFlag = False,
    data_dir_: DataDirPath = None,
) -> None:
    """Write exact frames as PNG.

    A frame that can't be given exactly is refused in words; the command fails only when all are.
    """
    output = Output(json)
    if index is None and time is None:
        raise typer.BadParameter("give --index, --time or both")
    with output.progress() as progress, cancel_by_interrupt() as cancel:
        path, table = find_video(data_dir(data_dir_), video, progress, cancel)
        warn_of_pts(output, table, *(time or "").split(","))
        wanted = frames_numbered(index, table) + frames_at(time, table)
        written = export_frames(path, table, wanted, out, progress, cancel)
    document = {"video": str(path), "frames": [frame.as_dict() for frame in written]}
    if all(frame.refused for frame in written):
        hint = "`import` prints how many frames a video has; times count from its first frame."
        output.error(PolypTraceError("frames-refused", written[0].refused or "", hint), document)
        raise typer.Exit(1)
    output.document(document)
    for frame in written:
        output.say(_line(frame))
    output.banner()


def _line(frame: FrameFile) -> str:
    if frame.refused:
        return f"{frame.asked}: {frame.refused}"
    return f"frame {frame.index}  {frame.seconds:.3f} s  {frame.path}"


def warn_of_pts(output: Output, index: FrameIndex, *typed: str | None) -> None:
    """Who types 5 may mean five seconds; as a time stamp of the video it is usually its first frame."""
    for text in typed:
        if text and text.strip().isdecimal() and int(text) and int(text) not in index.pts:
            output.warn(f"“{text}” was read as a time stamp of the video; write {text}s for seconds.")


def find_video(
    folder: DataDir, video: str, progress: ProgressSink, cancel: CancelToken
) -> tuple[Path, FrameIndex]:
    """A video by id or path, with its frame index; a file that wasn't imported is read now.

    Raises:
        Cancelled: while it is read.
        PolypTraceError: ``video-unknown``, or the file can't be read.
    """
    if video.isdecimal() and not Path(video).exists():
        with existing(folder) as catalog:
            known = queries.video(catalog, int(video))
            return Path(known.path), frame_index(catalog, known)
    scan = read_video(Path(video), folder.root, progress, cancel)
    return Path(video), scan.index
