"""What plots are made of, as SVG text: scales with round ticks, a frame with named axes, lines, marks, and labels that keep apart.

In: numbers and short names. Out: SVG, HTML and the CSS that goes with it; colors are CSS variables of the page, which has one set for light
and one for dark screens. A series is told by its dash, mark and label as well as by its color. Does not know: reports or scores.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10, sqrt

WIDTH = 360
"""Of every plot, in its own units: about the width of a phone, where text of 13 units is then read as 12 pixels."""

HEIGHT = 300
LEFT, RIGHT, TOP, BOTTOM = 46, 338, 34, 252
"""The drawing area inside the frame."""

LABELED_RIGHT = 248
"""Its right end where the lines are labeled at their ends."""

LABEL_GAP = 16  # from one line of labels to the next
MARKS_ON_A_LINE = 12  # at most about so many: enough to follow a line, too few to hide it

STYLE = """
.plot { margin: 0; }
.plot svg { display: block; width: 100%; height: auto; max-width: 30rem; }
.plot text { font-size: 13px; fill: var(--ink); paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.plot text.quiet { fill: var(--quiet); }
.plot .grid { stroke: var(--line); }
.plot .axis { stroke: var(--quiet); }
.plot .aside { stroke: var(--quiet); stroke-dasharray: 4 4; fill: none; }
.plot .line { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.plot .mark { fill: var(--c); stroke: var(--card); stroke-width: 1; }
.plot .bar { fill: var(--c); }
.plot .range { stroke: var(--c); stroke-width: 2; }
.plot .answers { fill: var(--c); fill-opacity: .35; stroke: var(--c); stroke-width: 1.5; }
.s0 { --c: var(--series-0); } .s1 { --c: var(--series-1); } .s2 { --c: var(--series-2); } .s3 { --c: var(--series-3); } .s4 { --c: var(--ink); }
.line.s1 { stroke-dasharray: 8 3; } .line.s2 { stroke-dasharray: 2 3; } .line.s3 { stroke-dasharray: 9 3 2 3; } .line.s4 { stroke-dasharray: 14 3; }
"""
"""Series 0 to 4; the page has to define --series-0 to --series-3, --ink, --quiet, --line and --card."""

SERIES = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high`, drawn from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn.

        >>> Scale(0, 10, 100, 200).at(2.5)
        125.0
        """
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values on the scale, about five.

        >>> Scale(0, 0.87, 0, 1).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8]
        >>> Scale(30, 4431, 0, 1).ticks()
        [1000.0, 2000.0, 3000.0, 4000.0]
        """
        step = _round_step(self.high - self.low)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [round(number * step, 10) for number in range(first, last + 1)]


def rounded_up(value: float) -> float:
    """The end of a scale from 0 that holds `value`.

    >>> rounded_up(0.31), rounded_up(87.0), rounded_up(0.0)
    (0.4, 100.0, 1.0)
    """
    if value <= 0:
        return 1.0
    step = _round_step(value)
    return round(ceil(value / step - 1e-9) * step, 10)


def percent(value: float) -> str:
    return f"{100 * value:g}%"


def plain(value: float) -> str:
    return f"{value:,.10g}"


def figure(key: str, title: str, description: str, body: str, caption: str, height: float = HEIGHT) -> str:
    """A plot with its caption. `key` is unique on the page; `description` says in words what is drawn; `body` is SVG, all else plain text."""
    name = escape(key)
    return (
        f'<figure class="plot"><svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>{body}</svg>'
        f"<figcaption><b>{escape(title)}.</b> {escape(caption)}</figcaption></figure>"
    )


def frame(x: Scale, y: Scale, x_name: str, y_name: str, show_x: Callable[[float], str] = plain, show_y: Callable[[float], str] = plain) -> str:
    """Grid lines, ticks, and the names of the axes: that of y stands level on top of it, where nobody has to turn the head."""
    parts = [text(4, TOP - 16, y_name)]
    for tick in y.ticks():
        parts.append(f'<line class="grid" x1="{x.start:g}" x2="{x.end:g}" y1="{y.at(tick):.1f}" y2="{y.at(tick):.1f}"/>')
        parts.append(text(x.start - 6, y.at(tick) + 4.5, show_y(tick), anchor="end", quiet=True))
    for tick in x.ticks():
        parts.append(f'<line class="axis" x1="{x.at(tick):.1f}" x2="{x.at(tick):.1f}" y1="{y.start:g}" y2="{y.start + 4:g}"/>')
        parts.append(text(x.at(tick), y.start + 18, show_x(tick), anchor="middle", quiet=True))
    parts.append(f'<line class="axis" x1="{x.start:g}" x2="{x.end:g}" y1="{y.start:g}" y2="{y.start:g}"/>')
    parts.append(text((x.start + x.end) / 2, y.start + 38, x_name, anchor="middle"))
    return "".join(parts)


def text(x: float, y: float, words: str, *, anchor: str = "start", quiet: bool = False) -> str:
    style = ' class="quiet"' if quiet else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def line(points: Sequence[tuple[float, float]], series: int) -> str:
    """A line through points of the drawing, with a mark at some of them and at the last."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    every = ceil(len(points) / MARKS_ON_A_LINE)
    marks = "".join(mark(series, x, y) for x, y in points[::-1][::every])
    return f'<polyline class="line s{series}" points="{joined}"/>{marks}'


def mark(series: int, x: float, y: float, size: float = 4.5) -> str:
    """The mark of a series: circle, square, triangle, diamond or cross, about as large as a circle of radius `size`."""
    style = f'class="mark s{series}"'
    if series == 0:
        return f'<circle {style} cx="{x:.1f}" cy="{y:.1f}" r="{size:g}"/>'
    shapes = {
        1: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        2: ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
        3: ((0, -1.3), (1.1, 0), (0, 1.3), (-1.1, 0)),
        4: ((-1, -0.4), (-0.4, -0.4), (-0.4, -1), (0.4, -1), (0.4, -0.4), (1, -0.4), (1, 0.4), (0.4, 0.4), (0.4, 1), (-0.4, 1), (-0.4, 0.4), (-1, 0.4)),
    }
    return f'<polygon {style} points="{" ".join(f"{x + dx * size:.1f},{y + dy * size:.1f}" for dx, dy in shapes[series])}"/>'


def end_labels(ends: Sequence[tuple[str, float, int]], x: float, top: float, bottom: float) -> str:
    """The names of lines beside their ends: `ends` are (name, y, series) at `x`; a thin line leads to a label that had to move."""
    places = keep_apart([y for _, y, _ in ends], top, bottom)
    return "".join(
        f'<line class="grid" x1="{x + 5:g}" x2="{x + 12:g}" y1="{y:.1f}" y2="{place:.1f}"/>{mark(series, x + 17, place)}{text(x + 25, place + 4.5, name)}'
        for (name, y, series), place in zip(ends, places, strict=True)
    )


def legend(names: Sequence[tuple[str, int]], x: float, y: float) -> str:
    """Names with the marks of their series, one below the other."""
    return "".join(mark(series, x, y + LABEL_GAP * row) + text(x + 9, y + LABEL_GAP * row + 4.5, name) for row, (name, series) in enumerate(names))


def keep_apart(places: Sequence[float], top: float, bottom: float, gap: float = LABEL_GAP) -> list[float]:
    """Places at least `gap` apart, from `top` to `bottom` where there is room, near to and in the order of those that were asked for.

    >>> keep_apart([50.0, 52.0, 10.0], 0, 60)
    [44, 60, 10.0]
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    found = [min(max(place, top), bottom) for place in places]
    for before, after in pairwise(order):
        found[after] = max(found[after], found[before] + gap)
    limit = max(bottom, top + gap * (len(places) - 1))
    for place in reversed(order):
        found[place] = min(found[place], limit)
        limit = found[place] - gap
    return found


def radius(share: float, largest: float = 15.0) -> float:
    """Of a circle whose area is `share` of the largest one's; never too small to be seen."""
    return max(2.5, largest * sqrt(share))


def _round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that about five steps make the span."""
    power = 10.0 ** floor(log10(span / 5))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 5 * 0.9999)
