"""Figures known from elsewhere: a plain colour descriptor on real polyps, learnt cross-modal features."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from core.evaluation.features import evaluate_features
from core.evaluation.run import evaluate_manifest

SHARED = Path(os.environ.get("POLYPTRACE_SHARED") or Path(__file__).resolve().parents[4] / "shared") / "data"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data"),
]


class Blind:
    """A model that sees nothing: only the baselines count here."""

    def embed_pairs(
        self, images: Sequence[np.ndarray | None], texts: Sequence[str | None], cancel: object = None
    ) -> np.ndarray:
        return np.full((len(images), 2), np.sqrt(0.5), dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "mean_average_precision", "rank1"),
    [("reid_split", 0.679, 0.813), ("reid_split_shift", 0.351, 0.200)],
)
def test_colour_histogram_on_real_polyps(name: str, mean_average_precision: float, rank1: float) -> None:
    path = SHARED / "clinicdb" / f"{name}.csv"
    document = evaluate_manifest(path, Blind(), baselines=("colour_histogram",)).as_dict()
    figures = document["baselines"]["colour_histogram"]["frame"]
    # Theirs cut the crop's last touched pixel off at two of its sides, which is worth up to half a point.
    assert figures["mAP"] == pytest.approx(mean_average_precision, abs=0.006)
    assert figures["rank1"] == pytest.approx(rank1, abs=0.001)
    assert figures["intervals"]["mAP"][0] < figures["mAP"] < figures["intervals"]["mAP"][1]
    assert document["counts"]["query_clips"] == 9
    # Every vector of the model is the same: Rank-1 is that of the gallery's first item.
    assert document["frame"]["rank1"] < 0.3


def test_cross_modal_map_on_the_authors_features(tmp_path: Path) -> None:
    arrays = {}
    for name, file in (("image", "wiki_0.mat"), ("text", "wiki_1.mat")):
        stored = loadmat(SHARED / "drcl_reference" / file)
        arrays |= {f"{name}_features": stored["test_fea"], f"{name}_labels": stored["test_lab"]}
    np.savez(tmp_path / "wiki.npz", **arrays)
    figures = evaluate_features(tmp_path / "wiki.npz")
    assert figures["map_all"] == pytest.approx({"image->text": 0.5619, "text->image": 0.5376}, abs=1e-4)
    assert figures["map_50"] == pytest.approx({"image->text": 0.5599, "text->image": 0.6848}, abs=1e-4)
