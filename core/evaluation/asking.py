"""Each query asked in its own patient's gallery and in everybody else's: what came first, and how alike."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from core.evaluation.calibration import Choice, choice_of
from core.evaluation.comparison import Comparison
from core.evaluation.open_set import Asked
from core.evaluation.scores import Floats


class Answer(msgspec.Struct, frozen=True):
    """One query whose patient has an earlier clip.

    Attributes:
        at: place of the query.
        patient: whose it is.
        choice: which of the patient's earlier lesions it can be.
        best: best score of the patient's earlier clips.
        mate: best score of its own lesion's; None where the lesion is new.
        stranger: best score of other patients' clips; None without any.
        first_is_right: whether the best clip shows the query's lesion.
        chance: how often guessing a clip would be right.
    """

    at: int
    patient: str
    choice: Choice
    best: float
    mate: float | None
    stranger: float | None
    first_is_right: bool
    chance: float


class Answers(msgspec.Struct, frozen=True):
    """The answers, and how many queries couldn't be asked because their patient has no earlier clip.

    ``patients`` is False where the data know persons, not patients with several lesions: nobody is asked.
    """

    heard: list[Answer]
    without_earlier_clip: int
    patients: bool = True

    @property
    def known(self) -> list[Answer]:
        """Those whose lesion is there."""
        return [answer for answer in self.heard if answer.mate is not None]

    def asked(self) -> Asked:
        """The same as arrays, for open-set figures."""
        return Asked(
            best=np.array([answer.best for answer in self.heard], dtype=np.float64),
            mate=np.array([-np.inf if a.mate is None else a.mate for a in self.heard], dtype=np.float64),
            has_match=np.array([answer.mate is not None for answer in self.heard], dtype=bool),
            choices=[answer.choice for answer in self.heard],
            patients=[answer.patient for answer in self.heard],
        )


def ask_all(compared: Comparison) -> Answers:
    """Asks every query with a known identity."""
    if not compared.ranking.patients:
        return Answers([], 0, patients=False)
    owner = np.array(compared.gallery.patients, dtype=object)
    earlier = compared.earlier()
    heard, asked = [], 0
    for start, block in compared.blocks():
        for at, scores in enumerate(block, start):
            if compared.query.identities[at] is None:
                continue
            asked += 1
            if earlier[at]:
                heard.append(_ask(compared, at, earlier[at], owner == compared.query.patients[at], scores))
    return Answers(heard, asked - len(heard))


def _ask(
    compared: Comparison, at: int, earlier: list[int], own: npt.NDArray[np.bool_], scores: Floats
) -> Answer:
    query, gallery = compared.query, compared.gallery
    near = scores[earlier]
    right = np.array([gallery.identities[place] == query.identities[at] for place in earlier])
    scores[own] = -np.inf
    scores[compared.left_out[at]] = -np.inf
    stranger = float(scores.max())
    return Answer(
        at=at,
        patient=query.patients[at],
        choice=choice_of(near, [gallery.identities[place] for place in earlier], query.identities[at]),
        best=float(near.max()),
        mate=float(near[right].max()) if right.any() else None,
        stranger=stranger if np.isfinite(stranger) else None,
        first_is_right=bool(right[int(np.argmax(near))]),
        chance=float(right.mean()),
    )
