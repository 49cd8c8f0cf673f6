"""What a benchmark gives back, and how it is printed: as a table for people, as JSON for programs."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


class Figure(msgspec.Struct, frozen=True):
    """A measured value; ``of`` says what it is the value of."""

    value: float
    unit: str
    of: str = ""


class Goal(msgspec.Struct, frozen=True):
    """What a figure should reach: ``value`` at most ``bound``, or at least, where ``least``."""

    what: str
    value: float
    bound: float
    unit: str = "×"
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value >= self.bound if self.least else self.value <= self.bound


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        name: short and unique.
        work: what was done.
        ours, peer, limit: figures; None where there is none, and then ``note`` says why.
        goals: each is a ratio or a figure with its bound.
        checks: what had to be right, e.g. that ours and the peer gave the same; False is a fault.
        skipped: why nothing was measured; empty where it was.
    """

    name: str
    work: str
    ours: Figure | None = None
    peer: Figure | None = None
    limit: Figure | None = None
    goals: tuple[Goal, ...] = ()
    checks: dict[str, bool] = {}
    note: str = ""
    skipped: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON, with the goals judged."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        plain["goals"] = [msgspec.to_builtins(goal) | {"met": goal.met} for goal in self.goals]
        return plain


def row_from(plain: dict[str, Any]) -> Row:
    """Undoes :meth:`Row.as_dict`."""
    return msgspec.convert(plain, Row)


def show(machine: dict[str, Any], rows: list[Row], console: Console) -> None:
    """Prints the machine, the table, and under it notes and whatever went wrong."""
    for key, value in machine.items():
        console.print(f"[bold]{key}[/bold] {value}", highlight=False)
    table = Table(show_lines=True, pad_edge=False)
    for title in ("work", "ours", "peer or naive way", "limit", "goals"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*_cells(row))
    console.print(table)
    for row in rows:
        if row.note:
            console.print(f"[bold]{row.name}[/bold]: {row.note}", highlight=False)


def _cells(row: Row) -> tuple[str, ...]:
    title = f"[bold]{row.name}[/bold]\n{row.work}"
    if row.skipped:
        return title, "", "", "", f"[yellow]skipped: {row.skipped}[/yellow]"
    judged = [_judged(goal) for goal in row.goals]
    checked = [
        f"{'[green]✓[/green]' if right else '[red]✗ FAULT:[/red]'} {what}"
        for what, right in row.checks.items()
    ]
    return title, _figure(row.ours), _figure(row.peer), _figure(row.limit), "\n".join(judged + checked)


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return "–"
    return f"{_digits(figure.value)} {figure.unit}\n{figure.of}".strip()


def _judged(goal: Goal) -> str:
    sign = "≥" if goal.least else "≤"
    said = f"{goal.what} {_digits(goal.value)} {goal.unit} (goal {sign} {goal.bound:g})"
    return f"[green]{said}[/green]" if goal.met else f"[red]{said} misses its goal[/red]"


def _digits(value: float) -> str:
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
