"""What a cell's records say beside its outcome: whether its time can be believed and compared.

An outcome is of one process round; a remark is of the cell, from all its rounds. A remark that
``forbids`` keeps the cell out of every ranking: the time is right, and yet it is not the time
of what the others did. Each rule is a function of the evidence, in the table `RULES`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bakeoff.arrival import Arrivals
from bakeoff.case import Case
from bakeoff.ceilings import Ceilings, implausible
from bakeoff.columns import overrun
from bakeoff.drift import drift
from bakeoff.elsewhere import unseen_share
from bakeoff.leaks import leaked_per_call
from bakeoff.record import Record
from bakeoff.statistics import MINIMUM_EFFECT, Clock, round_times

MOST_STRETCH = 1.5  # wall over CPU time, beside the reference's: chance pre-emption stays below
CLOCKS_AGREE = 1.02  # two clocks may differ by less; events resolve half a microsecond


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a reader of a cell must know.

    Attributes
    ----------
    kind
        One word, the same for all cells: ``"drift"``.
    text
        A sentence's worth, with the figures.
    forbids
        Whether the cell takes part in no ranking.
    """

    kind: str
    text: str
    forbids: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a cell.

    Attributes
    ----------
    case, backend
        The cell.
    records
        Of its process rounds.
    reference
        The reference backend's records of the same case; of the same rounds, in part.
    clock
        By which the cell is compared with the reference.
    threads
        Of the backend.
    ceilings
        Of the machine, as far as the backend knows them.
    arrivals
        Of the case's family, if it trains to a target.
    """

    case: Case
    backend: str
    records: Sequence[Record]
    reference: Sequence[Record]
    clock: Clock
    threads: int = 1
    ceilings: Ceilings = field(default_factory=Ceilings)
    arrivals: Arrivals = field(default_factory=Arrivals)


Rule = Callable[[Evidence], Iterator[Remark]]


def remarks(evidence: Evidence) -> tuple[Remark, ...]:
    """Return what all rules say, in their order."""
    return tuple(remark for rule in RULES for remark in rule(evidence))


def _drifts(evidence: Evidence) -> Iterator[Remark]:
    """Its calls get slower, or faster, while the others' do not."""
    found = drift(evidence.records, evidence.reference, evidence.clock)
    if found is None:
        return
    slower, faster = found.low - 1, 1 - found.high
    if max(slower, faster) > MINIMUM_EFFECT:
        change = f"{100 * abs(found.ratio - 1):.0f} % {'slower' if slower > 0 else 'faster'}"
        yield Remark("drift", f"drifts: {change} at a round's end than at its beginning")


def _leaks(evidence: Evidence) -> Iterator[Remark]:
    """Its worker takes more memory with every block."""
    kept = leaked_per_call(evidence.records)
    if kept is not None:
        yield Remark(
            "leak", f"leaks memory: at least {kept:,.0f} bytes a call are never given back"
        )


def _works_elsewhere(evidence: Evidence) -> Iterator[Remark]:
    """It is judged by CPU time, and most of its time is none."""
    if evidence.clock != "cpu":
        return
    found = unseen_share(evidence.records, evidence.reference)
    if found is not None and found.low > MOST_STRETCH:
        yield Remark(
            "elsewhere",
            f"its calls last {found.ratio:.1f} times as long as the CPU time of its process shows: "
            "the work, or the wait, is elsewhere",
            forbids=True,
        )


def _does_not_wait(evidence: Evidence) -> Iterator[Remark]:
    """Its device was still at work when it said that all was done.

    The device's events lie within the host's window, so that they cannot tell of more time
    than the host's clock, unless the host did not wait.
    """
    shares = [share for r in evidence.records if (share := overrun(r)) is not None]
    if shares and median(shares) > CLOCKS_AGREE:
        yield Remark(
            "unsynchronised",
            f"does not wait for its device: {median(shares):.3g} times as long by the device's "
            "clock as by the host's",
            forbids=True,
        )


def _is_implausible(evidence: Evidence) -> Iterator[Remark]:
    """Its middle round is faster than the machine can be."""
    ceilings = evidence.ceilings
    times = round_times(evidence.records, ceilings.clock).values()
    if not times or not evidence.case.timed:
        return
    found = implausible(evidence.case.program, median(times), ceilings, evidence.threads)
    if found:
        yield Remark("implausible", f"implausible: {found}", forbids=True)


def _computes_with_less(evidence: Evidence) -> Iterator[Remark]:
    """Its sums are within the worst-case bound, yet no float32 or float64 made them."""
    found = [c for r in evidence.records for c in r.checks or () if c.passed and c.usual]
    worst = max(found, key=lambda c: c.usual or 0.0, default=None)
    if worst is not None and worst.usual is not None and worst.usual > 1:
        yield Remark("precision", worst.reason, forbids=True)


def _learns_implausibly(evidence: Evidence) -> Iterator[Remark]:
    """Its trainings arrive sooner or later than the same trainings in float64 ever would."""
    found = evidence.arrivals.implausible
    if found:
        yield Remark("convergence", found, forbids=True)


def _is_nondeterministic(evidence: Evidence) -> Iterator[Remark]:
    """Its results have other bits at another call, or in another process."""
    whole = [r for r in evidence.records if r.digests]
    if any(len(set(r.digests)) > 1 for r in whole):
        yield Remark("nondeterministic", "other bits at the second call, of the same inputs")
        return
    first: dict[str, Record] = {}  # by environment: another version may give other bits
    for record in sorted(whole, key=lambda r: r.round):
        base = first.setdefault(record.environment_id, record)
        if record.digests[0] != base.digests[0]:
            rounds = f"in round {record.round + 1} than in round {base.round + 1}"
            yield Remark("nondeterministic", f"other bits {rounds}")
            return


RULES: tuple[Rule, ...] = (
    _drifts,
    _leaks,
    _works_elsewhere,
    _does_not_wait,
    _is_implausible,
    _computes_with_less,
    _learns_implausibly,
    _is_nondeterministic,
)
