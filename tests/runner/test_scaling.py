"""Families of cases, and the exponents of their times."""

import math

import pytest

from bakeoff.case import Case, draw
from bakeoff.program import Value, trace
from bakeoff.scaling import LEAST_SIZES, exponent, families, slope


def product(n: int, **tags) -> Case:
    a, b = (Value(name, (n, n), "float32") for name in "ab")
    program = trace(lambda ops, a, b: ops.matmul(a, b), [a, b], name="product")
    name = "-".join([f"product-{n}", *map(str, tags.values())])
    inputs = {"a": draw("normal"), "b": draw("normal")}
    return Case("toys", name, program, inputs, "float32", tags={"n": n, "dtype": "float32", **tags})


SIDES = (8, 16, 32, 64)


def test_a_family_holds_what_differs_in_the_size_alone():
    [forward, backward] = families(
        product(n, **{"pass": ask}) for ask in ("forward", "gradient") for n in reversed(SIDES)
    )
    assert forward.tags == {"dtype": "float32", "pass": "forward"}
    assert backward.tags == {"dtype": "float32", "pass": "gradient"}
    assert tuple(forward.cases) == SIDES
    assert all(case.tags["n"] == n for n, case in forward.cases.items())


def test_fewer_sizes_are_no_family():
    assert LEAST_SIZES == 4
    assert families([product(n) for n in SIDES[:3]]) == []


def test_cases_that_are_not_timed_or_have_no_size_are_in_no_family():
    from dataclasses import replace

    untimed = [replace(product(n), timed=False) for n in SIDES]
    unsized = [replace(product(n), tags={"dtype": "float32"}) for n in SIDES]
    assert families([*untimed, *unsized]) == []


def test_operations_of_square_products_grow_with_the_cube():
    [family] = families([product(n) for n in SIDES])
    assert slope(family.flops) == pytest.approx(3)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 3.0])
def test_a_power_law_has_its_own_exponent(power):
    assert slope({n: 7e3 * n**power for n in SIDES}) == pytest.approx(power, abs=1e-12)


def test_the_interval_is_over_process_rounds():
    """Each round gives a slope; here 1.9 and 2.1, whose t interval is 2 ± 12.706 × 0.1."""
    times = {n: {0: n**1.9, 1: n**2.1} for n in SIDES}
    found = exponent(times)
    assert found.value == pytest.approx(2)
    assert (found.low, found.high) == pytest.approx((2 - 1.2706, 2 + 1.2706), abs=1e-4)
    assert found.rounds == 2


def test_a_round_that_lacks_a_size_does_not_count():
    times = {n: {0: n**2, 1: n**3} for n in SIDES}
    del times[64][1]
    assert exponent(times).value == pytest.approx(2)
    assert exponent(times).rounds == 1


def test_one_round_has_no_bounds_and_none_no_exponent():
    [low, high] = (lambda e: (e.low, e.high))(exponent({n: {0: n} for n in SIDES}))
    assert (low, high) == (-math.inf, math.inf)
    assert exponent({8.0: {0: 1.0}, 16.0: {1: 2.0}}) is None
    assert exponent({8.0: {0: 1.0}}) is None
