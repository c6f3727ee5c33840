"""The remarks that keep a cell out of a ranking, by column: `bakeoff.remarks` has their reasons."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from bakeoff.elsewhere import LEAST_ROUNDS
from bakeoff.floors import least
from bakeoff.ranking import Ranking
from bakeoff.remarks import CLOCKS_AGREE, MOST_STRETCH
from bakeoff.statistics import CONFIDENCE, Clock
from bakeoff.student import t_quantile
from bakeoff_reports import grouped
from bakeoff_reports.archive import Archive
from bakeoff_reports.grouped import Floats, Mask

# The kinds of remarks that are judged here, as `bakeoff.remarks.Remark.kind` has them.
KINDS = ("elsewhere", "unsynchronised", "implausible", "precision")


class Forbidden:
    """Which cells are kept out, and by what kind of remark."""

    def __init__(
        self, archive: Archive, ranking: Ranking, clocks: Sequence[Clock],
        used: Callable[[Clock], Mask],
    ) -> None:  # fmt: skip
        self._archive, self._ranking, self._used = archive, ranking, used
        judged = (
            self._elsewhere(clocks), self._unsynchronised(), self._implausible(),
            self._imprecise(),
        )  # fmt: skip
        self._first = np.full(archive.size, len(KINDS))
        for number, mask in reversed(list(enumerate(judged))):
            self._first[mask] = number

    def why(self, cell: int) -> str:
        """Return the first kind of remark that forbids to rank a cell; empty if none does."""
        return (*KINDS, "")[self._first[cell]]

    def _elsewhere(self, clocks: Sequence[Clock]) -> Mask:
        archive, stretch = self._archive, self._archive.numbers["stretch"]
        known = ~np.isnan(stretch)
        beside = archive.beside(stretch, known)
        known &= ~np.isnan(beside)
        logs = np.log(stretch[known] / beside[known])
        sums = grouped.moments(archive.cell[known], logs, archive.size)
        quantiles = np.array(
            [math.inf]
            + [t_quantile((1 + CONFIDENCE) / 2, n - 1) if n > 1 else math.inf
               for n in range(1, int(sums.rounds.max(initial=0)) + 1)]
        )  # fmt: skip
        with np.errstate(invalid="ignore"):
            low = np.exp(sums.mean - quantiles[sums.rounds] * sums.error)
        on_cpu = np.tile(np.repeat([c == "cpu" for c in clocks], 2), len(archive.cases))
        return np.asarray(on_cpu & (sums.rounds >= LEAST_ROUNDS) & (low > MOST_STRETCH))

    def _unsynchronised(self) -> Mask:
        archive, values = self._archive, self._archive.numbers["overrun"]
        known = ~np.isnan(values)
        found = grouped.medians(archive.cell[known], values[known], archive.size)
        return np.asarray(found > CLOCKS_AGREE)

    def _implausible(self) -> Mask:
        archive = self._archive
        found = np.zeros(archive.size, dtype=bool)
        demands = [least(case.program) if case.timed else None for case in archive.cases]
        medians: dict[Clock, Floats] = {}
        for number, (name, setting) in enumerate(archive.settings.items()):
            ceilings = self._ranking.ceilings(name)
            if not (ceilings.gemm or ceilings.copy or ceilings.call_ns):
                continue
            if ceilings.clock not in medians:
                used = self._used(ceilings.clock)
                values = archive.numbers[f"{ceilings.clock}_ns"][used]
                medians[ceilings.clock] = grouped.medians(archive.cell[used], values, archive.size)
            least_ns = np.array([
                ceilings.least_believable_ns(d, setting.threads) if d else 0.0 for d in demands
            ])  # fmt: skip
            mine = slice(2 * number, None, 2 * len(archive.settings))
            found[mine] = least_ns > medians[ceilings.clock][mine]
        return found

    def _imprecise(self) -> Mask:
        archive = self._archive
        found = grouped.greatest(archive.cell, archive.numbers["usual"], archive.size)
        return np.asarray(found > 1)
