"""When a case has been measured often enough.

Rounds are added one at a time until the interval of every ratio of the case is as narrow as
was asked, after a least number of rounds. The rule looks at the width alone, never at the
ratio: to stop as soon as a verdict falls would make chance differences into claims, while
the width of a t interval is independent of where it lies (for normal log ratios).

Stopping by the width favours moments at which the spread happens to look small, so that
intervals hold the truth less often than they say, and the more so the earlier one may stop.
By simulation (20,000 runs; log ratios normal, or of Student's t with 4 degrees of freedom)
intervals of 95 % hold it in at least 93 % of runs with `LEAST_ROUNDS`, where they would in
92 % with 5; `tests/runner/test_stopping.py` holds a part of it.

Source: Chow & Robbins, On the asymptotic theory of fixed-width sequential confidence intervals
for the mean, Annals of Mathematical Statistics 36 (1965).
"""

from collections import defaultdict
from collections.abc import Mapping

from bakeoff import statistics
from bakeoff.record import Outcome, Record
from bakeoff.statistics import Clock, round_times

LEAST_ROUNDS = 8


def narrow_enough(
    logs: Mapping[int, float], half_width: float, least_rounds: int = LEAST_ROUNDS
) -> bool:
    """Return whether the interval of these log ratios, by round, is as narrow as asked."""
    found = statistics.interval(logs.values()) if len(logs) >= least_rounds else None
    return found is not None and found.half_width <= half_width


class Stopping:
    """Watches records, and says which cases need no more rounds.

    Parameters
    ----------
    reference
        The backend that ratios are taken against.
    half_width
        Of the intervals, on the log scale; 0 never stops.
    clocks
        The clock of each backend; that it has a device's events, only its blocks tell.
    """

    def __init__(self, reference: str, half_width: float, clocks: Mapping[str, Clock]) -> None:
        self._reference = reference
        self._half_width = half_width
        self._clocks = clocks
        self._records: dict[str, dict[tuple[str, int], dict[int, Record]]] = defaultdict(dict)

    def note(self, record: Record) -> None:
        """Take account of a record. Only good ones are ranked, and need to be known well."""
        if record.outcome is Outcome.OK and record.blocks:
            seats = self._records[record.case_id]
            seats.setdefault((record.backend, record.replica), {})[record.round] = record

    def settled(self, case_id: str) -> bool:
        """Return whether every ratio of the case is known as well as asked.

        A reference that is alone is set against its twin.
        """
        seats = self._records[case_id]
        ranked = [seat for seat in seats if seat[0] != self._reference]
        ranked = ranked or [seat for seat in seats if seat[1]]
        return bool(ranked) and all(
            narrow_enough(self._logs(case_id, *seat), self._half_width) for seat in ranked
        )

    def _logs(self, case_id: str, backend: str, replica: int) -> dict[int, float]:
        clocks = {self._clocks[backend], self._clocks[self._reference]}
        clock: Clock = "wall" if "wall" in clocks else "cpu"
        pair = [
            self._records[case_id].get(seat, {}).values()
            for seat in ((backend, replica), (self._reference, 0))
        ]
        if all(b.device_ns is not None for side in pair for r in side for b in r.blocks):
            clock = "device"  # both have its events
        own, base = (round_times(side, clock) for side in pair)
        return statistics.log_ratios(own, base)
