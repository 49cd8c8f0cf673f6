"""What to do next, in the window's words: the core's hints name commands of the command line."""

from __future__ import annotations

from core.errors import PolypTraceError

_HINTS = {
    "match-not-described": "Describe the finding (Ctrl+D); a draft is enough.",
    "clip-not-indexed": "Show the matches again (Ctrl+M).",
    "vectors-lost": "Show the matches again (Ctrl+M).",
    "link-contradiction": "Take the earlier verdict back first (Ctrl+Z), then decide again.",
    "link-counterpart": "Choose one of the matches first.",
    "link-order": "Choose the clip of the later exam: it recognises the earlier one.",
    "catalogue-read-only": "Open a folder that you may write to (Ctrl+O).",
    "catalogue-newer": "Update PolypTrace, or open another folder (Ctrl+O). The file was left as it is.",
    "overlay-not-written": "Free some space on the disk for temporary files.",
    "patient-code": "Type the patient's pseudonym.",
}


def sentence(error: PolypTraceError) -> str:
    """The error and what to do about it."""
    return f"{error.message} {hint_of(error)}".strip()


def paragraphs(error: PolypTraceError) -> str:
    """The same in two paragraphs, for a state that fills a panel."""
    return f"{error.message}\n\n{hint_of(error)}".strip()


def hint_of(error: PolypTraceError) -> str:
    """What to do next; empty where nothing can be said. Commands of the command line are no hint here."""
    known = _HINTS.get(error.code)
    if known is not None:
        return known
    return "" if "`polyptrace" in error.hint or "--" in error.hint else error.hint
