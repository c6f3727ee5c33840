"""The section of trained models: whose answers on the test set differ, and is it chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan

from bakeoff.arrival import family
from bakeoff.case import Case
from bakeoff.mcnemar import CRITICAL_VALUES, EXACT_BELOW, Effect, McNemar, every_pair, together
from bakeoff.mcnemar import right as answered
from bakeoff.record import Record
from bakeoff_reports import words
from bakeoff_reports.analysis import Analysis
from bakeoff_reports.content import (
    Block,
    Cell,
    Column,
    Content,
    Details,
    Figure,
    Group,
    Heading,
    Row,
    Table,
    paragraph,
    strong,
)
from bakeoff_reports.matrix import matrix

NARROW = words.NARROW
FEW_PAIRS = 10  # so many are shown at once, more when opened
Pair = tuple[str, str]
Tests = dict[tuple[str, str, str], McNemar]  # case, first backend, second


@dataclass(frozen=True, slots=True)
class Model:
    """What a backend's training of a network came to.

    ``others`` counts, per later round, the test rows that were answered otherwise than in the
    first; only rounds with such rows are in it.
    """

    right: tuple[bool, ...]
    answers: tuple[float, ...]
    epochs: int
    others: Mapping[int, int]

    @property
    def accuracy(self) -> float:
        return sum(self.right) / len(self.right)


def trained(analysis: Analysis) -> Content:
    """Show every network that two backends or more have trained; nothing if there is none.

    Networks that differ in the seed only are repetitions, for which time to quality has room.
    """
    networks = {
        case.id: models
        for case in analysis.run.cases
        if case.fit is not None
        and family(case) is None
        and len(models := models_of(analysis, case)) > 1
    }
    if not networks:
        return ()
    tests = all_tests(networks)
    return [_method(len(tests)), *_networks(analysis, networks, tests)]


def all_tests(networks: Mapping[str, Mapping[str, Model]]) -> Tests:
    """Test every two models of a network; the p values hold for all networks together."""
    found = {
        (case, a, b): test
        for case, models in networks.items()
        for (a, b), test in every_pair({n: m.right for n, m in models.items()}).items()
    }
    return together(found)


def models_of(analysis: Analysis, case: Case) -> dict[str, Model]:
    """Return what each backend's training came to, of those that noted their answers."""
    found = {b: _model(analysis.ranking.records(case.id, b)) for b in analysis.backends}
    models = {b: model for b, model in found.items() if model is not None}
    rows = max((len(m.right) for m in models.values()), default=0)
    return {b: m for b, m in models.items() if len(m.right) == rows}


def _model(records: Sequence[Record]) -> Model | None:
    kept = [r for r in records if r.outcome.measured and _noted(r)]
    if not kept:
        return None
    first, *later = sorted(kept, key=lambda r: r.round)
    answers = first.series["predictions"]
    others = {r.round: _unlike(answers, r.series["predictions"]) for r in later}
    return Model(
        answered(answers, first.series["labels"]),
        answers,
        int(first.figures.get("epochs", 0)),
        {number: count for number, count in others.items() if count},
    )


def _noted(record: Record) -> bool:
    answers, labels = record.series.get("predictions", ()), record.series.get("labels", ())
    return 0 < len(answers) == len(labels)


def _unlike(first: Sequence[float], second: Sequence[float]) -> int:
    if len(first) != len(second):
        return max(len(first), len(second))
    return sum(a != b for a, b in zip(first, second, strict=True))


# --- in words and figures -------------------------------------------------------------------


def _method(pairs: int) -> Block:
    critical = ", ".join(f"{v} at {100 * c:.0f}{NARROW}%" for c, v in CRITICAL_VALUES.items())
    return paragraph(
        "Every backend trained the same network, from the same weights and on the same batches. "
        "Do the models that came of it differ? McNemar's test looks at the test images that "
        "exactly one of two models got right: equally good models share them like tosses of a "
        "coin. B counts those of the first model, C those of the second, and "
        f"(|B − C| − 1)²/(B + C) is held against χ² with one degree of freedom ({critical}); "
        f"below {EXACT_BELOW} such images the binomial distribution is used itself. "
        "That two models differ is said only "
        f"where it holds for all {words.count(pairs, 'pair')} of this page at once (Holm, "
        f"95{NARROW}%).",
    )


def _networks(
    analysis: Analysis, networks: Mapping[str, Mapping[str, Model]], tests: Tests
) -> list[Block]:
    blocks: list[Block] = []
    for number, (case_id, models) in enumerate(networks.items(), 1):
        case = analysis.cases[case_id]
        mine = {(a, b): test for (c, a, b), test in tests.items() if c == case_id}
        table = _table(case, models, mine)
        blocks += [
            Heading(case.title or case.name, 3, f"trained-{number}"),
            _verdict(mine),
            *_other_rounds(models),
            _figure(case, models, mine),
            table
            if len(mine) <= FEW_PAIRS
            else Details(paragraph(f"All {words.count(len(mine), 'pair')}"), (table,)),
        ]
    return blocks


def _verdict(tests: Mapping[Pair, McNemar]) -> Block:
    differing = {pair: test for pair, test in tests.items() if test.differ()}
    if not differing:
        return paragraph(
            strong("No two models can be told apart. "),
            f"Of {words.count(len(tests), 'pair')} none differs by more than chance: one should "
            "not say that one of the backends trains better.",
        )
    told = [
        f"{better} is better than {worse}, by {words.count(ahead, 'image')}"
        for better, worse, ahead in (_in_order(*found) for found in list(differing.items())[:3])
    ]
    more = f"; and {len(differing) - len(told)} more" if len(differing) > len(told) else ""
    return paragraph(
        strong(f"{len(differing)} of {words.count(len(tests), 'pair')} differ"),
        f" by more than chance: {'; '.join(told)}{more}.",
    )


def _in_order(pair: Pair, test: McNemar) -> tuple[str, str, int]:
    """Return the better model, the worse, and by how many images."""
    ahead = test.counts.first_only - test.counts.second_only
    return (*pair, ahead) if ahead > 0 else (*pair[::-1], -ahead)


def _other_rounds(models: Mapping[str, Model]) -> list[Block]:
    unsteady = {b: m for b, m in models.items() if m.others}
    if not unsteady:
        return []
    told = "; ".join(
        f"{b}: {words.count(max(m.others.values()), 'image')} at the most, in "
        f"{words.count(len(m.others), 'round')}"
        for b, m in unsteady.items()
    )
    return [
        paragraph(
            "Trained again in another process, some backends answer otherwise than in the first "
            f"round, which is the one tested here. {told}."
        )
    ]


def _figure(case: Case, models: Mapping[str, Model], tests: Mapping[Pair, McNemar]) -> Figure:
    only: dict[Pair, int] = {}
    for (a, b), test in tests.items():
        only[a, b], only[b, a] = test.counts.first_only, test.counts.second_only
    better = [_in_order(pair, test)[:2] for pair, test in tests.items() if test.differ()]
    count = len(next(iter(models.values())).right)
    return Figure(
        matrix({b: m.accuracy for b, m in models.items()}, only, better),
        f"In each field: how many of {count:,} test images the row's model got right and the "
        "column's got wrong. ".replace(",", NARROW)
        + "Filled, with a bold number: the row's model is better, by more than chance.",
        f"Images that only one of two models got right, {case.name}: "
        + "; ".join(
            f"{a} {t.counts.first_only} and {b} {t.counts.second_only}"
            for (a, b), t in list(tests.items())[:12]
        )
        + ("; and further pairs." if len(tests) > 12 else "."),
    )


def _table(case: Case, models: Mapping[str, Model], tests: Mapping[Pair, McNemar]) -> Table:
    ordered = sorted(tests.items(), key=lambda item: item[1].p_value)
    return Table(
        caption=f"Every two models of {case.name}",
        columns=(
            Column("Models"),
            Column("Verdict"),
            Column("A, B, C, D", "number", "right: both, first alone, second alone, neither"),
            Column("Unlike", "number", "answers, right or wrong"),
            Column("χ²", "number"),
            Column("p", "number", "Holm"),
            Column("Accuracy", "number", "first − second, in points"),
            Column("Odds", "number", "B/C"),
        ),
        groups=(Group("", tuple(_row(pair, test, models) for pair, test in ordered)),),
        sortable=True,
    )


def _row(pair: Pair, test: McNemar, models: Mapping[str, Model]) -> Row:
    a, b = pair
    counts, gain, odds = test.counts, test.difference, test.odds
    unlike = _unlike(models[a].answers, models[b].answers)
    letters = (counts.both, counts.first_only, counts.second_only, counts.neither)
    return (
        Cell(f"{a}, {b}", _epochs(models[a], models[b]), sort=f"{a} {b}"),
        Cell("differ", tone="warn", chip=True, sort=0)
        if test.differ()
        else Cell("cannot tell", tone="none", chip=True, sort=1),
        Cell(", ".join(f"{n}" for n in letters), sort=counts.discordant),
        Cell(f"{unlike}", sort=unlike),
        Cell(f"{test.statistic:.2f}", sort=test.statistic),
        Cell(_p_value(test.p_value), "exact" if test.exact else "χ²", sort=test.p_value),
        Cell(
            _points(gain.value),
            f"{_points(gain.low)} to {_points(gain.high)}",
            sort=gain.value,
        ),
        _odds(odds),
    )


def _epochs(first: Model, second: Model) -> str:
    if first.epochs == second.epochs:
        return words.count(first.epochs, "epoch") if first.epochs else ""
    return f"{first.epochs} and {second.epochs} epochs"


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def _p_value(p: float) -> str:
    return "<0.0001" if p < 1e-4 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def _odds(odds: Effect) -> Cell:
    if isnan(odds.value):
        return Cell(words.NONE)
    shown = [f"{v:.2f}" if isfinite(v) else "∞" for v in (odds.value, odds.low, odds.high)]
    return Cell(shown[0], f"{shown[1]} to {shown[2]}", sort=odds.value)
