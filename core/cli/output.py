"""What a command says: one JSON document on stdout, or tables and sentences; progress on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.progress import Progress, ProgressSink, no_progress

_LINE_S = 15.0
"""Seconds between two lines of progress where nobody's terminal draws a bar."""
_FILE_COLUMNS = 132
"""Width of tables that go into a file or a pipe, where nobody's window tells it."""


def _width() -> int | None:
    """None leaves it to the terminal or to ``COLUMNS``."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else _FILE_COLUMNS


def _printable(text: str) -> str:
    """Without control characters, which a typed text may hold and a terminal would obey."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) != "Cc" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else _printable(str(value))


class Output:
    """Where a command's words go. ``as_json`` decides between one document and text for people."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._warned: list[str] = []
        self._out = Console(file=sys.stdout, highlight=False, soft_wrap=True, width=_width())
        self._err = Console(file=sys.stderr, highlight=False, soft_wrap=True)

    def document(self, content: dict[str, Any]) -> None:
        """Prints the command's one JSON document, if JSON was asked for; what was warned of stands in it."""
        if self.as_json:
            said = content.get("warnings", ())
            warnings = [*said, *(text for text in self._warned if text not in said)]
            sys.stdout.write(self.as_text(content | ({"warnings": warnings} if warnings else {})))
            sys.stdout.flush()

    @staticmethod
    def as_text(content: dict[str, Any]) -> str:
        """A document as one line of JSON with the research banner; also for exports into files."""
        plain = msgspec.to_builtins({**content, "notice": RESEARCH_BANNER}, str_keys=True)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n"

    def event(self, content: dict[str, Any]) -> None:
        """One JSON object a line on stderr, where a program listens; people see the bar."""
        if self.as_json:
            plain = msgspec.to_builtins(content, str_keys=True)
            sys.stderr.write(json.dumps(plain, ensure_ascii=False) + "\n")
            sys.stderr.flush()

    def say(self, text: str = "", *, style: str = "") -> None:
        """One line for people; silent with ``--json``."""
        if not self.as_json:
            self._out.print(_printable(text), style=style or None, markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people; numbers stand at the right."""
        if self.as_json:
            return
        table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD)
        for at, name in enumerate(columns):
            numeric = all(isinstance(row[at], int | float) or row[at] in ("", "–") for row in rows)
            table.add_column(name, justify="right" if numeric and rows else "left")
        for row in rows:
            table.add_row(
                *[f"{cell:.3f}" if isinstance(cell, float) else _printable(str(cell)) for cell in row]
            )
        self._out.print(table)

    def banner(self) -> None:
        """The research banner, at the end of everything that shows matches."""
        self.say(RESEARCH_BANNER, style="dim")

    def warn(self, text: str) -> None:
        """A warning on stderr, with and without JSON."""
        self._warned.append(text)
        self._err.print(f"warning: {_printable(text)}", style="yellow", markup=False)

    def error(self, error: PolypTraceError, content: dict[str, Any] | None = None) -> None:
        """An error as a sentence with its hint, or as the ``error`` object beside ``content``."""
        if self.as_json:
            self.document({**(content or {}), "error": error.as_dict()})
        else:
            self._err.print(f"error: {_printable(error.message)}", style="bold red", markup=False)
        if error.hint and not self.as_json:
            self._err.print(f"  hint: {_printable(error.hint)}", markup=False)

    @contextmanager
    def progress(self) -> Iterator[ProgressSink]:
        """A sink that draws bars on a terminal's stderr, writes a line now and then into a file or pipe, and
        stays silent with ``--json``."""
        if not self._err.is_terminal:
            yield no_progress if self.as_json else self._lines()
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bars(*columns, console=self._err, transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def sink(step: Progress) -> None:
                if step.stage not in tasks:
                    tasks[step.stage] = bars.add_task(step.stage, total=step.total)
                text = f"{step.stage} {step.note}".strip()
                bars.update(tasks[step.stage], completed=step.done, total=step.total, description=text)

            yield sink

    def _lines(self) -> ProgressSink:
        """A line for what takes longer than :data:`_LINE_S`; quick work stays silent."""
        last = time.monotonic()

        def sink(step: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= _LINE_S:
                last = time.monotonic()
                of = "" if step.total is None else f" of {step.total}"
                words = f"{step.stage}: {step.done}{of} {step.note}".strip()
                self._err.print(_printable(words), markup=False)

        return sink
