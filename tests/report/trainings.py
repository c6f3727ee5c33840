"""Synthetic runs in which models were trained: alike, or truly different."""

import random
from dataclasses import replace

from report import synthetic

from bakeoff.blame import ALONE
from bakeoff.record import Check, Outcome

ROWS = 1000
STEPS = 100


def labels(seed=0):
    rng = random.Random(seed)
    return tuple(float(rng.randrange(10)) for _ in range(ROWS))


def answers(accuracy, seed):
    """Return predictions that are right with a chance; errors are mostly on the same rows."""
    rng, shared = random.Random(seed), random.Random(99)
    found = []
    for label in labels():
        hard, own = shared.random(), rng.random()
        right = hard < accuracy if own < 0.9 else rng.random() < accuracy
        found.append(label if right else (label + 1) % 10)
    return tuple(found)


def run(accuracies, preset="quick", left=None, unsteady=(), **options):
    """Return a run; ``accuracies`` and, where it left the oracle, its step and op, by backend."""
    made = synthetic.run(tuple(accuracies), preset, rounds=2, **options)
    cases = {c.id: c for c in made.cases}
    records = []
    for record in made.records:
        case = cases[record.case_id]
        if case.fit is not None and record.backend in accuracies:
            number = record.round if record.backend in unsteady else 0
            records.append(_fitted(record, accuracies[record.backend], number))
        elif case.steps and record.round == 0 and record.replica == 0:
            records.append(_stepped(record, (left or {}).get(record.backend)))
        else:
            records.append(record)
    return replace(made, records=tuple(records))


def _fitted(record, accuracy, number):
    predictions = answers(accuracy, f"{record.backend} {number}")
    return replace(record, series={**record.series, "labels": labels(), "predictions": predictions})


def _stepped(record, left_at):
    rng = random.Random(f"{record.case_id} {record.backend}")
    allowed = tuple(1e-7 * (1 + n) for n in range(STEPS))
    exact = tuple(2.0 / (1 + n) for n in range(STEPS))
    step = left_at[0] if left_at else STEPS + 1
    apart = [rng.uniform(0, 0.3) * a if n < step else 30 * a for n, a in enumerate(allowed, 1)]
    series = {
        **record.series, "losses": tuple(e + a for e, a in zip(exact, apart, strict=True)),
        "oracle_losses": exact, "loss_envelope": allowed,
        "compared_steps": (1.0, 10.0, 100.0), "param_fractions": (0.1, 0.2, 0.3),
    }  # fmt: skip
    if not left_at:
        return replace(record, series=series)
    check = Check(f"{left_at[1]}{ALONE}grad v1", "exact", 1.0, 0.0, 9.0, reason="grad v1: got 0")
    return replace(
        record, outcome=Outcome.MISMATCH, reason=f"loss: off; it left the oracle at step {step}",
        series=series, checks=(*(record.checks or ()), check),
    )  # fmt: skip
