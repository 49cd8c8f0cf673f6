"""PolypTrace core: the catalogue, video, text and models behind the window; free of Qt."""

__version__ = "0.1.0"
