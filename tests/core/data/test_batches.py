"""Batches: modality dropout, thinning, repeatability, and the background loader."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from core.data.augment import NONE
from core.data.batches import BatchMaker, CropStore, ModalityDropout, drop_modalities
from core.data.manifest import Row, load_crop
from core.data.prefetch import Prefetcher
from core.data.thinning import thin_text
from core.domain import Box
from core.errors import PolypTraceError
from core.inference.preprocess import to_square

TEXT = "A polyp, Paris Is. Colour red. Surface smooth. White light."


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    rng, found = np.random.default_rng(0), []
    for lesion in range(4):
        for exam in (1, 2):
            path = tmp_path / f"{lesion}-{exam}.png"
            cv2.imwrite(str(path), rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
            text = TEXT if lesion else ""
            found.append(
                Row(
                    f"{lesion}-{exam}",
                    path,
                    None,
                    f"p{lesion // 2}",
                    f"l{lesion}",
                    exam,
                    "train",
                    text,
                    Box(10, 5, 20, 20),
                )
            )
    return [*found, Row("x", found[0].path, None, "p9", None, 1, "train", TEXT)]


def maker(rows: list[Row], dropout: ModalityDropout | None = None, seed: int = 0) -> BatchMaker:
    return BatchMaker(rows, 32, NONE, dropout or ModalityDropout(), identities=4, pictures=2, seed=seed)


def test_batches_hold_the_crops_of_their_labels(rows: list[Row]) -> None:
    made = maker(rows, ModalityDropout(0, 0, 0))
    batch = made.batch(0)
    assert batch.images.shape == (8, 32, 32, 3)
    assert made.identities == 4
    assert made.left_out == 1
    whole = {number: to_square(load_crop(row), 40) for number, row in enumerate(made.rows)}
    for image, label, text in zip(batch.images, batch.labels, batch.texts, strict=True):
        own = [n for n in whole if made.labels[n] == label]
        errors = [np.abs(to_square(whole[n], 32).astype(int) - image).mean() for n in whole]
        assert int(np.argmin(errors)) in own
        assert text == made.rows[own[0]].text


def test_batches_repeat_whatever_was_asked_before(rows: list[Row]) -> None:
    one, other = maker(rows), maker(rows)
    for step in range(5):
        one.batch(step)
    first, second = one.batch(5), other.batch(5)
    np.testing.assert_array_equal(first.images, second.images)
    np.testing.assert_array_equal(first.has_text, second.has_text)
    assert first.texts == second.texts
    assert not np.array_equal(first.images, maker(rows, seed=1).batch(5).images)


def test_modality_dropout_keeps_its_rates_and_one_modality() -> None:
    described = np.arange(20_000) % 4 > 0
    has_image, has_text = drop_modalities(described, ModalityDropout(0.1, 0.3, 0), np.random.default_rng(0))
    assert (has_image | has_text).all()
    assert not has_text[~described].any()
    assert has_image[~described].all()
    assert np.mean(~has_image[described]) == pytest.approx(0.1, abs=0.01)
    assert np.mean(~has_text[described]) == pytest.approx(0.3, abs=0.015)


def test_no_dropout_drops_nothing() -> None:
    has_image, has_text = drop_modalities(
        np.ones(500, bool), ModalityDropout(0, 0, 0), np.random.default_rng(0)
    )
    assert has_image.all()
    assert has_text.all()


def test_pictures_of_an_exam_share_their_processor_where_the_settings_say_so(tmp_path: Path) -> None:
    """On one grey picture the processor's change is all that differs."""
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((40, 40, 3), (90, 120, 150), np.uint8))
    same = [
        Row(f"{p}-{e}-{n}", path, None, f"p{p}", f"l{p}{lesion}", e, "train", "")
        for p in range(2)
        for lesion in range(2)
        for e in (1, 2)
        for n in range(2)
    ]
    colours: dict[str, dict[tuple[str, int], set[bytes]]] = {"exam": {}, "picture": {}}
    for sharing, found in colours.items():
        changes = msgspec.structs.replace(NONE, photometric_p=1.0, processor=sharing)
        made = BatchMaker(same, 32, changes, ModalityDropout(0, 0, 0), identities=4, pictures=4)
        images = made.batch(0).images
        for index, image in zip(made.sampler.batch(0), images, strict=True):
            row = made.rows[index]
            found.setdefault((row.patient_id, row.exam), set()).add(image[16, 16].tobytes())
    assert {len(values) for values in colours["exam"].values()} == {1}
    assert len(set.union(*colours["exam"].values())) == 4
    assert min(len(values) for values in colours["picture"].values()) > 1


def test_thinning_leaves_out_statements_at_its_rate_but_never_all() -> None:
    rng = np.random.default_rng(0)
    texts = [thin_text(TEXT, 0.25, rng) for _ in range(4000)]
    assert all(texts)
    counts = [text.count(".") for text in texts]
    assert np.mean(counts) == pytest.approx(3.0, abs=0.05)
    assert set(" ".join(texts).split()) <= set(TEXT.split())
    assert thin_text(TEXT, 0, rng) == TEXT
    assert thin_text("", 0.9, rng) == ""


def test_the_store_keeps_no_more_than_its_limit(rows: list[Row]) -> None:
    store = CropStore(rows, 16, limit_bytes=3 * 16 * 16 * 3)
    expected = [to_square(load_crop(row), 16) for row in rows]
    for _ in range(2):
        for number in range(len(rows)):
            np.testing.assert_array_equal(store.square(number), expected[number])
    assert len(store._kept) == 3


def test_the_loader_works_ahead_in_order_and_ends() -> None:
    made: list[int] = []
    with Prefetcher(lambda n: made.append(n) or n, start=4, ahead=2) as loader:  # type: ignore[func-returns-value]
        assert [loader.next() for _ in range(10)] == list(range(4, 14))
    assert made == list(range(4, 4 + len(made)))
    assert "batch loader" not in {thread.name for thread in threading.enumerate()}


def test_what_fails_in_the_loader_is_raised_by_next() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise PolypTraceError("picture-missing", "gone")
        return number

    with Prefetcher(make) as loader:
        assert [loader.next(), loader.next()] == [0, 1]
        with pytest.raises(PolypTraceError, match="gone"):
            loader.next()
