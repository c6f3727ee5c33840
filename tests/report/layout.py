"""Whether a figure's texts can be read: none lies on another or leaves the figure."""

from itertools import combinations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from bakeoff_reports import style


def assert_texts_apart(figure):
    """Fail, naming the text, if one lies on another or outside, by the renderer's boxes."""
    canvas = FigureCanvasAgg(figure)
    with style.house_style():
        canvas.draw()
    renderer = canvas.get_renderer()
    hidden = _out_of_view(figure)
    texts = {id(t): t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()}
    shown = [(t, t.get_window_extent(renderer)) for i, t in texts.items() if i not in hidden]
    width, height = canvas.get_width_height()
    for text, box in shown:
        assert box.x0 >= -1, text.get_text()
        assert box.x1 <= width + 1, text.get_text()
        assert box.y0 >= -1, text.get_text()
        assert box.y1 <= height + 1, text.get_text()
    for (one, a), (other, b) in combinations(shown, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        assert not overlap, (one.get_text(), other.get_text())


def _out_of_view(figure):
    """Return the ids of tick labels that belong to no tick in view."""
    return {
        id(label)
        for axes in figure.axes
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(limits) <= tick.get_loc() <= max(limits)
    }
