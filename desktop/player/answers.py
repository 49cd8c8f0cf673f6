"""What the decoding thread is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QImage

from core.errors import PolypTraceError
from desktop.player.cache import ImageCache
from desktop.player.film import Film


@dataclass(frozen=True)
class Wish:
    """A frame that should be shown; ``turn`` counts the wishes, so that answers keep their order."""

    turn: int
    number: int


@dataclass(frozen=True)
class Opened:
    """The video can be shown; frames that are decoded already lie in ``cache``."""

    film: Film
    cache: ImageCache


@dataclass(frozen=True)
class Missing:
    """The video can't be shown."""

    error: PolypTraceError


@dataclass(frozen=True)
class Served:
    """The frame that was wished for: its picture, or why it is refused."""

    wish: Wish
    result: QImage | PolypTraceError


@dataclass(frozen=True)
class Thumbnail:
    """The small picture of a frame."""

    number: int
    image: QImage


Answer = Opened | Missing | Served | Thumbnail
