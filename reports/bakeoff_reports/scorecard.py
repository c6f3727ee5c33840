"""The section of scores: what was measured, weighed, and how much of the order weights make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bakeoff.reporting import AdoptionMetric, resolve
from bakeoff_reports import scores, words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Definitions,
    Figure,
    Group,
    Heading,
    Points,
    Scoreboard,
    Table,
    Weight,
    paragraph,
)
from bakeoff_reports.stacked import Part, stacked

LOGARITHMIC = ("ns", "bytes", "× reference")  # units of which a factor means the same anywhere
FIRST_PLACES = 3  # columns of the table of places
MOST = 0.9  # of the draws, which "mostly" means
NEAR = 0.02  # a share of draws below which a first place is not spoken of


@dataclass(frozen=True)
class Card:
    """The measured columns that can be scored, in the order of the metrics.

    Attributes
    ----------
    backends
        Those with a value in any column.
    metrics
        Those with a value for any backend.
    columns
        By metric, then by backend: more is better, None is not known.
    """

    backends: tuple[str, ...]
    metrics: tuple[AdoptionMetric, ...]
    columns: tuple[tuple[float | None, ...], ...]

    @cached_property
    def weights(self) -> tuple[float, ...]:
        return tuple(max(m.weight, 0.0) for m in self.metrics)

    @cached_property
    def points(self) -> dict[str, list[scores.Points]]:
        """By method, then by metric, then by backend."""
        return {m.name: [m.points(column) for column in self.columns] for m in scores.METHODS}

    @cached_property
    def weighed(self) -> list[int]:
        """Which metrics have a weight."""
        return [i for i, weight in enumerate(self.weights) if weight > 0]


def card_of(analysis: Analysis) -> Card | None:
    """Return what can be scored; None where there is nothing to tell apart.

    A backend of which only such facts are known as come with no result (its size, its year)
    has no place: it did not run.
    """
    ran = tuple(b for b in analysis.backends if any(o.measured for o in analysis.of(b)["outcome"]))
    found = []
    for metric in analysis.metrics:
        values: Mapping[str, float | None] = resolve(metric.compute)(analysis)
        column = tuple(_directed(metric, [values.get(b) for b in ran]))
        if any(v is not None for v in column):
            found.append((metric, column))
    card = Card(ran, tuple(m for m, _ in found), tuple(c for _, c in found))
    return card if len(ran) > 1 and card.weighed else None


def _directed(metric: AdoptionMetric, values: Sequence[float | None]) -> list[float | None]:
    if metric.unit == "of the bound":  # beyond the bound an answer is wrong, however far
        values = [None if v is None else min(v, 1.0) for v in values]
    return scores.directed(values, metric.better, metric.unit in LOGARITHMIC)


def score(analysis: Analysis) -> Content:
    """Weigh the columns, show what each adds, and say how far the order is the weights'."""
    card = card_of(analysis)
    if card is None:
        return ()
    return [
        paragraph(
            "One number from many, and so an opinion: the weights say what matters to whom. "
            "Those here are where bakeoff begins; with JavaScript they can be changed below, and "
            "the page weighs again by itself. A score is the mean of a backend's points, weighted "
            "by column. Times, sizes and ratios enter by their logarithm; errors up to their "
            "bound, for beyond it an answer is wrong however far. What is missing counts as the "
            "worst, and the table says how much is known: a backend gains nothing by not being "
            "measured. Backends without any result have no place. A score has no interval: where "
            "speeds cannot be told apart, their points cannot either."
        ),
        scoreboard(card),
        Definitions(tuple((m.title, paragraph(m.explanation)) for m in scores.METHODS)),
        Heading("Would other weights give another order?", 3, "stability"),
        *_stability(card),
        Heading("The scorecard as a picture", 3, "picture"),
        picture(card),
    ]


def scoreboard(card: Card) -> Scoreboard:
    """Return the table that the page can weigh again; ordered by the first method."""
    first = scores.METHODS[0].name
    found = scores.scores(card.points[first], card.weights)
    order = sorted(range(len(found)), key=lambda i: (-found[i], i))
    return Scoreboard(
        caption="Scores: the points of each backend by column, and their weighted mean",
        methods=tuple((m.name, m.title, m.decimals) for m in scores.METHODS),
        weights=tuple(Weight(m.title, w) for m, w in zip(card.metrics, card.weights, strict=True)),
        rows=tuple(
            Points(
                card.backends[i],
                tuple(card.columns[j][i] is not None for j in range(len(card.metrics))),
                {name: tuple(c[i] for c in columns) for name, columns in card.points.items()},
            )
            for i in order
        ),
        places=tuple(scores.places(found)[i] for i in order),
        scores=tuple(found[i] for i in order),
    )


def _stability(card: Card) -> list[Block]:
    method = scores.METHODS[0]
    points = [card.points[method.name][j] for j in card.weighed]
    shares = scores.stability(points)
    leaders = sorted(range(len(shares)), key=lambda i: (-shares[i][0], i))
    count = min(FIRST_PLACES, len(shares))
    columns = (
        Column("Backend"),
        *(Column(_place(p), "number", "of the draws") for p in range(1, count + 1)),
        Column("Mostly", "number", f"places of {100 * MOST:.0f}{words.NARROW}% of the draws"),
    )
    rows = tuple(
        (
            Cell(card.backends[i], sort=card.backends[i]),
            *(_share(shares[i][p]) for p in range(count)),
            Cell(_mostly(shares[i]), sort=float(shares[i] @ range(1, len(shares) + 1))),
        )
        for i in leaders
    )
    return [
        paragraph(
            _who_leads(card, [float(s) for s in shares[:, 0]], leaders),
            f" Weights were drawn {scores.DRAWS:,} times, evenly from all that share out the "
            f"{words.count(len(points), 'column')} with a weight, with seed {scores.SEED}, and "
            f"weighed as the {method.title.split(',')[0].lower()} does.",
        ),
        Table(
            "How often each backend takes which place under random weights",
            columns,
            (Group("", rows),),
            sortable=True,
        ),
    ]


def _who_leads(card: Card, first: Sequence[float], leaders: Sequence[int]) -> str:
    """Say in words how much of the first place is the weights'."""
    best = card.backends[leaders[0]]
    share = first[leaders[0]]
    rivals = [
        f"{card.backends[i]} ({words.percent(first[i])})" for i in leaders[1:] if first[i] >= NEAR
    ]
    if share >= 1:
        return f"Whatever the weights, {best} is first."
    of_draws = f"{best} is first under {words.percent(share)} of random weights"
    if not rivals:
        return f"Hardly: {of_draws}."
    return f"{'Hardly' if share >= MOST else 'Yes'}: {of_draws}; else {words.listed(rivals)}."


def _place(number: int) -> str:
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number, 'th') }"


def _share(share: float) -> Cell:
    text = words.percent(float(share)) if share else words.NONE
    return Cell(text, sort=float(share), bar=float(share))


def _mostly(shares: Sequence[float]) -> str:
    """Return the places between which the middle of the draws lies."""
    tail = (1 - MOST) / 2
    low = high = total = 0.0
    for place, share in enumerate(shares, 1):
        low = low or (place if total + share > tail else 0)
        high = high or (place if total + share >= 1 - tail - 1e-9 else 0)
        total += share
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def picture(card: Card) -> Figure:
    """Return the scorecard as a figure that says alone what it is."""
    points = card.points[scores.METHODS[0].name]
    found = dict(zip(card.backends, scores.scores(points, card.weights), strict=True))
    said = "; ".join(f"{b} {s:.1f}" for b, s in sorted(found.items(), key=lambda x: -x[1]))
    return Figure(
        stacked(card.backends, parts_of(card)),
        "Each bar is a score from 0 to 100 with the weights that bakeoff begins with, made up of "
        "what each column adds. As a file: bakeoff report --format png.",
        f"Scores out of 100: {said}.",
    )


def parts_of(card: Card) -> list[Part]:
    """Return what each metric with a weight adds to the scores, by the first method."""
    points, total = card.points[scores.METHODS[0].name], sum(card.weights)
    return [
        Part(m.title, m.weight, [m.weight * p / total for p in points[j]])
        for j, m in enumerate(card.metrics)
        if m.weight > 0
    ]
