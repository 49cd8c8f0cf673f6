"""What a candidate and the model in use are compared by. Without torch, so that the window can say it too."""

from __future__ import annotations

FIGURES = {
    "within_rank1": "first among the patient's earlier lesions",
    "chance": "the same by guessing",
    "mAP": "mAP in the whole catalogue",
    "rank1": "first in the whole catalogue",
    "no_match_auroc": "known or new lesion: AUROC",
    "fnir_at_fpir5": "known lesions missed at 5 % false alarms",
    "wrong_patient": "another patient's clip is more like it",
}
"""What is compared, by key, in words. None of it needs a threshold: that is learnt on these patients."""
