"""Training batches as plain arrays: sampled, cropped, augmented, with modality dropout."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from core.data.augment import Augmentation, augment
from core.data.manifest import Row, load_crop
from core.data.sampler import PKSampler, Sample
from core.data.thinning import thin_text
from core.inference.preprocess import to_square

STORE_MARGIN = 1.25
"""How much larger than the network's input crops are kept: room to zoom in without blur."""


class CropStore:
    """Square crops of manifest rows, read once and kept in memory up to a limit.

    Args:
        rows: the rows; crops are asked for by their position.
        side: side of the squares in pixels.
        full_frame: whole pictures even where there is a box.
        limit_bytes: crops beyond this much memory are read again each time.
    """

    def __init__(
        self, rows: Sequence[Row], side: int, full_frame: bool = False, limit_bytes: int = 2 << 30
    ) -> None:
        self._rows, self._side, self._full_frame = rows, side, full_frame
        self._kept: dict[int, np.ndarray] = {}
        self._room = limit_bytes // (side * side * 3)

    def square(self, index: int) -> np.ndarray:
        """(side, side, 3) uint8 RGB; not to be written to."""
        kept = self._kept.get(index)
        if kept is None:
            kept = to_square(load_crop(self._rows[index], self._full_frame), self._side)
            if len(self._kept) < self._room:
                self._kept[index] = kept
        return kept


class ModalityDropout(msgspec.Struct, frozen=True):
    """How often a training sample loses its picture or its text; never both.

    Args:
        no_image, no_text: shares of the samples; a sample without text never loses its picture.
        thin_text: share of the text's statements that are left out.
    """

    no_image: float = 0.05
    no_text: float = 0.3
    thin_text: float = 0.1


class Batch(msgspec.Struct, frozen=True):
    """One training batch of B = P·K samples, or a process's part of it, b of them.

    Args:
        images: (b, S, S, 3) uint8 RGB.
        labels: (B,) int64 identity numbers of the whole batch, counted over the training rows.
        texts: b descriptions; empty where there is none.
        has_image, has_text: (b,) bool, False where the learned token stands in.
    """

    step: int
    images: np.ndarray
    labels: np.ndarray
    texts: tuple[str, ...]
    has_image: np.ndarray
    has_text: np.ndarray


class BatchMaker:
    """Makes batch number ``step``, always the same for the same settings and seed.

    Nothing is carried from batch to batch, so a run resumes by asking for the next number, and a loader may
    work ahead.

    Args:
        rows: training rows with known identities.
        size: side of the network's input.
        identities, pictures: P and K.

    Raises:
        PolypTraceError: ``too-few-identities``.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        size: int,
        augmentation: Augmentation,
        dropout: ModalityDropout,
        identities: int = 16,
        pictures: int = 4,
        seed: int = 0,
        full_frame: bool = False,
    ) -> None:
        self.rows = [row for row in rows if row.identity is not None]
        self.left_out = len(rows) - len(self.rows)
        self._samples = [Sample(row.patient_id, row.identity, row.exam) for row in self.rows]
        samples = self._samples
        self.sampler = PKSampler(samples, identities, pictures, seed)
        numbers = {identity: i for i, identity in enumerate(sorted({str(s.identity) for s in samples}))}
        self.labels = np.asarray([numbers[str(s.identity)] for s in samples], dtype=np.int64)
        self.identities = len(numbers)
        exams: dict[tuple[str, int], int] = {}
        self._exams = [exams.setdefault((s.patient, s.exam), len(exams)) for s in samples]
        self._size, self._augmentation, self._dropout, self._seed = size, augmentation, dropout, seed
        self._store = CropStore(self.rows, round(size * STORE_MARGIN), full_frame)

    def lower(self, identities: int) -> None:
        """Batches of fewer lesions from now on."""
        self.sampler = PKSampler(self._samples, identities, self.sampler.pictures, self._seed)

    def batch(self, step: int, part: Callable[[int], slice] = slice) -> Batch:
        """Batch ``step`` ≥ 0; with ``part``, pictures and texts of that part of its B samples alone.

        Raises:
            PolypTraceError: a picture of it can't be read.
        """
        chosen = self.sampler.batch(step)
        own = part(len(chosen))
        rng = np.random.default_rng([self._seed, 2, step])
        # Pictures that share a text share its thinned form too: the network then reads it once.
        thinned: dict[str, str] = {}
        for text in (self.rows[i].text for i in chosen):
            if text not in thinned:
                thinned[text] = thin_text(text, self._dropout.thin_text, rng)
        texts = [thinned[self.rows[i].text] for i in chosen]
        has_image, has_text = drop_modalities(np.asarray([bool(t) for t in texts]), self._dropout, rng)
        images = self._pictures(chosen, own, step)
        return Batch(
            step, images, self.labels[chosen], tuple(texts[own]), has_image[own].copy(), has_text[own].copy()
        )

    def _pictures(self, chosen: np.ndarray, own: slice, step: int) -> np.ndarray:
        """Each picture's changes are drawn by its place in the batch, whoever makes it."""
        places = range(len(chosen))[own]
        images = np.empty((len(places), self._size, self._size, 3), dtype=np.uint8)
        for at, place in enumerate(places):
            rng = np.random.default_rng([self._seed, 3, step, place])
            index = int(chosen[place])
            processor = self._processor(index, step)
            images[at] = augment(self._store.square(index), self._size, self._augmentation, rng, processor)
        return images

    def _processor(self, index: int, step: int) -> np.random.Generator | None:
        """The choices that all pictures of a sample's exam share in a batch; None where they share none."""
        if self._augmentation.processor == "picture":
            return None
        return np.random.default_rng([self._seed, 4, step, self._exams[index]])


def drop_modalities(
    described: np.ndarray, dropout: ModalityDropout, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which samples keep picture and text.

    Args:
        described: (B,) bool, True where there is a text at all.

    Returns:
        ``(has_image, has_text)``, (B,) bool each; at least one of both holds everywhere.
    """
    draw = rng.random(len(described))
    has_image = ~(described & (draw < dropout.no_image))
    lost_text = (draw >= dropout.no_image) & (draw < dropout.no_image + dropout.no_text)
    return has_image, described & ~lost_text
