"""The command line: every command is thin and calls the same core functions as the window."""

from core.cli.app import main

__all__ = ["main"]
