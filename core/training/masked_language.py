"""Our own small BERT: WordPiece vocabulary and masked-language pre-training on descriptions.

The result is an ordinary BERT folder (``config.json``, ``model.safetensors``, ``tokenizer.json``), so that it is
loaded the same way as any other text encoder.
"""

from __future__ import annotations

import logging
import math
import string
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from torch import Tensor

from core.errors import PolypTraceError
from core.inference.bundle import replace_file
from core.models.config import BertSettings
from core.progress import CancelToken, Progress, ProgressSink, no_progress
from core.text.render import model_text
from core.text.sampling import random_description
from core.training.schedule import rate_factor, run_share
from core.training.tokens import TokenTable

LARGEST = 4_000_000
"""Most parameters our text encoder may have."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_IGNORED = -100
_log = logging.getLogger(__name__)


class MlmSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of masked-language pre-training.

    Args:
        bert: shape of the encoder; its vocabulary size is the largest wished for.
        texts: random descriptions to draw, besides those given.
        steps: batches; ``max_seconds`` may end it earlier, the rate comes down in time.
        batch: texts a batch.
        rate: highest learning rate of AdamW.
        masked: share of the tokens to be guessed (BERT: 0.15; 80 % masked, 10 % random, 10 % left).
        val_share: share of the texts that are only measured on.
    """

    bert: BertSettings = BertSettings()
    texts: int = 20_000
    steps: int = 1500
    max_seconds: float | None = None
    batch: int = 48
    rate: float = 1e-3
    decay: float = 0.01
    masked: float = 0.15
    val_share: float = 0.05
    seed: int = 0


class MlmResult(msgspec.Struct, frozen=True):
    """What pre-training reached.

    Args:
        loss, accuracy: cross-entropy (nats) and share of right guesses on masked tokens of validation texts.
        frequency_loss: the loss of guessing every token by its frequency alone: what reading is worth.
    """

    texts: int
    vocabulary: int
    parameters: int
    steps: int
    loss: float
    accuracy: float
    frequency_loss: float
    seconds: float


def description_texts(count: int, seed: int) -> list[str]:
    """Model texts of random descriptions, each text once, in the order drawn."""
    texts: dict[str, None] = {}
    for number in range(count):
        texts.setdefault(model_text(random_description(np.random.default_rng([seed, number]))))
    return list(texts)


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> Tokenizer:
    """A WordPiece tokenizer in BERT's manner: lower case, accents off, ``[CLS] … [SEP]``.

    Every printable ASCII character is in the vocabulary, so that no typed word becomes ``[UNK]`` as a whole.

    Args:
        texts: what to learn the pieces from; may be empty.
        vocab_size: most pieces, special ones included.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    printable = [c for c in string.printable if not c.isspace() and not c.isupper()]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=printable,
        show_progress=False,
    )
    # The trainer counts words in parallel; sorted texts and repeated letters make its ties fall the same way.
    tokenizer.train_from_iterator([*sorted(texts), *(" ".join(printable), "".join(printable))], trainer)
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", cls), ("[SEP]", sep)]
    )
    return tokenizer


def pretrain_text(
    folder: Path,
    texts: Sequence[str],
    settings: MlmSettings,
    max_tokens: int = 128,
    device: str = "cpu",
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> MlmResult:
    """Trains tokenizer and encoder and writes the BERT folder; its ``mlm.json`` holds the result.

    Args:
        folder: made when missing.
        texts: descriptions in addition to ``settings.texts`` random ones; none of validation patients.
        max_tokens: texts are cut here.

    Raises:
        PolypTraceError: ``text-encoder-too-large`` above 4 million parameters.
        Cancelled: nothing was written.
    """
    began = time.monotonic()
    corpus = list(dict.fromkeys([*texts, *description_texts(settings.texts, settings.seed)]))
    order = np.random.default_rng(settings.seed).permutation(len(corpus))
    held = max(8, round(settings.val_share * len(corpus)))
    train, val = [corpus[i] for i in order[held:]], [corpus[i] for i in order[:held]]
    tokenizer = train_tokenizer(train, settings.bert.vocab_size)
    run = _Pretraining(settings, tokenizer, train, val, max_tokens, torch.device(device))
    steps = run.train(progress, cancel or CancelToken())
    loss, accuracy = run.measure()
    result = MlmResult(
        len(corpus),
        tokenizer.get_vocab_size(),
        run.parameters,
        steps,
        loss,
        accuracy,
        run.frequency_loss(),
        time.monotonic() - began,
    )
    folder.mkdir(parents=True, exist_ok=True)
    run.model.save_pretrained(folder)
    replace_file(folder / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
    replace_file(folder / "mlm.json", msgspec.json.encode(result))
    return result


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


class _Pretraining:
    def __init__(
        self,
        settings: MlmSettings,
        tokenizer: Tokenizer,
        train: list[str],
        val: list[str],
        max_tokens: int,
        device: torch.device,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self._device = settings, device
        self.model = _bert(settings.bert, tokenizer.get_vocab_size()).to(device)
        self.parameters = sum(p.numel() for p in self.model.bert.parameters())
        if self.parameters > LARGEST:
            raise PolypTraceError(
                "text-encoder-too-large",
                f"The text encoder has {self.parameters} parameters, more than {LARGEST}.",
                "Choose fewer layers, a smaller width or a smaller vocabulary.",
            )
        self._tokens = TokenTable(tokenizer, max_tokens)
        self._vocabulary, self._mask_id = tokenizer.get_vocab_size(), tokenizer.token_to_id("[MASK]")
        self._train, self._val = train, val

    def train(self, progress: ProgressSink, cancel: CancelToken) -> int:
        settings, began = self.settings, time.monotonic()
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=0.0, weight_decay=settings.decay)
        rng, generator = (
            np.random.default_rng(settings.seed + 1),
            torch.Generator().manual_seed(settings.seed),
        )
        self.model.train()
        step = 0
        while (share := run_share(step, settings.steps, time.monotonic() - began, settings.max_seconds)) < 1:
            cancel.raise_if_cancelled()
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * rate_factor(share, 0.06)
            chosen = rng.integers(len(self._train), size=settings.batch)
            loss, _, _ = self._guess([self._train[i] for i in chosen], generator)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimiser.step()
            step += 1
            progress(
                Progress("reading descriptions", step, settings.steps, f"loss {float(loss.detach()):.3f}")
            )
            if step % 250 == 0:
                _log.info(
                    "masked language, step %d: validation loss %.3f, accuracy %.3f", step, *self.measure()
                )
        return step

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


def _bert(settings: BertSettings, vocabulary: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=settings.hidden,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            intermediate_size=settings.intermediate,
            max_position_embeddings=settings.positions,
            type_vocab_size=settings.types,
            hidden_act=settings.activation,
            layer_norm_eps=settings.norm_eps,
            hidden_dropout_prob=settings.dropout,
            attention_probs_dropout_prob=settings.dropout,
            pad_token_id=settings.pad_id,
        )
    )


def read_result(folder: Path) -> MlmResult | None:
    """The result of an earlier pre-training in ``folder``, or None when it wasn't finished."""
    file = folder / "mlm.json"
    if not (file.exists() and (folder / "model.safetensors").exists()):
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=MlmResult)
    except msgspec.MsgspecError:
        return None


def summary(result: MlmResult) -> str:
    """One sentence on a pre-training, for logs and cards."""
    return (
        f"masked-language pre-training on {result.texts} descriptions, {result.vocabulary} word pieces, "
        f"{result.parameters / 1e6:.2f} M parameters: validation loss {result.loss:.3f} "
        f"(guessing by frequency {result.frequency_loss:.3f}, perplexity {math.exp(result.loss):.2f}), "
        f"accuracy {result.accuracy:.3f} on masked pieces, {result.seconds:.0f} s"
    )
