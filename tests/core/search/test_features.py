"""Words as numbers."""

from __future__ import annotations

import numpy as np
import pytest

from core.search.codes import all_names
from core.search.features import WordFeatures, Words, learn_features


def test_codes_are_ones_and_free_words_share_one() -> None:
    features = WordFeatures(("segment=sigmoid", "paris=Ip"), ("desc", "tiny", "washing"))
    row = features.of(Words({"segment": ("sigmoid",)}, "tiny, tiny and Washing"))
    assert row == pytest.approx([1, 0, 0, 2**-0.5, 2**-0.5])
    assert row.dtype == np.float32
    assert not features.of(Words({}, "nothing known")).any()


def test_rare_words_are_no_features() -> None:
    texts = [Words({}, "desc colon")] * 3 + [Words({}, "once only")] * 2
    features = learn_features(all_names(), texts)
    assert features.words == ("colon", "desc")
    assert learn_features((), texts, most=1).words == ("colon",)


def test_what_identifies_somebody_is_no_feature() -> None:
    words = Words.of_text("Seen by Dr Smith on 12.03.2019, MRN 4711. Flat polyp.")
    assert "smith" not in words.free.casefold()
    assert "2019" not in words.free
    assert words.codes["paris"] == ("IIb",)


def test_no_text_is_no_row() -> None:
    assert WordFeatures(("a=b",), ()).of_all([]).shape == (0, 1)
