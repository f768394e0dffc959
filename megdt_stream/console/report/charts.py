"""Charts as static SVG, drawn with matplotlib: no text but numbers and dates, legible in black and white.

Words stand in the HTML around a chart, for the widths of Chinese cannot be known here. Equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from markupsafe import Markup

from megdt_stream.console.report.svg import embedded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, BAND, RULE, TARGET = "#14202b", "#5b6b7a", "#b9cadb", "#d5dbe1", "#9a3412"
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "megdt",
    "svg.id": None,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "hatch.linewidth": 0.8,
    "text.parse_math": False,
}
_NO_METADATA: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_STRIP: Final = (1.9, 0.2)
"""Width and height of a strip, in inches; the page scales it."""

_EDGE: Final = 0.09
_DAY_MS: Final = 24 * 3600 * 1000
_MOST_TICKS: Final = 5


class Point(NamedTuple):
    """A level at a time (ms) with its interval, and the mean of the scores of the period before, with their number."""

    at: int
    value: float
    low: float
    high: float
    seen: float
    scores: int


class Bar(NamedTuple):
    """A bar of a height, of which `part` is hatched; one that is not `whole` is drawn hollow. `at` in ms."""

    at: int
    height: float
    part: float = 0.0
    whole: bool = True


class Charts:
    """Draws the charts of one page; each gets ids of its own."""

    def __init__(self) -> None:
        self._count = 0

    def interval(
        self,
        found: tuple[float, float, float],
        title: str,
        span: tuple[float, float] = (1.0, 5.0),
        ticks: Sequence[float] = (1, 2, 3, 4, 5),
        target: float | None = None,
    ) -> Markup:
        """Draw a value (dot) with its interval (bar) on a scale; `found` is value, low, high; `target` a broad tick."""
        with self._drawn(_STRIP, title) as (figure, result):
            _scale(figure, span, ticks)
            value, low, high = (_place(part, span) for part in found)
            _line(figure, (low, high), (0.5, 0.5), color=BAND, linewidth=6)
            _line(figure, (low, low), (0.28, 0.72), color=INK, linewidth=1)
            _line(figure, (high, high), (0.28, 0.72), color=INK, linewidth=1)
            if target is not None:
                place = _place(target, span)
                _line(figure, (place, place), (0.02, 0.98), color=TARGET, linewidth=2, linestyle=(0, (1.6, 0.9)))
            _line(figure, (value,), (0.5,), marker="o", markersize=4.5, color=INK)
        return result[0]

    def progress(self, done: float, title: str, ahead: tuple[float, float, float] | None = None) -> Markup:
        """Draw how much of a minimum (1, the tick) is done, and the expected end with its interval, up to 1.5."""
        span = (0.0, 1.5)
        with self._drawn(_STRIP, title) as (figure, result):
            _scale(figure, span, (0, 0.5, 1, 1.5))
            _line(figure, (_place(0, span), _place(done, span)), (0.5, 0.5), color=SOFT, linewidth=6)
            if ahead is not None:
                value, low, high = (_place(part, span) for part in ahead)
                _line(figure, (low, high), (0.5, 0.5), color=INK, linewidth=1.4)
                _line(figure, (value,), (0.5,), marker="o", markersize=4.5, color=INK, markerfacecolor="white")
            place = _place(1.0, span)
            _line(figure, (place, place), (0.02, 0.98), color=TARGET, linewidth=2, linestyle=(0, (1.6, 0.9)))
        return result[0]

    def axis(self, span: tuple[float, float], labels: Sequence[tuple[float, str]], title: str) -> Markup:
        """Draw the numbers of a scale, to stand above a column of strips."""
        with self._drawn((_STRIP[0], 0.17), title) as (figure, result):
            for value, label in labels:
                figure.text(_place(value, span), 0.5, label, ha="center", va="center", fontsize=8.5, color=INK)
        return result[0]

    def history(self, points: Sequence[Point], wanted: Sequence[tuple[int, float]], title: str) -> Markup:
        """Draw a level over time: line and band, dots for the scores of each period, a dashed line for the target."""
        with self._drawn((3.3, 1.75), title) as (figure, result):
            axes = _axes(figure, (0.9, 5.1))
            axes.set_yticks([1, 2, 3, 4, 5])
            days = [point.at / _DAY_MS for point in points]
            low, high = ([getattr(point, name) for point in points] for name in ("low", "high"))
            axes.fill_between(days, low, high, color=BAND, linewidth=0)
            # So that a single point has its interval too.
            axes.vlines(days, low, high, color=SOFT, linewidth=0.6)
            axes.plot(days, [point.value for point in points], color=INK, linewidth=1.6, marker="o", markersize=2.5)
            axes.plot(days, [point.seen for point in points], "o", markersize=3.5, mfc="white", mec=SOFT, mew=0.8)
            if wanted:
                when = [at / _DAY_MS for at, _ in wanted]
                alone: dict[str, Any] = (
                    {"marker": "_", "markersize": 14, "markeredgewidth": 1.4} if len(when) == 1 else {}
                )
                levels = [level for _, level in wanted]
                axes.plot(when, levels, color=TARGET, linewidth=1.4, linestyle=(0, (4, 2)), **alone)
            _months(axes, min(days), max(days))
        return result[0]

    def bars(self, bars: Sequence[Bar], width_days: float, title: str, limit: float | None = None) -> Markup:
        """Draw bars over time, and a limit as a dashed line."""
        top = max([bar.height for bar in bars] + [limit or 0.0, 1.0]) * 1.08
        with self._drawn((6.4, 1.7), title) as (figure, result):
            axes = _axes(figure, (0.0, top))
            for bar in bars:
                place, width = bar.at / _DAY_MS, width_days * 0.8
                face = SOFT if bar.whole else "white"
                axes.bar(place, bar.height, width, align="edge", color=face, edgecolor=INK, linewidth=0.8)
                axes.bar(
                    place, bar.part, width, align="edge", color="white", edgecolor=INK, hatch="////", linewidth=0.8
                )
            if limit is not None:
                axes.axhline(limit, color=TARGET, linewidth=1.4, linestyle=(0, (4, 2)))
            first, last = bars[0].at / _DAY_MS, bars[-1].at / _DAY_MS
            _days(axes, [bar.at / _DAY_MS for bar in bars])
            axes.set_xlim(first - width_days * 0.3, last + width_days * 1.1)
        return result[0]

    @contextmanager
    def _drawn(self, size: tuple[float, float], title: str) -> Iterator[tuple[Figure, list[Markup]]]:
        """Give a figure to draw in; afterwards the list has its SVG."""
        # Here, for it takes half a second to load, and settings of the user's own must not reach a page.
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self._count += 1
        with mpl.rc_context():
            mpl.rcdefaults()
            settings: Any = mpl.rcParams  # its type takes no name that is not a literal
            settings.update(_STYLE)
            figure, result = Figure(figsize=size), list[Markup]()
            FigureCanvasSVG(figure)
            yield figure, result
            text = StringIO()
            figure.savefig(text, format="svg", transparent=True, metadata=_NO_METADATA)
        result.append(embedded(text.getvalue(), f"c{self._count}-", title))


# --- strips, in coordinates of the figure ---


def _place(value: float, span: tuple[float, float]) -> float:
    low, high = span
    share = (min(high, max(low, value)) - low) / (high - low)
    return _EDGE + (1 - 2 * _EDGE) * share


def _scale(figure: Figure, span: tuple[float, float], ticks: Sequence[float]) -> None:
    _line(figure, (_EDGE, 1 - _EDGE), (0.5, 0.5), color=RULE, linewidth=1)
    for tick in ticks:
        place = _place(tick, span)
        _line(figure, (place, place), (0.35, 0.65), color=SOFT, linewidth=0.8)


def _line(figure: Figure, x: Sequence[float], y: Sequence[float], **look: Any) -> None:
    from matplotlib.lines import Line2D

    figure.add_artist(Line2D(x, y, solid_capstyle="butt", **look))


# --- charts over time; x in days since the epoch ---


def _axes(figure: Figure, span: tuple[float, float]) -> Axes:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0.3 / width, 0.28 / height, 1 - 0.42 / width, 1 - 0.36 / height))
    axes.set_ylim(*span)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _date(days: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)


def _months(axes: Axes, first: float, last: float) -> None:
    """Mark first days of months, at most `_MOST_TICKS`, as `2025-03`."""
    begin, end = _date(first - 20), _date(last + 20)
    count = (end.year - begin.year) * 12 + end.month - begin.month
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 600, 10**6) if count / step <= _MOST_TICKS - 1)
    months = range(begin.year * 12 + begin.month, end.year * 12 + end.month)
    ticks = [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in months if month % min(step, 600) == 0]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    axes.set_xticks([(tick - epoch) / timedelta(days=1) for tick in ticks], [f"{tick:%Y-%m}" for tick in ticks])
    axes.set_xlim(first - 20, last + 20)


def _days(axes: Axes, days: Sequence[float]) -> None:
    """Mark beginnings of bars, at most 8 of them, as `03-25` with the year on the first."""
    step = -(-len(days) // 8)
    shown = list(days)[::step]
    labels = [f"{_date(day):%Y-%m-%d}" if number == 0 else f"{_date(day):%m-%d}" for number, day in enumerate(shown)]
    axes.set_xticks(shown, labels, ha="left")
