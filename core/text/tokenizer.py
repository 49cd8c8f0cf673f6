"""WordPiece tokens: training our own vocabulary, loading a bundle's, counting."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from core.errors import PolypTraceError
from core.text.wordpiece import learn_pieces

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""The special tokens; their ids are 0…4 in a vocabulary trained here."""

_LONGEST_WORD = 100
_WORD = re.compile(r"\w+|[^\w\s]")


class TokenCounter(Protocol):
    """Anything whose ``encode(text).ids`` are the word pieces with special tokens, e.g. a ``Tokenizer``."""

    def encode(self, text: str, /) -> Any: ...


def train_wordpiece(
    texts: Iterable[str], vocab_size: int = 2000, min_frequency: int = 2, whole_words: Sequence[str] = ()
) -> Tokenizer:
    """Trains a lower-case WordPiece tokenizer in BERT's form ([CLS] text [SEP]).

    The same texts, in any order, always give the same vocabulary and the same ids. (The library's own trainer
    doesn't: it counts in parallel and breaks ties by chance.)

    Args:
        texts: the corpus.
        vocab_size: most entries of the vocabulary, special tokens included; the letters are always in.
        min_frequency: rarer pairs of pieces aren't merged.
        whole_words: words that shall be one piece however rare, e.g. those of the description's vocabulary.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    counts = Counter(word for text in texts for word in _split(tokenizer, text))
    wished = {word for text in whole_words for word in _split(tokenizer, text)}
    counts.update(dict.fromkeys(wished, max(min_frequency, 1000)))
    pieces = [*SPECIAL, *learn_pieces(counts, vocab_size - len(SPECIAL), min_frequency)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer.model = models.WordPiece(
        vocabulary, unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD, continuing_subword_prefix="##"
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    cls, sep = (SPECIAL.index(token) for token in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer


def _split(tokenizer: Tokenizer, text: str) -> list[str]:
    normal = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def load_tokenizer(path: Path) -> Tokenizer:
    """Loads ``tokenizer.json`` (or the folder that holds it); truncation and padding are switched off.

    Raises:
        PolypTraceError: ``tokenizer-unreadable`` when it is missing or no tokenizer file.
    """
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable() from error
    except Exception as error:
        # The tokenizers library raises a bare Exception for a file that isn't one of its own.
        if type(error) is not Exception:
            raise
        raise _unreadable() from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count(text: str, tokenizer: TokenCounter | None = None) -> int:
    """The number of word pieces of ``text``, special tokens included, padding and truncation undone.

    Without a tokenizer: a cautious estimate, two special tokens and a piece for every three letters of a
    word.
    """
    if tokenizer is None:
        return 2 + sum(math.ceil(len(word) / 3) for word in _WORD.findall(text))
    encoding = tokenizer.encode(text)
    return sum(_pieces(part) for part in (encoding, *getattr(encoding, "overflowing", ())))


def _pieces(encoding: Any) -> int:
    mask = getattr(encoding, "attention_mask", None)
    return sum(mask) if mask is not None else len(encoding.ids)


def _unreadable() -> PolypTraceError:
    return PolypTraceError(
        "tokenizer-unreadable", "The model's tokenizer can't be read.", "Import the model again."
    )
