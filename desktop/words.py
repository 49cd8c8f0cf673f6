"""What to do next, in the window's words: the core's hints name commands of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.domain import Verdict
from core.errors import PolypTraceError

if TYPE_CHECKING:
    from core.matching.deciding import Decided

_HINTS = {
    "match-not-described": "Describe the finding (Ctrl+D); a draft is enough.",
    "clip-not-indexed": "Show the matches again (Ctrl+M).",
    "vectors-lost": "Show the matches again (Ctrl+M).",
    "link-contradiction": "Take the earlier verdict back first (Ctrl+Z), then decide again.",
    "link-counterpart": "Choose one of the matches first.",
    "link-order": "Choose the clip of the later exam: it recognises the earlier one.",
    "catalogue-foreign": "Open another folder (Ctrl+O); the file was left as it is.",
    "catalogue-corrupt": "Restore a copy of the folder, or open another one (Ctrl+O).",
    "catalogue-read-only": "Open a folder that you may write to (Ctrl+O).",
    "catalogue-newer": "Update PolypTrace, or open another folder (Ctrl+O). The file was left as it is.",
    "column-missing": "Choose the column above; a pseudonym or a date can also be given for all reports.",
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


def about(path: Path, error: PolypTraceError) -> PolypTraceError:
    """The same error, with the name of the file or folder that it is about."""
    return PolypTraceError(error.code, f"{path.name}: {error.message}", error.hint)


def verdict_words(decided: Decided) -> str:
    """What came of a verdict, in a sentence."""
    if decided.verdict is Verdict.REJECT:
        other = f"Clip {decided.other} shows" if decided.other is not None else "The report names"
        return f"{other} another lesion."
    beside = f" as clip {decided.other}" if decided.other is not None else ""
    lesion = f": lesion {decided.lesion.id}" if decided.lesion else ""
    return f"{decided.verdict.capitalize()}{beside}{lesion}."
