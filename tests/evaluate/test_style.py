import pytest
from matplotlib.lines import Line2D

from mdsnake.evaluate import style


@pytest.mark.parametrize("count", [2, 6])
@pytest.mark.parametrize("width", [3.0, 9.0])
def test_a_legend_lies_within_its_figure_and_above_the_caption(count: int, width: float) -> None:
    figure, _ = style.panels(1, 1, width=width)
    handles = [Line2D([], [], label=f"medium-bidirectional-mixture-{i}") for i in range(count)]
    style.finish(figure, "Title", "A caption\nof two lines", handles)
    figure.draw_without_rendering()
    legend, caption = figure.legends[0].get_window_extent(), figure.texts[-1].get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= figure.bbox.x1
    assert legend.y0 >= caption.y1
    assert legend.y1 <= figure.axes[0].get_tightbbox().y0
