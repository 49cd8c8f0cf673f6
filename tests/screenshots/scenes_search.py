"""Finding clips by words, in every state."""

from __future__ import annotations

from camera import Heard, Stage, button, choose, clips_of
from PySide6.QtWidgets import QToolButton

from desktop.main_window import MainWindow

WORDS = "flat lesion in the sigmoid, about 5 mm"


def by_words(stage: Stage) -> None:
    """Nothing typed; not prepared; preparing; found; refined; like a clip; what can't be refined;
    nothing understood; what isn't wanted."""
    with stage.window(stage.copy(stage.demo)) as window:
        window.actions_by_id["search"].trigger()
        stage.take(window, "search-empty")
        search(stage, window, WORDS)
        stage.take(window, "search-unprepared")
        prepared = Heard(window.searching.prepared)
        button(window.search, "Prepare them").click()
        stage.settle(0.5)
        stage.catch(window, "search-preparing")
        stage.wait(lambda: prepared, "the preparing", 300)
        search(stage, window, WORDS)
        stage.settle(6.0)  # the crops
        stage.take(window, "search-found")
        press(stage, window, "Larger")
        stage.take(window, "search-refined")
        press(stage, window, "Clear")
        choose(stage, window, clips_of(stage.demo, "PH4-004")[0])
        window.search.field.clear()
        press(stage, window, "Like this clip")
        stage.settle(2.0)
        stage.take(window, "search-like")
        press(stage, window, "Clear")
        search(stage, window, "red")
        press(stage, window, "Larger", fails=True)
        stage.take(window, "search-refused")
        press(stage, window, "Clear")
        search(stage, window, "something in the wrong trousers")
        stage.take(window, "search-not-understood")
        search(stage, window, "small polyp, not pedunculated, not in the rectum or sigmoid")
        stage.settle(2.0)
        stage.take(window, "search-not-wanted")


def search(stage: Stage, window: MainWindow, words: str) -> None:
    """Types words and waits for the answer."""
    found = Heard(window.searching.found)
    window.search.field.setText(words)
    window.search.ask()
    stage.wait(lambda: found, "the hits", 60)


def press(stage: Stage, window: MainWindow, chip: str, fails: bool = False) -> None:
    """Presses a chip and waits for the answer, where there is one to come."""
    answered = Heard(window.searching.failed if fails else window.searching.found)
    chosen = next(one for one in window.search.findChildren(QToolButton) if one.text() == chip)
    chosen.click()
    if not window.search.wish.empty:
        stage.wait(lambda: answered, "the hits", 60)


SCENES = (by_words,)
