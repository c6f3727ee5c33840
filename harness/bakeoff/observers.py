"""Those who watch a run: plugins' hooks. One that raises is reported and stops nothing."""

from collections.abc import Callable
from typing import Any

import pluggy

from bakeoff.record import Record


class Observers:
    """Calls the hooks of a run's life, each implementation on its own.

    Parameters
    ----------
    hook
        The relay of `bakeoff.plugins.Plugins`.
    report
        Called with one line per observer that raised; each is named once.
    """

    def __init__(self, hook: pluggy.HookRelay, report: Callable[[str], None]) -> None:
        self._hook = hook
        self._report = report
        self._reported: set[tuple[str, str]] = set()

    def run_started(self, run: dict[str, Any]) -> None:
        self._call("run_started", run=run)

    def record_finished(self, record: Record) -> None:
        self._call("record_finished", record=record)

    def run_finished(self, run: dict[str, Any]) -> None:
        self._call("run_finished", run=run)

    def _call(self, name: str, **arguments: Any) -> None:
        for implementation in getattr(self._hook, name).get_hookimpls():
            taken = {k: v for k, v in arguments.items() if k in implementation.argnames}
            try:
                implementation.function(**taken)
            except Exception as error:  # a stranger's code, which must not end the run
                key = (implementation.plugin_name, name)
                if key not in self._reported:
                    self._reported.add(key)
                    self._report(
                        f"observer {key[0]}: {name} raised {type(error).__name__}: {error}"
                    )
