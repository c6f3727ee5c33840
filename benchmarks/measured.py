"""A run of bakeoff's own, for a benchmark: at its pace, of its backends, kept nowhere."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pluggy

from bakeoff import hookspecs
from bakeoff.case import Suite
from bakeoff.examiner import OracleExaminer, oracle_for
from bakeoff.interface import Backend
from bakeoff.journal import Journal
from bakeoff.plugins import Plugins, load
from bakeoff.progress import Progress, Silent
from bakeoff.ranking import Ranking, settings_of
from bakeoff.runner import Provide, Run
from bakeoff.sessions import begin
from bakeoff.settings import Settings
from bakeoff.timing import PACES, Pace


@contextmanager
def measured(
    settings: Settings, pace: Pace, backends: Mapping[str, Backend], suites: Mapping[str, Suite],
    provide: Provide, progress: Progress | None = None,
) -> Iterator[Journal]:  # fmt: skip
    """Measure, and yield the journal; its folder is gone afterwards.

    Parameters
    ----------
    settings, pace
        What is measured, and how long: in place of the pace of the settings' preset.
    backends, suites
        All that there are. Results are judged by the registered reference engine.
    provide
        Gives the backends their interpreters.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager, backends=dict(backends), suites=dict(suites))
    engine = load().backends
    with tempfile.TemporaryDirectory() as folder, patch.dict(PACES, {settings.preset: pace}):
        journal, plan = begin(settings, plugins, Path(folder))
        with journal:
            Run(
                journal, settings, plan, plugins, progress or Silent(), provide,
                lambda scratch, stack: OracleExaminer(
                    stack.enter_context(oracle_for(engine, scratch))
                ),
            ).measure()  # fmt: skip
            yield journal


def ranking(journal: Journal) -> Ranking:
    """Return the comparable cells of a journal."""
    records = list(journal.records())
    found = settings_of(journal.meta, journal.environments(), records)
    return Ranking(journal.cases(), found, records)
