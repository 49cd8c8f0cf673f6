"""Texts as token tensors, each text tokenised once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor


class TokenTable:
    """Tokenises descriptions and pads a batch only to its longest text.

    Args:
        tokenizer: with ``[CLS]``/``[SEP]`` added by its post-processor.
        max_tokens: longer texts are cut.
        pad_id: fills the batch; masked.
    """

    def __init__(self, tokenizer: Tokenizer, max_tokens: int, pad_id: int = 0) -> None:
        # A copy: truncation is a setting of the tokenizer object, and others may share it.
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._pad = pad_id
        self._known: dict[str, list[int]] = {}

    def encode(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """``(token_ids (B, n) int64, attention_mask (B, n) bool)``; an empty text has no real token."""
        rows = [self._ids(text) if text else [] for text in texts]
        length = max(1, *(len(row) for row in rows)) if rows else 1
        ids = torch.full((len(rows), length), self._pad, dtype=torch.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.as_tensor(row, dtype=torch.int64)
        lengths = torch.as_tensor([len(row) for row in rows])
        return ids, torch.arange(length)[None, :] < lengths[:, None]

    def _ids(self, text: str) -> list[int]:
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = self._tokenizer.encode(text).ids
        return known
