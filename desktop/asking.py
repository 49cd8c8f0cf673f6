"""What the window asks for: videos and their exam, a lost file, a data folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from core.domain import RESEARCH_BANNER
from desktop.dialogs.import_dialog import ImportDialog, video_filter
from desktop.importing import ImportFlow
from desktop.session import Session

if TYPE_CHECKING:
    from core.catalog.engine import Catalog
    from core.domain import Video


_SHORT_FILTER = QFileDialog.Option.HideNameFilterDetails


class Asking(QObject):
    """Dialogs of ``window``; what is answered goes on to the import."""

    def __init__(self, session: Session, imports: ImportFlow, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._imports, self._window = session, imports, window
        self._last = ""
        """The folder of the last import."""

    def videos(self) -> None:
        """Asks for files and their exam."""
        title = _title("Choose the videos of one exam")
        names, _ = QFileDialog.getOpenFileNames(
            self._window, title, self._last, video_filter(), options=_SHORT_FILTER
        )
        if names:
            self._last = str(Path(names[0]).parent)
            self.exam([Path(name) for name in names])

    def exam(self, files: Sequence[Path]) -> None:
        """Asks which exam the files belong to, then imports them."""

        def known(codes: list[str]) -> None:
            dialog = ImportDialog(files, codes[1:], codes[0], parent=self._window)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.accepted.connect(lambda: self._import(dialog))
            dialog.open()

        chosen = self._session.selection.patient
        self._session.read(lambda catalog: _codes(catalog, chosen), known)

    def lost_file(self, video: Video | None) -> None:
        """Asks where the file of a video lies now."""
        if video is not None:
            before = Path(video.path)
            title = _title(f"Where is {before.name} now?")
            name, _ = QFileDialog.getOpenFileName(
                self._window, title, str(before.parent), video_filter(), options=_SHORT_FILTER
            )
            if name:
                self._imports.locate(video.id, Path(name))

    def folder(self, before: Path | None, chosen: Callable[[Path], None]) -> None:
        """Asks for a data folder."""
        title = _title("Choose a data folder")
        name = QFileDialog.getExistingDirectory(self._window, title, str(before or ""))
        if name:
            chosen(Path(name))

    def whether_to_stop(self, going: Sequence[str]) -> bool:
        """Asks whether work may be cancelled, because another folder is to be opened."""
        question = f"{', '.join(going)}: still going on. It stops when another folder is opened."
        return self.confirm(question, "&Stop it and open", "&Go on here")

    def whether_to_lose_words(self) -> bool:
        """Asks whether to go on although the description couldn't be saved."""
        question = "What you typed last could not be saved. It is lost if you go on."
        return self.confirm(question, "&Go on and lose it", "&Stay here")

    def confirm(self, question: str, yes: str, no: str) -> bool:
        """Asks a question that blocks; Enter and Escape mean ``no``."""
        box = QMessageBox(
            QMessageBox.Icon.Warning, f"PolypTrace – {RESEARCH_BANNER}", question, parent=self._window
        )
        agreed = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
        kept = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(kept)
        box.setEscapeButton(kept)
        box.exec()
        return box.clickedButton() is agreed

    def _import(self, dialog: ImportDialog) -> None:
        day = dialog.date.date().toPython()
        self._imports.start(dialog.files, dialog.code, day)  # type: ignore[arg-type]


def _title(words: str) -> str:
    return f"{words} – {RESEARCH_BANNER}"


def _codes(catalog: Catalog, chosen: int | None) -> list[str]:
    """The chosen patient's code, or nothing; then all codes."""
    from core.catalog import queries

    patients = queries.patients(catalog)
    return [next((one.code for one in patients if one.id == chosen), ""), *(one.code for one in patients)]
