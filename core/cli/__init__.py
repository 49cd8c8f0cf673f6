"""The command line: every command is thin and calls the same core functions as the window."""

import signal


def main() -> None:
    """Entry point of ``polyptrace``; see :func:`core.cli.app.main`."""
    # Loading takes a second; Ctrl+C in it ends the program, without a traceback.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from core.cli.app import main as run

    signal.signal(signal.SIGINT, before)
    run()
