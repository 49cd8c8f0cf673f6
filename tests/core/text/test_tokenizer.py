"""Word pieces: learnt the same way every time, loaded or refused in words."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PolypTraceError
from core.text.tokenizer import SPECIAL, load_tokenizer, train_wordpiece
from core.text.wordpiece import learn_pieces

TEXTS = [
    "A sessile polyp, Paris Is.",
    "A flat elevated polyp, Paris IIa.",
    "Colour red. Surface granular.",
] * 2


def test_pieces_are_joined_by_frequency_then_by_alphabet() -> None:
    # "hug" 10, "pug" 5, "hugs" 5: u+g 20 times, then h+ug 15, then hug+s and p+ug 5 each ("hug" comes first).
    learnt = learn_pieces({"hug": 10, "pug": 5, "hugs": 5}, size=99, min_frequency=2)
    assert learnt == ["##g", "##s", "##u", "h", "p", "##ug", "hug", "hugs", "pug"]


def test_rare_pairs_and_pieces_beyond_the_size_are_left_out() -> None:
    assert learn_pieces({"hug": 1}, size=99, min_frequency=2) == ["##g", "##u", "h"]
    assert learn_pieces({"hug": 9}, size=4, min_frequency=2) == ["##g", "##u", "h", "##ug"]
    assert learn_pieces({}, size=4) == []


@given(st.dictionaries(st.text("ab", min_size=1, max_size=6), st.integers(1, 9), max_size=6))
def test_learning_agrees_with_a_plain_count(counts: dict[str, int]) -> None:
    assert learn_pieces(counts, 14, 2) == _plainly(counts, 14, 2)


def _plainly(counts: dict[str, int], size: int, least: int) -> list[str]:
    words = {word: [word[0], *("##" + letter for letter in word[1:])] for word in counts}
    pieces = sorted({piece for split in words.values() for piece in split})
    while len(pieces) < size:
        pairs: dict[tuple[str, str], int] = {}
        for word, split in words.items():
            for pair in pairwise(split):
                pairs[pair] = pairs.get(pair, 0) + counts[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < least:
            break
        joined = best[0] + best[1][2:]
        pieces += [joined] if joined not in pieces else []
        for split in words.values():
            place = 0
            while place < len(split) - 1:
                if (split[place], split[place + 1]) == best:
                    split[place : place + 2] = [joined]
                place += 1
    return pieces


def test_the_same_texts_in_any_order_give_the_same_ids() -> None:
    first = train_wordpiece(TEXTS, 60)
    second = train_wordpiece(TEXTS[::-1], 60)
    assert first.get_vocab() == second.get_vocab()
    assert first.get_vocab_size() == 60
    assert [first.token_to_id(token) for token in SPECIAL] == [0, 1, 2, 3, 4]


def test_texts_are_read_in_lower_case_between_marks() -> None:
    tokenizer = train_wordpiece(TEXTS, 200)
    assert tokenizer.encode("A Sessile POLYP.").tokens == ["[CLS]", "a", "sessile", "polyp", ".", "[SEP]"]
    assert tokenizer.encode("%").tokens == ["[CLS]", "[UNK]", "[SEP]"]


def test_wished_words_are_whole_however_rare() -> None:
    assert "##ulectasia" not in train_wordpiece(TEXTS, 200).get_vocab()
    tokenizer = train_wordpiece(TEXTS, 200, whole_words=["circumferential"])
    assert tokenizer.encode("circumferential").tokens == ["[CLS]", "circumferential", "[SEP]"]


def test_loads_a_file_or_its_folder_without_truncation(tmp_path: Path) -> None:
    tokenizer = train_wordpiece(TEXTS, 60)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=9)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        loaded = load_tokenizer(path)
        assert len(loaded.encode("red " * 20).ids) >= 22
        assert len(loaded.encode("").ids) == 2


@pytest.mark.parametrize("content", ["{}", "no json", None])
def test_refuses_other_files_in_words(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(PolypTraceError) as caught:
        load_tokenizer(tmp_path)
    assert caught.value.code == "tokenizer-unreadable"
