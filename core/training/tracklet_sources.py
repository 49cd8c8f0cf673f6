"""What a hospital has without labels: videos, the catalogue, stills, a manifest; as pieces to be cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from core.catalog import queries
from core.catalog.engine import Catalog
from core.data.manifest import Row, read_manifest
from core.data.splits import training_parts
from core.data.tracklets.apart import ApartFiles
from core.data.tracklets.film import Film, Mark
from core.data.tracklets.sources import FilmReader, Piece, film_pieces, find_stills, row_pieces, still_pieces
from core.domain import Clip, Lesion
from core.errors import PolypTraceError
from core.matching.footage import frame_index
from core.paths import DataDir
from core.progress import CancelToken, Progress, ProgressSink
from core.training.config import TrainConfig
from core.video.importing import read_video
from core.video.sniff import find_videos


class TrackletSources(msgspec.Struct, frozen=True, kw_only=True):
    """Where unlabelled pictures come from; absolute paths.

    Args:
        videos: video files, or folders of them.
        images: folders of stills.
        catalogue: a data folder whose imported videos are used, marked clips as they are marked.
        manifest: of the training that follows; None = none follows. Without any of the others its own
            training rows are the clips. Videos that hold its other rows are left out.
    """

    videos: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    catalogue: str | None = None
    manifest: str | None = None

    @property
    def own_rows(self) -> bool:
        """Whether the manifest's own clips are learnt from."""
        return not (self.videos or self.images or self.catalogue)


class Planned(msgspec.Struct):
    """What is to be cut.

    Args:
        pieces: of work, in order.
        readers: keeps a film open while it is cut.
        notes: sentences on what was left out.
        videos, stills, clips: how many there are.
    """

    pieces: list[Piece]
    readers: FilmReader
    notes: list[str]
    videos: int = 0
    stills: int = 0
    clips: int = 0


class ManifestParts(msgspec.Struct, frozen=True):
    """A manifest's rows, for learning without labels.

    Args:
        learnt: are learnt from.
        apart: are validated or tested on.
        labels: whether ``learnt`` knows at least two lesions, so that training can follow.
    """

    learnt: list[Row]
    apart: list[Row]
    labels: bool


def check_sources(sources: TrackletSources) -> None:
    """Looks at what is there before anything is written; no video is opened.

    Raises:
        PolypTraceError: ``no-unlabelled-data``, ``no-videos``, ``no-stills``, ``folder-missing``,
            ``catalogue-missing``, or what is wrong with the manifest (``no-training-rows`` included).
    """
    if sources.own_rows and sources.manifest is None:
        raise PolypTraceError(
            "no-unlabelled-data",
            "Learning without labels needs videos or stills.",
            "Name them with --videos FOLDER, --images FOLDER or --catalogue, or give a --manifest.",
        )
    if sources.manifest is not None:
        training_parts(read_manifest(sources.manifest).rows, 0)  # how patients are dealt out doesn't matter
    if sources.videos:
        video_paths(sources.videos)
    for folder in sources.images:
        find_stills(Path(folder))
    if sources.catalogue and not DataDir(Path(sources.catalogue)).catalogue.exists():
        raise PolypTraceError(
            "catalogue-missing",
            "There is no catalogue in this data folder yet.",
            "Import videos first, or name a folder with --videos.",
        )


def video_paths(wanted: Iterable[str]) -> list[Path]:
    """Video files, those of folders included, each once.

    Raises:
        PolypTraceError: ``no-videos`` or ``folder-missing``.
    """
    found: dict[Path, None] = {}
    for path in map(Path, wanted):
        for one in [path] if path.is_file() else find_videos(path):
            found.setdefault(one.resolve())
    if not found:
        raise PolypTraceError(
            "no-videos",
            "There is no video in the folder given.",
            "Give a folder with video files; pictures are taken with --images.",
        )
    return list(found)


def plan_pieces(
    sources: TrackletSources, config: TrainConfig, scans: Path, progress: ProgressSink, cancel: CancelToken
) -> Planned:
    """Reads every video once (frame times, quality, scope region, burned-in text) and plans its tracklets.

    Args:
        scans: folder for what reading a video learnt; a stopped call goes on from it.

    Raises:
        PolypTraceError: as :func:`check_sources`; the first refusal where every video is refused.
        Cancelled: between two frames.
    """
    planned = Planned([], FilmReader(), [])
    parts = manifest_parts(sources.manifest, config) if sources.manifest else ManifestParts([], [], False)
    spared = ApartFiles(row.path for row in parts.apart)
    films = _each_once(
        _films_of_folders(sources, scans, spared, planned, progress, cancel),
        _films_of_catalogue(sources, spared, planned, cancel),
    )
    for film in films:
        planned.pieces += film_pieces(film, planned.readers, config.tracklets.films, config.seed)
    stills = _stills(sources, spared, planned)
    planned.pieces += still_pieces(stills)
    if sources.own_rows:
        clips = row_pieces(parts.learnt, config.full_frame, config.tracklets.clip_pictures)
        planned.pieces += clips
        planned.clips = len(clips)
    planned.videos, planned.stills = len(films), len(stills)
    return planned


def manifest_parts(manifest: str, config: TrainConfig) -> ManifestParts:
    """The rows of a manifest by whether they are learnt from.

    Where training follows, the patients that it validates on are left out here too.

    Args:
        config: ``seed`` and ``val_share`` say who they are, as in the training that follows.

    Raises:
        PolypTraceError: what is wrong with the manifest; ``no-training-rows``.
    """
    rows = read_manifest(manifest).rows
    learnt, _, _ = training_parts(rows, config.seed, config.val_share)
    labels = len({row.identity for row in learnt if row.identity is not None}) > 1
    if not labels:
        learnt = [row for row in rows if row.split == "train"]
    mine = set(map(id, learnt))
    return ManifestParts(learnt, [row for row in rows if id(row) not in mine], labels)


def _stills(sources: TrackletSources, spared: ApartFiles, planned: Planned) -> list[Path]:
    found = [path for folder in sources.images for path in find_stills(Path(folder))]
    kept = [path for path in found if path not in spared]
    if left := len(found) - len(kept):
        planned.notes.append(f"Stills that were left out, because the manifest tests on them: {left}.")
    return kept


def _films_of_folders(
    sources: TrackletSources,
    scans: Path,
    spared: ApartFiles,
    planned: Planned,
    progress: ProgressSink,
    cancel: CancelToken,
) -> list[Film]:
    paths = video_paths(sources.videos) if sources.videos else []
    films: dict[str, Film] = {}
    refused: PolypTraceError | None = None
    for number, path in enumerate(paths, start=1):
        cancel.raise_if_cancelled()
        if path in spared:
            # Nothing is learnt from what is validated or tested on, not even without labels.
            planned.notes.append(f"{path.name} was left out: the manifest tests on it.")
            continue

        def sink(step: Progress, number: int = number) -> None:
            progress(msgspec.structs.replace(step, stage=f"{step.stage}, video {number} of {len(paths)}"))

        try:
            index = read_video(path, scans, sink, cancel).index
        except PolypTraceError as error:
            refused = refused or error
            planned.notes.append(f"{path.name} was left out: {error.message}")
            continue
        name = index.facts.sha256[:16]
        films.setdefault(name, Film(name, path, index, index.facts.region, index.facts.text_boxes))
    if refused is not None and not films:
        raise refused
    return list(films.values())


def _films_of_catalogue(
    sources: TrackletSources, spared: ApartFiles, planned: Planned, cancel: CancelToken
) -> list[Film]:
    if not sources.catalogue:
        return []
    films = []
    with Catalog.open(DataDir(Path(sources.catalogue))) as catalog:
        clips: dict[int, list[Clip]] = {}
        for clip in queries.clips(catalog):
            clips.setdefault(clip.video_id, []).append(clip)
        lesions = _known_lesions(queries.lesion_of_clips(catalog))
        for video in queries.videos(catalog):
            cancel.raise_if_cancelled()
            path = Path(video.path)
            if path in spared:
                planned.notes.append(f"Video {video.id} was left out: the manifest tests on it.")
                continue
            try:
                index = frame_index(catalog, video)
            except PolypTraceError as error:
                planned.notes.append(f"Video {video.id} was left out: {error.message}")
                continue
            marks = tuple(
                Mark(clip.pts_in, clip.pts_out, clip.boxes, lesions.get(clip.id))
                for clip in clips.get(video.id, [])
                if clip.boxes
            )
            name = video.sha256[:16]
            films.append(Film(name, path, index, video.region, tuple(video.text_boxes), marks))
    return films


def _each_once(folders: list[Film], catalogue: list[Film]) -> list[Film]:
    """A film that both hold is the catalogue's, which knows its marks; read where the folder has it."""
    films = {film.name: film for film in folders}
    for film in catalogue:
        known = films.get(film.name, film)
        films[film.name] = msgspec.structs.replace(film, path=known.path)
    return list(films.values())


def _known_lesions(lesions: dict[int, Lesion]) -> dict[int, str]:
    """Lesions by clip id, as names, where somebody gave a lesion more than one clip.

    Every clip begins as a lesion of its own: one that stands alone may be another one, marked twice.
    """
    clips = Counter(lesion.id for lesion in lesions.values())
    return {clip: f"lesion {lesion.id}" for clip, lesion in lesions.items() if clips[lesion.id] > 1}
