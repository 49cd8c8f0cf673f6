"""Model texts: fitted once for a model, anew for another description or another model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from core.inference.bundle import read_bundle
from core.matching.context import TextFit
from core.text.render import model_text
from core.text.tokenizer import load_tokenizer

NOTE = "A red polyp with a smooth surface that lies on a fold behind the valve. " * 8


class Counting:
    """A tokenizer that counts what it was asked."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer, self.asked = tokenizer, 0

    def encode(self, text: str) -> Any:
        self.asked += 1
        return self.tokenizer.encode(text)


def test_a_description_that_didn_t_change_is_not_fitted_again(small_bundle: Path) -> None:
    tokenizer = Counting(load_tokenizer(read_bundle(small_bundle).tokenizer))
    fit = TextFit(tokenizer, 128)
    values = {"size_mm": 7, "paris": "0-Is", "free_text": NOTE}
    first, asked = fit.text(values), tokenizer.asked
    assert asked > 0
    assert first == model_text(values, tokenizer.tokenizer, 128)
    assert fit.text(dict(reversed(values.items()))) == first
    assert tokenizer.asked == asked
    assert fit.text(values | {"size_mm": 30}) != first
    shorter = TextFit(tokenizer, 64).text(values)
    assert shorter == model_text(values, tokenizer.tokenizer, 64) != first


def test_a_model_s_tokenizer_is_loaded_once(small_bundle: Path) -> None:
    bundle = read_bundle(small_bundle)
    assert TextFit.of(bundle) is TextFit.of(read_bundle(small_bundle))
