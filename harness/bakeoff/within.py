"""One run, cell by cell: every other backend against the run's reference.

So are two versions of a toolkit compared best (`bakeoff.variants`): they were interleaved in
the same process rounds, so that the ratios are paired, and the machine was the same to both.
"""

from bakeoff import statistics
from bakeoff.claims import Claim
from bakeoff.comparison import Cell, Comparison, checked_margin
from bakeoff.errors import UsageError
from bakeoff.export import Contents
from bakeoff.ranking import Ranking, settings_of, worst_fraction
from bakeoff.record import Outcome
from bakeoff.statistics import MINIMUM_EFFECT, Verdict


def compare_within(run: Contents, name: str = "", margin: float = MINIMUM_EFFECT) -> Comparison:
    """Compare the backends of a run with its reference: it is the base, each of them the new.

    Raises
    ------
    UsageError
        If the run has a single backend, or the margin is no number of at least 0.
    """
    margin = checked_margin(margin)
    settings = settings_of(run.meta, run.environments, run.records)
    ranking = Ranking(run.cases, settings, run.records)
    others = [b for b in settings if b != ranking.reference]
    if not others:
        raise UsageError(
            f"compare: {name or 'the run'} has no backend but its reference, "
            f"{ranking.reference or 'nothing'}; expected a second run to compare with, or a run "
            "of several --backends"
        )
    claims = ranking.claims(margin)
    cells = [
        _cell(ranking, case.id, backend, claims.get((case.id, backend)))
        for case in run.cases
        for backend in others
        if ranking.records(case.id, backend) or ranking.records(case.id, ranking.reference)
    ]
    return Comparison(
        names=(name, name),
        margin=margin,
        reference=ranking.reference,
        cells=tuple(cells),
        speeds={backend: ranking.speed(backend) for backend in others},
        family=sum(c.p_value is not None for c in cells),
        noise={"run": statistics.noise_floor(ranking.twins())},
        notes=(),
        paired=True,
    )


def _cell(ranking: Ranking, case: str, backend: str, claim: Claim | None) -> Cell:
    base, new = (
        ranking.outcome(case, b) if ranking.records(case, b) else None
        for b in (ranking.reference, backend)
    )
    speed, verdict, reason, p_value = None, None, "", None
    if claim is not None:
        speed, verdict, reason, p_value = (
            claim.interval, claim.verdict, claim.reason, claim.p_value,
        )  # fmt: skip
    elif case not in ranking.timed():
        reason = "its calls are not timed"
    elif base is None or new is None:
        reason = f"{backend if new is None else ranking.reference} has no record of it"
    else:
        reason = ranking.why_not(case, backend) or "no process round holds both backends"
        verdict = Verdict.CANNOT_TELL if base is new is Outcome.OK else None
    return Cell(
        case, backend, base, new,
        worst_fraction(ranking.records(case, ranking.reference)),
        worst_fraction(ranking.records(case, backend)),
        speed, p_value, verdict, reason,
    )  # fmt: skip
