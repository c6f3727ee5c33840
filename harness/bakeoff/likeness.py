"""Whether two runs may be compared, and what differs between them as a whole."""

from collections.abc import Iterator, Mapping
from typing import Any

from bakeoff.errors import UsageError
from bakeoff.export import Contents

_SAME_MACHINE = ("cpu", "cores", "threads", "architecture")
_TOLD = ("kernel", "os", "python", "governor", "turbo_off", "allowed_cpus", "container")


def refuse(base: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse runs whose times cannot be compared at all, given what is known of each.

    Raises
    ------
    UsageError
        If the runs are of different machines, or ran with different numbers of threads.
    """
    for side, meta in (("base", base), ("new", new)):
        if not meta.get("machine"):
            raise UsageError(f"compare: the {side} run does not say which machine it is of")
    for key in _SAME_MACHINE:
        there, here = base["machine"].get(key), new["machine"].get(key)
        if there != here:
            raise UsageError(
                f"compare: the runs are of different machines ({key}: base {there!r}, new "
                f"{here!r}); times compare within one machine only: run both on the same"
            )
    there, here = (m.get("settings", {}).get("threads", 1) for m in (base, new))
    if there != here:
        raise UsageError(
            f"compare: base ran with {there} threads, new with {here}; run both with the same "
            "--threads"
        )


def differences(base: Contents, new: Contents) -> Iterator[str]:
    """Yield in words what differs between two runs and forbids nothing: versions above all."""
    for key in ("bakeoff", "ending"):
        yield from _difference(key, base.meta.get(key), new.meta.get(key))
    for key in _TOLD:
        before, after = (run.meta["machine"].get(key) for run in (base, new))
        yield from _difference(f"machine, {key}", before, after)
    versions = _versions(new)
    for backend, before in _versions(base).items():
        yield from _difference(backend, before, versions.get(backend, before))


def _difference(what: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        there, here = ("unknown" if value is None else str(value) for value in (before, after))
        yield f"{what}: {there}, now {here}"


def _versions(run: Contents) -> dict[str, str]:
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
