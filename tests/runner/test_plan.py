"""Selections become plans; what is unknown is named with what is near."""

import dataclasses
from collections.abc import Iterable

import pytest
from test_journal import CASE

from bakeoff.case import Case, Suite
from bakeoff.errors import UsageError
from bakeoff.interface import Backend
from bakeoff.plan import Cell, make_plan
from bakeoff.settings import Settings

CASES = [dataclasses.replace(CASE, name=f"double-{n}", timed=n != 8) for n in (2, 4, 8)]


def broken(preset: str) -> Iterable[Case]:
    yield dataclasses.replace(CASE, suite="broken")
    raise RuntimeError("half way")


BACKENDS = {n: Backend(n, n.title(), n, "m:A") for n in ("numpy", "torch", "other")}
SUITES = {
    "toy": Suite("toy", "Toy", "", lambda preset: CASES if preset != "smoke" else CASES[:1]),
    "broken": Suite("broken", "Broken", "", broken),
    "empty": Suite("empty", "Empty", "", lambda preset: ()),
}


def plan_of(**options: object):  # type: ignore[no-untyped-def]
    return make_plan(Settings(**{"suites": ("toy",), **options}), BACKENDS, SUITES)  # type: ignore[arg-type]


def test_plan_is_cases_times_backends_with_a_twin_of_the_first() -> None:
    plan = plan_of(backends=("torch", "numpy"))
    assert plan.reference == "torch"
    assert list(plan.seats) == [("torch", 0), ("torch", 1), ("numpy", 0)]
    cells = list(plan.cells())
    assert Cell("toy/double-2", "torch", 1) in cells
    assert Cell("toy/double-8", "torch", 1) not in cells, "the twin is there for times only"
    assert len(cells) == 3 * 3 - 1


def test_without_names_the_usual_backends_and_all_suites_are_meant() -> None:
    plan = make_plan(Settings(), BACKENDS, SUITES)
    assert [b.name for b in plan.backends] == ["numpy", "torch"]
    assert "broken/double" in [c.id for c in plan.cases], "what came before the failure is kept"
    assert plan.problems == ("suite broken: RuntimeError: half way",)


def test_the_museum_is_a_few_cases_on_every_backend_of_the_processor() -> None:
    """The reference first, then by first release; what a suite did not choose is not in it."""
    old = Backend("old", "Old", "old", "m:A", released="2008-01")
    card = Backend("card", "Card", "card", "m:A", device="cuda", released="2007-06")
    new = dataclasses.replace(BACKENDS["torch"], released="2016-09")
    backends = {b.name: b for b in (BACKENDS["other"], new, card, old, BACKENDS["numpy"])}
    shown = dataclasses.replace(SUITES["toy"], name="shown", museum=lambda: CASES[1:2])
    suites = {"shown": shown, **SUITES}
    plan = make_plan(Settings("museum"), backends, suites)
    assert [b.name for b in plan.backends] == ["numpy", "old", "torch", "other"]
    assert [c.id for c in plan.cases] == ["toy/double-4"]
    assert plan.problems == ()
    named = make_plan(Settings("museum", ("card", "old")), backends, suites)
    assert [b.name for b in named.backends] == ["card", "old"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backends": ("trch",)}, "no 'trch', did you mean torch?; there are numpy, other, torch"),
        ({"suites": ("toi",)}, "no 'toi', did you mean toy?"),
        ({"cases": ("toy/dooble-2",)}, "nothing matches 'toy/dooble-2', did you mean toy/double-2"),
        ({"suites": ("empty",)}, "no cases in preset quick of empty"),
        ({"preset": "slow"}, "expected one of smoke, quick"),
        ({"threads": 0}, "threads 0, expected 1 or more"),
        ({"max_time_s": -1}, "expected a positive number"),
    ],
)
def test_what_is_unknown_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of(**options)
    assert message in str(caught.value)


def test_a_suite_without_cases_in_a_preset_names_one_that_has_some() -> None:
    toy = SUITES["toy"]
    late = Suite("late", "Late", "", lambda p: toy.cases(p) if p in ("standard", "full") else ())
    with pytest.raises(UsageError, match="in preset quick of late; --preset standard has some"):
        make_plan(Settings("quick", suites=("late",)), BACKENDS, {"late": late})


def test_a_case_of_a_device_is_planned_where_one_backend_is_of_it() -> None:
    large = dataclasses.replace(CASES[0], name="large", devices=("cuda",))
    suites = {"toy": Suite("toy", "Toy", "", lambda preset: (CASES[0], large))}
    backends = {**BACKENDS, "card": Backend("card", "Card", "card", "m:A", device="cuda")}

    def ids(*names: str) -> list[str]:
        return [c.id for c in make_plan(Settings(backends=names), backends, suites).cases]

    assert ids("numpy", "torch") == ["toy/double-2"]
    assert ids("numpy", "card") == ids("card") == ["toy/double-2", "toy/large"]
    with pytest.raises(UsageError, match=r"none of a device that the cases are asked of \(cuda\)"):
        make_plan(Settings(backends=("numpy",), cases=("toy/large",)), backends, suites)


def test_a_case_of_a_device_survives_the_journal() -> None:
    large = dataclasses.replace(CASES[0], devices=("cuda",))
    assert Case.from_json(large.to_json()) == large
    assert large.refusal("cuda") == ""
    assert large.refusal("cpu") == "asked of cuda only: too large for cpu"
    old = {k: v for k, v in CASES[0].to_json().items() if k != "devices"}
    assert Case.from_json(old) == CASES[0]


def test_globs_preset_and_seed_are_applied() -> None:
    assert [c.id for c in plan_of(cases=("*-2", "*-8")).cases] == ["toy/double-2", "toy/double-8"]
    assert [c.id for c in plan_of(preset="smoke").cases] == ["toy/double-2"]
    assert [c.seed for c in plan_of(seed=7).cases] == [7, 7, 7]


def test_settings_survive_the_journal() -> None:
    settings = Settings("smoke", ("a", "b"), cases=("x*",), max_time_s=3.0)
    assert Settings.from_json({**settings.to_json(), "unknown": 1}) == settings
    assert settings.pace.budget_s == 3.0
