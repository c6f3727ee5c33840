"""Ceilings: which one binds, how near a time comes to it, and which times cannot be."""

import json
from math import inf
from typing import Any

import pytest

from bakeoff.case import Case, draw
from bakeoff.ceilings import Ceilings, Use, best, implausible, in_journal, pooled, utilisation
from bakeoff.floors import conventional, least
from bakeoff.program import Program, Value, trace
from bakeoff.ranking import Ranking, Setting
from bakeoff.record import Block, Outcome, Record
from bakeoff.summary import summarise

MEASURED = Ceilings(
    gemm={"float32": 100e9, "float64": 50e9, "float16": 20e9},
    copy=((1 << 14, 100e9), (1 << 18, 80e9), (1 << 22, 90e9), (1 << 26, 20e9)),
    call_ns=40.0,
    clock="cpu",
)


def product(n: int, dtype: str = "float32") -> Program:
    return trace(lambda ops, a, b: a @ b, [Value(x, (n, n), dtype) for x in "ab"])


def exponential(n: int) -> Program:
    return trace(lambda ops, x: ops.exp(x), [Value("x", (n,), "float32")])


def convolution() -> Program:
    values = [Value("x", (16, 64, 30, 30), "float32"), Value("w", (64, 64, 3, 3), "float32")]
    return trace(lambda ops, x, w: ops.conv2d(x, w), values)


def test_ceilings_survive_the_journal() -> None:
    data = json.loads(json.dumps({"ceilings": {"numpy": MEASURED.to_json()}}))
    assert in_journal(data) == {"numpy": MEASURED}
    assert in_journal(data)["numpy"].clock == "cpu"
    assert in_journal({}) == {}, "a journal from before they were measured"


def test_the_best_of_each_is_kept() -> None:
    other = Ceilings({"float32": 90e9, "bfloat16": 5e9}, ((1 << 14, 120e9), (1 << 30, 1e9)), 50.0)
    found = best(MEASURED, other)
    assert found.gemm == {**MEASURED.gemm, "bfloat16": 5e9}
    assert found.copy == ((1 << 14, 120e9), *MEASURED.copy[1:], (1 << 30, 1e9))
    assert found.call_ns == 40.0
    assert best() == Ceilings()
    assert best(Ceilings(), MEASURED) == MEASURED


def test_a_backend_has_no_ceiling_that_it_did_not_measure() -> None:
    own = Ceilings({"float32": 80e9, "bfloat16": 1e9}, (), 50.0)
    found = Ceilings({"float32": 100e9, "bfloat16": 1e9}, MEASURED.copy, 40.0)
    assert pooled(own, [MEASURED]) == found


@pytest.mark.parametrize(
    ("dtype", "rate"),
    [("float32", 100e9), ("float64", 50e9), ("float16", 100e9), ("bfloat16", inf)],
)
def test_half_precision_may_be_computed_in_single(dtype: str, rate: float) -> None:
    assert MEASURED.product_rate(dtype) == rate


@pytest.mark.parametrize(
    ("working_set", "rate"),
    [(100, inf), (1 << 14, 100e9), (1 << 17, 100e9), (1 << 18, 90e9), (1 << 25, 90e9),
     (1 << 26, 20e9), (1 << 33, 20e9)],
)  # fmt: skip
def test_bytes_move_as_fast_as_in_the_next_smaller_level(working_set: int, rate: float) -> None:
    assert MEASURED.copy_rate(working_set) == rate


USES = {  # time in µs, threads → fraction, kind
    "half of the arithmetic": (product(512), 2 * 512**3 / 100e9 * 2e6, 1, 0.5, "arithmetic"),
    "of half its rate": (product(512, "float64"), 2 * 512**3 / 50e9 * 1e6, 1, 1.0, "arithmetic"),
    "a small product": (product(4), 1.0, 1, 0.04, "call"),
    "an exponential": (exponential(1 << 20), (1 << 23) / 90e9 * 1e6 * 4, 1, 0.25, "memory"),
    "on two threads": (exponential(1 << 20), (1 << 23) / 90e9 * 1e6 * 4, 2, 0.125, "memory"),
}


@pytest.mark.parametrize("name", USES)
def test_the_ceiling_that_binds_is_named(name: str) -> None:
    program, time_us, threads, fraction, kind = USES[name]
    found = utilisation(conventional(program), 1e3 * time_us, MEASURED, threads)
    assert found == Use(pytest.approx(fraction), kind)


def test_without_ceilings_there_is_no_use_and_no_accusation() -> None:
    assert utilisation(conventional(product(512)), 1e3, Ceilings()) is None
    assert implausible(product(512), 1e-3, Ceilings()) == ""


# times in µs at the edge of what is believed
JUDGED: dict[str, tuple[Program, float, str]] = {
    "product": (product(512), 2 * 512**3 / 125e9 * 1e6, "arithmetic"),
    "float64": (product(256, "float64"), 2 * 256**3 / 62.5e9 * 1e6, "arithmetic"),
    "float16": (product(256, "float16"), 2 * 256**3 / 125e9 * 1e6, "arithmetic"),
    "exponential": (exponential(1 << 20), (1 << 23) / 180e9 * 1e6, "memory"),
    "small": (exponential(10), 0.040 / 1.25, "call"),
}


@pytest.mark.parametrize("name", JUDGED)
def test_a_time_is_believed_up_to_the_allowance_and_no_further(name: str) -> None:
    program, edge_us, kind = JUDGED[name]
    assert implausible(program, 1e3 * edge_us * 1.001, MEASURED) == ""
    found = implausible(program, 1e3 * edge_us * 0.999, MEASURED)
    assert f"% of the {kind} ceiling" in found
    assert "measured in this run" in found


def test_the_figures_of_an_accusation_are_told() -> None:
    told = implausible(product(512), 2 * 512**3 / 180e9 * 1e9, MEASURED)
    assert told == (
        "180 % of the arithmetic ceiling (float32 GEMM 100 GFLOP/s, measured in this run)"
    )


@pytest.mark.parametrize("saving", [2.25, 4.0, 5.06], ids=["F(2,3)", "F(4,3)", "F(6,3)"])
def test_winograds_algorithm_is_not_accused(saving: float) -> None:
    plain_ns = 1e9 * 2 * 16 * 64 * 64 * 9 * 28 * 28 / 100e9
    assert implausible(convolution(), plain_ns / saving, MEASURED) == ""
    fraction = utilisation(conventional(convolution()), plain_ns / saving, MEASURED)
    assert fraction == Use(pytest.approx(saving), "arithmetic")
    assert implausible(convolution(), plain_ns / 20, MEASURED)


CASE = Case("s", "p", product(512), {x: draw("normal") for x in "ab"}, "float32")
HONEST_NS, FAST_NS = 3_000_000, 300_000  # 89 GFLOP/s and 890


def record(backend: str, number: int, time_ns: int) -> Record:
    block = Block(0, 1, time_ns, time_ns, 0)
    return Record(CASE.id, backend, 0, number, Outcome.OK, checks=(), blocks=(block, block))


def ranking(new_ns: list[int], ceilings: dict[str, Ceilings], **setting: Any) -> Ranking:
    records = [record("base", i, HONEST_NS) for i in range(len(new_ns))]
    records += [record("new", i, ns) for i, ns in enumerate(new_ns)]
    return Ranking([CASE], {"base": Setting(), "new": Setting(**setting)}, records, ceilings)


BOTH = {"base": MEASURED, "new": Ceilings({"float32": 70e9}, (), 60.0)}


@pytest.mark.parametrize(
    ("times", "accused"),
    [
        ([FAST_NS] * 3, True),
        ([FAST_NS, FAST_NS, HONEST_NS], True),
        ([FAST_NS, HONEST_NS, HONEST_NS], False),
        ([HONEST_NS] * 3, False),
    ],
    ids=["always", "mostly", "once", "never"],
)
def test_the_middle_round_decides(times: list[int], accused: bool) -> None:
    found = ranking(times, BOTH)
    assert [r.kind for r in found.remarks(CASE.id, "new")] == ["implausible"] * accused
    assert bool(found.why_not(CASE.id, "new")) is accused
    assert not found.remarks(CASE.id, "base")
    assert bool(found.logs("new")) is not accused


@pytest.mark.parametrize(("clock", "accused"), [("wall", False), ("cpu", True)])
def test_a_time_is_judged_by_the_clock_of_its_ceilings(clock: Any, accused: bool) -> None:
    """On a card the host does little; and what events tell may have begun before."""
    block = Block(0, 1, HONEST_NS, FAST_NS, 0, device_ns=FAST_NS)
    records = [Record(CASE.id, "card", 0, 0, Outcome.OK, checks=(), blocks=(block,))]
    setting = Setting("cuda", known=True, events=True)
    ceilings = {"card": Ceilings({"float32": 100e9}, clock=clock)}
    found = Ranking([CASE], {"card": setting}, records, ceilings).remarks(CASE.id, "card")
    assert ("implausible" in [r.kind for r in found]) is accused


def test_another_devices_ceilings_are_no_backends_own() -> None:
    """On a card of its own, 890 GFLOP/s are nothing special."""
    card = {"base": MEASURED, "new": Ceilings({"float32": 900e9})}
    assert not ranking([FAST_NS], card, device="cuda").remarks(CASE.id, "new")
    slow_card = {"base": Ceilings({"float32": 900e9}), "new": Ceilings({"float32": 100e9})}
    assert ranking([FAST_NS], slow_card, device="cuda").remarks(CASE.id, "new")
    assert not ranking([FAST_NS], slow_card).remarks(CASE.id, "new")
    assert not ranking([FAST_NS], {"base": MEASURED}).remarks(CASE.id, "new"), "not measured"


def test_the_summary_names_what_cannot_be() -> None:
    records = [record("base", 0, HONEST_NS), record("new", 0, FAST_NS)]
    settings = {"base": Setting(), "new": Setting()}
    (told,) = summarise([CASE], settings, records, ceilings=BOTH).warnings
    assert told.startswith("s/p on new: implausible: 895 % of the arithmetic ceiling")
    assert not summarise([CASE], settings, records).warnings


def test_the_least_time_adds_up_over_dtypes() -> None:
    demand = least(trace(
        lambda ops, a, b, c, d: (a @ b, c @ d),
        [Value(x, (64, 64), t) for x, t in zip("abcd", ["float32"] * 2 + ["float64"] * 2,
                                               strict=True)],
    ))  # fmt: skip
    limits = MEASURED.least_ns(demand)
    assert limits["arithmetic"] == pytest.approx(1e9 * 2 * 64**3 * (1 / 100e9 + 1 / 50e9))
    assert limits["call"] == 40.0
