"""``polyptrace doctor``."""

from __future__ import annotations

import typer

from core.cli.options import DataDirPath, JsonFlag, data_dir
from core.cli.output import Output
from core.errors import PolypTraceError
from core.runtime.doctor import examine


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(doctor)


def doctor(json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Check device, disk, data folder, catalogue and model.

    Exits 1 when something is wrong.
    """
    output = Output(json)
    checks = examine(data_dir(data_dir_))
    bad = [check.name for check in checks if not check.ok]
    document = {"ok": not bad, "checks": checks}
    if not bad:
        output.document(document)
    for check in checks:
        output.say(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.message}")
        if check.hint:
            output.say(f"     hint: {check.hint}")
    if bad:
        message = f"Something is wrong with: {', '.join(bad)}."
        output.error(PolypTraceError("doctor-problems", message, "The checks say what to do."), document)
        raise typer.Exit(1)
