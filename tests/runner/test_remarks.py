"""Remarks: what is said of a cell's times, and what keeps it out of every ranking."""

from collections.abc import Callable, Iterator

import pytest

from bakeoff import remarks as module
from bakeoff.case import Case, draw
from bakeoff.drift import drift
from bakeoff.leaks import leaked_per_call
from bakeoff.program import Value, forward, trace
from bakeoff.ranking import Ranking, Setting
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.remarks import Evidence, Remark

CASE = Case(
    "s", "exp", trace(lambda ops, x: ops.exp(x), [Value("x", (2,), "float32")], forward()),
    {"x": draw("normal")}, "float32",
)  # fmt: skip


def record(backend: str, number: int, times: list[float]) -> Record:
    """A round whose blocks of ten calls took these times, in µs per call."""
    blocks = tuple(Block(i, 10, int(10_000 * t), int(10_000 * t), 0) for i, t in enumerate(times))
    return Record(CASE.id, backend, 0, number, Outcome.OK, checks=(), blocks=blocks)


def rounds(backend: str, *times: list[float]) -> list[Record]:
    return [record(backend, number, t) for number, t in enumerate(times)]


def ranking(records: list[Record]) -> Ranking:
    return Ranking([CASE], {"base": Setting(), "new": Setting()}, records)


STEADY = rounds("base", *([[50.0, 50.5, 50.2, 50.1]] * 4))


def test_a_backend_that_gets_slower_is_said_to() -> None:
    slowing = rounds("new", *([[50.0, 52.0, 54.0, 56.1]] * 3), [50.1, 52.0, 54.0, 56.0])
    [remark] = ranking([*STEADY, *slowing]).remarks(CASE.id, "new")
    assert remark.kind == "drift"
    assert "8 % slower" in remark.text


def test_a_backend_that_gets_faster_is_said_to() -> None:
    warming = rounds("new", *([[60.0, 55.0, 50.0, 50.1]] * 3), [60.1, 55.2, 50.1, 50.0])
    [remark] = ranking([*STEADY, *warming]).remarks(CASE.id, "new")
    assert "13 % faster" in remark.text


def test_a_machine_that_slows_down_is_nobodys_drift() -> None:
    shared = [1.0, 1.1, 1.2, 1.3]
    base = rounds("base", *[[50 * s * n for s in shared] for n in (1, 1.01, 0.99, 1)])
    new = rounds("new", *[[70 * s * n for s in shared] for n in (1, 0.99, 1.01, 1)])
    assert not ranking([*base, *new]).remarks(CASE.id, "new")


@pytest.mark.parametrize("times", [[[50.0, 60.0]] * 2, [[50.0]] * 5, [[]] * 5])
def test_too_little_is_no_drift(times: list[list[float]]) -> None:
    records = rounds("new", *times)
    assert drift(records, records, "cpu") is None


@pytest.mark.parametrize(("backend", "told"), [("new", "is odd"), ("base", "base is odd")])
def test_what_forbids_keeps_a_cell_out_of_the_ranking(
    backend: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(evidence: Evidence) -> Iterator[Remark]:
        if evidence.backend == backend:
            yield Remark("odd", "is odd", forbids=True)

    rules: tuple[Callable[[Evidence], Iterator[Remark]], ...] = (odd,)
    monkeypatch.setattr(module, "RULES", rules)
    found = ranking([*STEADY, *rounds("new", *([[60.0, 60.0]] * 4))])
    assert found.why_not(CASE.id, "new") == f"not ranked: {told}"
    assert not found.logs("new")


def sized(number: int, sizes: list[int]) -> Record:
    """A round whose blocks of ten calls ended with these resident sizes."""
    blocks = tuple(Block(i, 10, 500_000, 500_000, 0, size) for i, size in enumerate(sizes))
    return Record(CASE.id, "new", 0, number, Outcome.OK, checks=(), blocks=blocks)


MIB = 1 << 20


@pytest.mark.parametrize(
    ("rounds", "kept"),
    [
        ([[100 * MIB, 101 * MIB, 102 * MIB]] * 3, MIB / 10),
        ([[100 * MIB, 104 * MIB], [100 * MIB, 102 * MIB], [100 * MIB, 103 * MIB]], 2 * MIB / 10),
        ([[100 * MIB, 101 * MIB, 102 * MIB]] * 2, None),
        ([[100 * MIB, 101 * MIB, 102 * MIB]] * 3 + [[100 * MIB] * 3], None),
        ([[90 * MIB, 101 * MIB, 101 * MIB]] * 4, None),
        ([[100 * MIB, 100 * MIB + 4096, 100 * MIB + 8192]] * 4, None),
        ([[0, 0, 0]] * 4, None),
        ([[100 * MIB]] * 4, None),
    ],
    ids=["every-block", "least-of-rounds", "too-few-rounds", "not-in-each", "comes-to-rest",
         "a-page", "unknown", "one-block"],
)  # fmt: skip
def test_a_leak_shows_in_every_block_of_every_round(
    rounds: list[list[int]], kept: float | None
) -> None:
    records = [sized(number, sizes) for number, sizes in enumerate(rounds)]
    found = leaked_per_call(records)
    assert found == (None if kept is None else pytest.approx(kept))
    told = [r.text for r in ranking([*STEADY, *records]).remarks(CASE.id, "new")]
    assert any("leaks memory" in text for text in told) == (kept is not None)


def bits(*rounds_: tuple[str, ...], environment: str = "e") -> list[Record]:
    return [
        Record(CASE.id, "new", 0, n, Outcome.OK, digests=digests, environment_id=environment)
        for n, digests in enumerate(rounds_)
    ]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        pytest.param(bits(("a", "a"), ("a",), ()), "", id="same"),
        pytest.param(bits(("a", "b"), ("a",)), "at the second call, of", id="second-call"),
        pytest.param(bits(("a", "a"), ("a",), ("c",)), "in round 3 than in round 1", id="process"),
        pytest.param(
            [*bits(("a",)), *bits(("b",), environment="another version")], "", id="another-version"
        ),
    ],
)
def test_other_bits_are_said_and_forbid_nothing(records: list[Record], text: str) -> None:
    found = ranking(records).remarks(CASE.id, "new")
    assert [r.kind for r in found] == ["nondeterministic"] * bool(text)
    assert all(text in r.text and not r.forbids for r in found)


@pytest.mark.parametrize(
    ("usual", "fraction", "kinds"),
    [(None, 0.1, []), (0.7, 0.1, []), (37.0, 0.1, ["precision"]), (37.0, 2.0, [])],
    ids=["unknown", "usual", "unusual", "beyond-its-bound"],
)
def test_reduced_precision_is_not_ranked(
    usual: float | None, fraction: float, kinds: list[str]
) -> None:
    check = Check("y", "gamma", 0.1, 1.0, fraction, usual=usual, reason="error is 37 times …")
    outcome = Outcome.OK if fraction <= 1 else Outcome.MISMATCH
    found = ranking([*STEADY, Record(CASE.id, "new", 0, 0, outcome, checks=(check,))])
    assert [r.kind for r in found.remarks(CASE.id, "new")] == kinds
    expected = {
        0.1: "not ranked: error is 37 times …" if kinds else "",
        2.0: "not ranked: mismatch",
    }
    assert found.why_not(CASE.id, "new") == expected[fraction]
