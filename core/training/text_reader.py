"""Texts as text tokens of the network; what a frozen text encoder has read once is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor

from core.models.dmcl import Dmcl
from core.training.tokens import TokenTable


class TextReader:
    """Reads each different text of a batch once and, with a frozen encoder, each text of a run once.

    A frozen encoder reads every text by itself, never padded: so its output depends on nothing but the text,
    and is the same whether it was kept, read again, or read after a resume.

    Args:
        tokens: tokenises.
        limit_bytes: memory for what is kept; beyond it the text that wasn't asked for longest goes.

    Attributes:
        texts_read: texts that the encoder had to read so far.
    """

    def __init__(self, tokens: TokenTable, limit_bytes: int = 512 << 20) -> None:
        self.tokens, self._limit = tokens, limit_bytes
        self._kept: OrderedDict[str, Tensor] = OrderedDict()
        self._bytes = 0
        self.texts_read = 0

    def read(self, model: Dmcl, texts: Sequence[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """Text tokens T1…Tn and their mask.

        Args:
            texts: B texts; an empty one has no real token.

        Returns:
            ``(tokens (B, n, width), mask (B, n) bool)``, n = the longest of these texts.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        rows = torch.tensor([places[text] for text in texts], device=device)
        if model.text.frozen:
            states, mask = self._states(model, list(places), device)
            tokens: Tensor = model.text.project(states)
        else:
            ids, mask = (x.to(device) for x in self.tokens.encode(list(places)))
            self.texts_read += len(places)
            tokens = model.text_tokens(ids, mask)
        return tokens[rows], mask[rows]

    def _states(self, model: Dmcl, texts: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
        """The encoder's last layer, padded: (U, n, hidden) and (U, n)."""
        parts = [self._one(model, text, device) for text in texts]
        lengths = torch.tensor([len(part) if text else 0 for part, text in zip(parts, texts, strict=True)])
        states = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
        return states, (torch.arange(states.shape[1]) < lengths[:, None]).to(device)

    def _one(self, model: Dmcl, text: str, device: torch.device) -> Tensor:
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        ids, mask = (x.to(device) for x in self.tokens.encode([text]))
        self.texts_read += 1
        # Validation, which runs in inference mode, may be the first to ask; training uses the same tokens.
        plain = torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False)
        with plain[0], plain[1], plain[2]:
            states = model.text.states(ids, mask)[0].clone()
        self._keep(text, states)
        return states

    def _keep(self, text: str, states: Tensor) -> None:
        size = states.numel() * states.element_size()
        if size > self._limit:
            return
        self._kept[text] = states
        self._bytes += size
        while self._bytes > self._limit:
            _, old = self._kept.popitem(last=False)
            self._bytes -= old.numel() * old.element_size()
