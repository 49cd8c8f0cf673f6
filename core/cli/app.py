"""The program ``polyptrace``: its commands and the one place where failures become sentences."""

from __future__ import annotations

import importlib.util
import logging
import subprocess
import sys
from typing import Annotated

import typer

from core import __version__
from core.cli import (
    clips,
    demo,
    evaluation,
    exams,
    legacy,
    matching,
    models,
    patients,
    phantom,
    searching,
    system,
    training,
    verdicts,
    video_text,
    videos,
)
from core.cli.output import Output
from core.domain import RESEARCH_BANNER
from core.errors import Cancelled, PolypTraceError, internal_fault

FAILED = 1
_INTERRUPTED = 130
_CANCELLED = PolypTraceError("cancelled", "Cancelled.", "Start the same command again when you like.")

app = typer.Typer(
    name="polyptrace",
    help=f"Recognise a polyp that was seen before. {RESEARCH_BANNER}.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_ROOMS = (
    demo, system, videos, patients, exams, video_text, clips, verdicts, matching, searching, models, phantom,
    evaluation, training, legacy,
)  # fmt: skip
for room in _ROOMS:
    room.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"polyptrace {__version__} – {RESEARCH_BANNER}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Without a command: start the window."""
    if context.invoked_subcommand is None:
        raise typer.Exit(_start_window(context))


def _start_window(context: typer.Context) -> int:
    """Starts the window as a process of its own, so that torch never meets it."""
    if importlib.util.find_spec("desktop.__main__") is None:
        typer.echo(context.get_help())
        typer.echo("\nThis installation has no window: please use the commands above.")
        return 0
    if importlib.util.find_spec("PySide6") is None:
        hint = "Install it with: pip install 'polyptrace[desktop]'."
        raise PolypTraceError(
            "no-desktop", "The window needs the desktop extra, which isn't installed.", hint
        )
    return subprocess.call([sys.executable, "-m", "desktop"])


def main() -> None:
    """Entry point. Exits 0 when done, 1 when something failed or was
    cancelled, 2 on wrong usage."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for stream in (sys.stdout, sys.stderr):
        # A console of another code page must not turn a sentence into a crash.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    output = Output("--json" in sys.argv)
    try:
        app()
    except PolypTraceError as error:
        output.error(error)
        sys.exit(FAILED)
    except Cancelled as cancelled:
        hint = cancelled.hint or _CANCELLED.hint
        output.error(PolypTraceError(_CANCELLED.code, _CANCELLED.message, hint))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        output.error(_CANCELLED)
        sys.exit(FAILED)
    except SystemExit as end:
        if end.code != _INTERRUPTED:
            raise
        output.error(_CANCELLED)  # typer has turned Ctrl+C into an exit code of its own
        sys.exit(FAILED)
    except UnicodeEncodeError:
        message = "A name or text holds bytes that are no letters, so it can't be recorded."
        output.error(PolypTraceError("text-unreadable", message, "Rename the file or type the text again."))
        sys.exit(FAILED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is a sentence too
        output.error(internal_fault(error))
        sys.exit(FAILED)
