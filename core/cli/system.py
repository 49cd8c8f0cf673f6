"""``polyptrace doctor``."""

from __future__ import annotations

import typer

from core.cli.options import DataDirPath, JsonFlag, data_dir
from core.cli.output import Output
from core.runtime.doctor import examine


def register(app: typer.Typer) -> None:
    """Adds this file's commands."""
    app.command()(doctor)


def doctor(json: JsonFlag = False, data_dir_: DataDirPath = None) -> None:
    """Check device, disk, data folder, catalogue and model; exits 1 when something is wrong."""
    output = Output(json)
    checks = examine(data_dir(data_dir_))
    output.document({"ok": all(check.ok for check in checks), "checks": checks})
    for check in checks:
        output.say(f"{'ok ' if check.ok else 'BAD'}  {check.name}: {check.message}")
        if check.hint:
            output.say(f"     hint: {check.hint}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
