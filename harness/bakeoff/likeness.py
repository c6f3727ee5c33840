"""Whether two runs may be compared, and what differs between them as a whole."""

from collections.abc import Iterator, Mapping
from typing import Any

from bakeoff.case import Case
from bakeoff.errors import UsageError
from bakeoff.export import Contents

_LABELS = ("title", "tags")  # of a case: they decide nothing that is measured
_SAME_MACHINE = ("cpu", "cores", "threads", "architecture")
_TOLD = ("kernel", "os", "python", "governor", "turbo_off", "allowed_cpus", "container")


def refuse(
    base: Mapping[str, Any],
    new: Mapping[str, Any],
    what: str = "compare",
    names: tuple[str, str] = ("base", "new"),
) -> None:
    """Refuse runs whose times cannot be compared at all, given what is known of each.

    ``what`` is done, and the runs' ``names``, are told.

    Raises
    ------
    UsageError
        If the runs are of different machines, or ran with different numbers of threads.
    """
    first, second = names
    for side, meta in zip(names, (base, new), strict=True):
        if not meta.get("machine"):
            raise UsageError(f"{what}: the {side} run does not say which machine it is of")
    for key in _SAME_MACHINE:
        there, here = base["machine"].get(key), new["machine"].get(key)
        if there != here:
            raise UsageError(
                f"{what}: the runs are of different machines ({key}: {first} {there!r}, {second} "
                f"{here!r}); times compare within one machine only: run both on the same"
            )
    there, here = (m.get("settings", {}).get("threads", 1) for m in (base, new))
    if there != here:
        raise UsageError(
            f"{what}: {first} ran with {there} threads, {second} with {here}; run both with the "
            "same --threads"
        )


def definition(case: Case) -> dict[str, Any]:
    """Return what makes a case what it is; without what only names it."""
    return {k: v for k, v in case.to_json().items() if k not in _LABELS}


def differences(base: Contents, new: Contents) -> Iterator[str]:
    """Yield in words what differs between two runs and forbids nothing: versions above all."""
    for key in ("bakeoff", "ending"):
        yield from _difference(key, base.meta.get(key), new.meta.get(key))
    for key in _TOLD:
        before, after = (run.meta["machine"].get(key) for run in (base, new))
        yield from _difference(f"machine, {key}", before, after)
    after_all = versions(new)
    for backend, before in versions(base).items():
        yield from _difference(backend, before, after_all.get(backend, before))


def _difference(what: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        there, here = ("unknown" if value is None else str(value) for value in (before, after))
        yield f"{what}: {there}, now {here}"


def versions(run: Contents) -> dict[str, str]:
    """Return what each backend was: its toolkit's version and precision."""
    found: dict[str, str] = {}
    for record in run.records:
        hello = run.environments.get(record.environment_id, {}).get("hello", {})
        about = hello.get("describe", {})
        if about and record.backend not in found:
            told = (f"{about.get('toolkit', '?')} {about.get('version', '?')}",
                    about.get("precision"), f"Python {hello.get('python', '?')}")  # fmt: skip
            found[record.backend] = ", ".join(str(part) for part in told if part)
    return found
