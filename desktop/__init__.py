"""PolypTrace desktop: the Qt window on top of :mod:`core`; free of torch."""
