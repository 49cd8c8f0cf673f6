"""The loop of masked-language pre-training (torch)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors.torch
import torch
from tokenizers import Tokenizer
from torch import Tensor

from core.errors import PolypTraceError
from core.models.config import BertSettings
from core.models.layers import bert_shape
from core.progress import CancelToken, Progress, ProgressSink
from core.text.tokenizer import SPECIAL
from core.training.checkpoint import load_checkpoint, load_facts, save_checkpoint
from core.training.schedule import rate_factor
from core.training.tokens import TokenTable

LARGEST = 4_000_000
"""Most parameters our text encoder may have."""
_IGNORED = -100
_SAVE_SECONDS = 30.0


class MlmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of masked-language pre-training.

    Args:
        bert: shape of the encoder; its vocabulary size is the largest wished for.
        texts: random descriptions to draw, besides those given.
        steps: batches.
        batch: texts a batch.
        rate, decay: highest learning rate of AdamW and its weight decay.
        masked: share of the tokens to be guessed (BERT: 0.15; 80 % masked, 10 % random, 10 % left).
        val_share: share of the texts that are only measured on.
    """

    bert: BertSettings = BertSettings()
    texts: int = 20_000
    steps: int = 1500
    batch: int = 48
    rate: float = 1e-3
    decay: float = 0.01
    masked: float = 0.15
    val_share: float = 0.05
    seed: int = 0


class Pretraining:
    """Encoder, its guessing head and the texts. Batch and masks of a step are functions of (seed, step).

    Args:
        train, val: texts to learn from and to measure on.
        max_tokens: texts are cut here.

    Raises:
        PolypTraceError: ``text-encoder-too-large``.
    """

    def __init__(
        self,
        settings: MlmSettings,
        tokenizer: Tokenizer,
        train: list[str],
        val: list[str],
        max_tokens: int,
        device: str,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self._device = settings, torch.device(device)
        self.model = _bert(settings.bert, tokenizer.get_vocab_size()).to(self._device)
        self.parameters = sum(p.numel() for p in self.model.bert.parameters())
        if self.parameters > LARGEST:
            raise PolypTraceError(
                "text-encoder-too-large",
                f"The text encoder has {self.parameters} parameters, more than {LARGEST}.",
                "Choose fewer layers, a smaller width or a smaller vocabulary.",
            )
        self._tokens = TokenTable(tokenizer, max_tokens)
        self._vocabulary, self._mask_id = tokenizer.get_vocab_size(), SPECIAL.index("[MASK]")
        self._train, self._val = train, val

    def train(self, checkpoint: Path, key: str, progress: ProgressSink, cancel: CancelToken) -> float:
        """Trains to the last step, or goes on from ``checkpoint`` when it holds the same ``key``.

        Returns:
            Seconds of work before this call.

        Raises:
            Cancelled: a checkpoint was left.
        """
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.0, weight_decay=self.settings.decay)
        modules = {"model": self.model}
        step, before = 0, 0.0
        if checkpoint.exists() and load_facts(checkpoint).get("key") == key:
            facts = load_checkpoint(checkpoint, modules, optimiser)
            step, before = int(facts["step"]), float(facts["seconds"])
        self.model.train()
        began = saved = time.monotonic()
        while step < self.settings.steps:
            if cancel.cancelled or time.monotonic() - saved > _SAVE_SECONDS:
                saved = time.monotonic()
                facts = {"key": key, "step": step, "seconds": before + saved - began}
                save_checkpoint(checkpoint, modules, optimiser, facts)
                cancel.raise_if_cancelled()
            loss = self._step(step, optimiser)
            step += 1
            progress(Progress("text encoder", step, self.settings.steps, f"loss {loss:.3f}"))
        return before

    def _step(self, step: int, optimiser: torch.optim.Optimizer) -> float:
        settings = self.settings
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * rate_factor(step / settings.steps, 0.06)
        rng = np.random.default_rng([settings.seed, 1, step])
        chosen = rng.integers(len(self._train), size=settings.batch)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        loss, _, _ = self._guess([self._train[i] for i in chosen], generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        optimiser.step()
        return float(loss.detach())

    def measure(self) -> tuple[float, float]:
        """Loss and accuracy on the validation texts, with the same masks every time."""
        generator = torch.Generator().manual_seed(0)
        self.model.eval()
        total, right, count = 0.0, 0, 0
        with torch.inference_mode():
            for start in range(0, min(len(self._val), 1024), 64):
                loss, hits, targets = self._guess(self._val[start : start + 64], generator)
                total, right, count = total + float(loss) * targets, right + hits, count + targets
        self.model.train()
        return total / max(count, 1), right / max(count, 1)

    def save_encoder(self, folder: Path) -> None:
        """Writes ``config.json`` and ``model.safetensors``; the guessing head is left out."""
        state = {
            name: value.detach().cpu().contiguous() for name, value in self.model.bert.state_dict().items()
        }
        part = folder / ".model.part"
        safetensors.torch.save_file(state, part, metadata={"format": "pt"})
        part.replace(folder / "model.safetensors")
        self.model.config.to_json_file(folder / "config.json")

    def frequency_loss(self) -> float:
        """Cross-entropy of guessing by the frequency of pieces in the training texts, on validation texts."""
        train, val = self._counts(self._train[:4000]), self._counts(self._val)
        share = (train + 1) / (train + 1).sum()
        return float(-(val * torch.log(share)).sum() / val.sum())

    def _counts(self, texts: list[str]) -> Tensor:
        ids, mask = self._tokens.encode(texts)
        return torch.bincount(ids[mask & (ids >= len(SPECIAL))], minlength=self._vocabulary).double()

    def _guess(self, texts: list[str], generator: torch.Generator) -> tuple[Tensor, int, int]:
        ids, mask = self._tokens.encode(texts)
        inputs, targets = mask_tokens(
            ids, mask, self.settings.masked, self._vocabulary, self._mask_id, generator
        )
        inputs, mask, targets = (x.to(self._device) for x in (inputs, mask, targets))
        # Scores only where something is to be guessed: the vocabulary's product is the costly part.
        states = self.model.bert(input_ids=inputs, attention_mask=mask.long()).last_hidden_state
        asked = targets != _IGNORED
        logits, wanted = self.model.cls(states[asked]), targets[asked]
        if not len(wanted):
            return states.sum() * 0, 0, 0
        hits = int((logits.argmax(1) == wanted).sum())
        return torch.nn.functional.cross_entropy(logits, wanted), hits, len(wanted)


def mask_tokens(
    ids: Tensor, mask: Tensor, share: float, vocabulary: int, mask_id: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """BERT's masking.

    Args:
        ids: (B, n) int64 token ids.
        mask: (B, n) bool, True = real token.
        share: of the tokens to be guessed.
        vocabulary: number of pieces; the first five are special and are neither guessed nor put in.
        mask_id: of ``[MASK]``.

    Returns:
        ``(inputs, targets)``, (B, n) int64; targets are −100 where nothing is to be guessed.
    """
    open_to_guess = mask & (ids >= len(SPECIAL))
    chosen = (torch.rand(ids.shape, generator=generator) < share) & open_to_guess
    way = torch.rand(ids.shape, generator=generator)
    random_ids = torch.randint(len(SPECIAL), vocabulary, ids.shape, generator=generator)
    inputs = torch.where(chosen & (way < 0.8), mask_id, ids)
    inputs = torch.where(chosen & (way >= 0.9), random_ids, inputs)
    return inputs, torch.where(chosen, ids, _IGNORED)


def _bert(settings: BertSettings, vocabulary: int) -> Any:
    from transformers import BertForMaskedLM

    return BertForMaskedLM(bert_shape(msgspec.structs.replace(settings, vocab_size=vocabulary)))
