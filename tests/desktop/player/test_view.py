"""Fitting, zooming and panning as geometry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, QRectF

from desktop.player.view import MOST_ZOOM, View


def view(width: int = 700, height: int = 400) -> View:
    made = View()
    made.set_canvas(width, height)
    made.set_picture(560, 480)
    return made


def close(a: QPointF, b: QPointF) -> bool:
    return (a - b).manhattanLength() < 1e-6


def test_the_whole_picture_fits_in_the_middle() -> None:
    target = view().target
    assert abs(target.height() - 400) < 1e-6
    assert abs(target.left() - (700 - target.right())) < 1e-6


@given(
    st.lists(
        st.tuples(st.floats(0.3, 4), st.floats(0, 700), st.floats(0, 400), st.floats(-500, 500)), max_size=6
    )
)
def test_both_ways_agree_and_the_picture_stays(moves: list[tuple[float, float, float, float]]) -> None:
    made = view()
    for factor, x, y, pan in moves:
        made.zoom_by(factor, QPointF(x, y))
        made.pan_by(QPointF(pan, -pan))
        assert 1.0 <= made.zoom <= MOST_ZOOM
        assert close(made.to_picture(made.to_canvas(QPointF(12, 34))), QPointF(12, 34))
        seen = made.target.intersected(QRectF(0, 0, 700, 400))
        assert seen.height() > 399.9
        assert seen.width() >= min(700.0, made.target.width()) - 0.1


def test_zooming_holds_the_point_under_the_cursor() -> None:
    made, cursor = view(), QPointF(400, 150)
    before = made.to_picture(cursor)
    made.zoom_by(4, cursor)
    assert close(made.to_picture(cursor), before)


def test_another_size_of_picture_is_fitted_anew_the_same_one_is_not() -> None:
    made = view()
    made.zoom_by(3)
    made.set_picture(560, 480)
    assert made.zoom == 3
    made.set_picture(640, 480)
    assert made.zoom == 1
