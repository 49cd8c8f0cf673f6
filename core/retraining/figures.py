"""What a candidate and the model in use are compared by. Without torch, so that the window can say it too."""

from __future__ import annotations

FIGURES = {
    "within_rank1": "first among the patient's earlier lesions",
    "chance": "the same by guessing",
    "rank1": "first among all these patients' lesions",
    "mAP": "how far up the same lesion stands among them (mAP: 1 = always at the top)",
    "no_match_auroc": "known lesions score above new ones (AUROC: 1 = always, 0.5 = guessing)",
    "fnir_at_fpir5": "known lesions missed at 5 % false alarms (lower is better)",
    "wrong_patient": "another patient's clip is more like it (lower is better)",
}
"""What is compared, by key, in words. "These" are the patients that the models are measured on, no others.

None of it needs a threshold: that is learnt on these patients. Higher is better where nothing else is said.
"""
