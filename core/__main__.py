"""``python -m core`` is the same as ``polyptrace``."""

from core.cli import main

if __name__ == "__main__":
    main()
