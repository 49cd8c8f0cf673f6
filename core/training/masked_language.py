"""Our own small BERT: WordPiece vocabulary and masked-language pre-training on descriptions.

The result is an ordinary BERT folder (``config.json``, ``model.safetensors``, ``tokenizer.json``), so that it
is loaded the same way as any other text encoder.
"""

from __future__ import annotations

import hashlib
import math
import string
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from tokenizers import Tokenizer

from core.counting import count
from core.inference.bundle import replace_file
from core.progress import CancelToken, ProgressSink, no_progress
from core.text.render import model_text
from core.text.sampling import random_description
from core.text.tokenizer import train_wordpiece
from core.training.mlm_loop import MlmSettings, Pretraining

CHECKPOINT = "checkpoint.safetensors"


class MlmResult(msgspec.Struct, frozen=True):
    """What pre-training reached.

    Args:
        texts: different descriptions, those measured on included.
        loss, accuracy: cross-entropy (nats) and share of right guesses on masked tokens of validation texts.
        frequency_loss: the loss of guessing every token by its frequency alone: what reading is worth.
        seconds: of work, over all resumes.
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
    printable = [c for c in string.printable if not c.isspace() and not c.isupper()]
    # The trainer counts words in parallel; sorted texts make its ties fall the same way every time.
    return train_wordpiece([*sorted(texts), " ".join(printable), "".join(printable)], vocab_size)


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

    A checkpoint in ``folder`` of the same settings and texts is gone on from; the end is the same as without
    the interruption.

    Args:
        folder: made when missing.
        texts: descriptions in addition to ``settings.texts`` random ones; none of validation patients.
        max_tokens: texts are cut here.

    Raises:
        PolypTraceError: ``text-encoder-too-large`` above 4 million parameters.
        Cancelled: a checkpoint was left.
    """
    began = time.monotonic()
    corpus = list(dict.fromkeys([*texts, *description_texts(settings.texts, settings.seed)]))
    order = np.random.default_rng(settings.seed).permutation(len(corpus))
    held = max(8, round(settings.val_share * len(corpus)))
    train, val = [corpus[i] for i in order[held:]], [corpus[i] for i in order[:held]]
    tokenizer = train_tokenizer(train, settings.bert.vocab_size)
    folder.mkdir(parents=True, exist_ok=True)
    run = Pretraining(settings, tokenizer, train, val, max_tokens, device)
    key = hashlib.sha256(msgspec.json.encode([corpus, settings, max_tokens])).hexdigest()
    before = run.train(folder / CHECKPOINT, key, progress, cancel or CancelToken())
    loss, accuracy = run.measure()
    result = MlmResult(
        len(corpus),
        tokenizer.get_vocab_size(),
        run.parameters,
        settings.steps,
        loss,
        accuracy,
        run.frequency_loss(),
        before + time.monotonic() - began,
    )
    run.save_encoder(folder)
    replace_file(folder / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
    replace_file(folder / "mlm.json", msgspec.json.encode(result))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return result


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
        f"masked-language pre-training on {count(result.texts, 'description')}, "
        f"{count(result.vocabulary, 'word piece')}, "
        f"{result.parameters / 1e6:.2f} M parameters: validation loss {result.loss:.3f} "
        f"(guessing by frequency {result.frequency_loss:.3f}, perplexity {math.exp(result.loss):.2f}), "
        f"accuracy {result.accuracy:.3f} on masked pieces, {result.seconds:.0f} s"
    )
