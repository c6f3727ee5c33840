"""pytest-benchmark's JSON files, read as a run: each file is one process round.

Files of our own plugin (`bakeoff.pytest_plugin`) and of ``bakeoff export`` say of each
benchmark which backend it is of, how it ended, and its error as a fraction of the bound. Of
others, what is not said is not known: a benchmark that is listed has run; whether it is right
is told by nobody. Which benchmarks are backends of one case is taken from, in this order:

- ``extra_info["backend"]``, within the benchmark's group;
- a parameter of one of the names `PARAMETERS`: its value is the backend, and the test with
  its other parameters is the case;
- the group, if there is one: it is the case, and its tests are the backends;
- otherwise the test is a case, on the one backend ``pytest``: nothing stands beside it.

The first backend of the first file is the reference. All times are wall times; CPU times are
not known, and stand as NaN.

Source: pytest-benchmark, "Usage" and ``pytest_benchmark/stats.py`` (5.3), which writes them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

from bakeoff.case import Case
from bakeoff.errors import BakeoffError, UsageError
from bakeoff.export import Contents
from bakeoff.program import Program
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.untrusted import MANY, Untrusted, is_number

PARAMETERS = ("backend", "toolkit", "library", "implementation", "engine")
ALONE = "pytest"  # the backend of tests that have none; the suite of cases without a slash
UNKNOWN = "unknown"

_DESCRIBED = ("toolkit", "version", "device", "threads", "precision", "blas")
_LONGEST_S = 1e9  # seconds that a call may take: some thirty years
_FIGURES = ("_ns", "_bytes", "_blocks")  # how the names of figures end
# Of the file's `machine_info`, as `bakeoff.machine` names them.
_MACHINE = {
    "cpu": ("cpu", "brand_raw"),
    "threads": ("cpu", "count"),
    "architecture": ("machine",),
    "cores": ("cores",),
    "kernel": ("release",),
    "python": ("python_version",),
}


class _Key(NamedTuple):
    suite: str
    name: str
    backend: str
    replica: int

    @property
    def case(self) -> str:
        return f"{self.suite}/{self.name}"


def read(paths: Sequence[Path]) -> Contents:
    """Return the files, one process round each, as the contents of a run.

    Raises
    ------
    BakeoffError
        If a file is none of pytest-benchmark's: with the file, the key, and what is there.
    UsageError
        If the files are of different machines, hold the same, or hold no benchmark.
    """
    files = [Untrusted.of_file(path) for path in paths]
    _one_run(paths, files)
    found = [(n, file, _by_key(file)) for n, file in enumerate(files)]
    records = [
        _record(key, number, benchmark, file)
        for number, file, benchmarks in found
        for key, benchmark in benchmarks.items()
    ]
    if not records:
        raise UsageError(f"{', '.join(map(str, paths))}: no benchmarks, expected at least one")
    # Of each case and each backend the first file that has it tells what it is.
    told = [(key, b) for _, _, benchmarks in reversed(found) for key, b in benchmarks.items()]
    cases = {key.case: _case(key, b) for key, b in told}
    environments = {key.backend: _environment(key, b) for key, b in told}
    backends = dict.fromkeys(r.backend for r in records)
    return Contents(
        meta=_meta(files[0], environments, list(backends)),
        cases=[cases[i] for i in dict.fromkeys(r.case_id for r in records)],
        environments=environments,
        records=records,
        problems=list(_unknown(records)),
    )


def _by_key(file: Untrusted) -> "dict[_Key, Untrusted]":
    found: dict[_Key, Untrusted] = {}
    for benchmark in file["benchmarks"].items():
        key = _key(benchmark)
        if key in found:
            benchmark["fullname"].wrong("another case or backend: this one is there already")
        found[key] = benchmark
    return found


def _meta(
    file: Untrusted, environments: Mapping[str, Mapping[str, Any]], backends: Sequence[str]
) -> dict[str, Any]:
    threads = environments[backends[0]]["hello"]["describe"].get("threads")
    return {
        "bakeoff": f"pytest-benchmark {file['version'].value or UNKNOWN}",
        "created": file["datetime"].text(),
        "settings": {"threads": threads} if isinstance(threads, int) else {},
        "reference": backends[0],
        # Whatever the device: these are wall times, and are compared on no other clock.
        "backends": [{"name": b, "title": b, "device": UNKNOWN} for b in backends],
        "machine": _machine(file),
    }


def _machine(file: Untrusted) -> dict[str, Any]:
    found = {}
    for name, (first, *rest) in _MACHINE.items():
        value = file["machine_info"].object().get(first)
        for key in rest:
            value = value.get(key) if isinstance(value, dict) else None
        found[name] = value if isinstance(value, str | int) else None
    return found


def _one_run(paths: Sequence[Path], files: Sequence[Untrusted]) -> None:
    """Refuse files that are not the process rounds of one run."""
    first = _machine(files[0])
    for number, (path, file) in enumerate(zip(paths, files, strict=True)):
        for earlier, other in zip(paths[:number], files, strict=False):
            if file["benchmarks"].value == other["benchmarks"].value:
                raise UsageError(f"{path} is {earlier} again; expected another process round")
        for key in ("cpu", "threads", "architecture"):
            if _machine(file)[key] != first[key]:
                raise UsageError(
                    f"{path} is of another machine than {paths[0]} ({key}: "
                    f"{_machine(file)[key]!r}, {first[key]!r}); expected the process rounds of one "
                    "run"
                )


def _key(benchmark: Untrusted) -> _Key:
    """Return the case and the backend of a benchmark; see the module's docstring."""
    info, group = benchmark["extra_info"].object(), benchmark["group"]
    if "backend" in info:
        backend = benchmark["extra_info"]["backend"].text()
        case = group.text() if group else _without(benchmark, "")
        replica = benchmark["extra_info"]["replica"]
        return _Key(*_parted(case), backend, replica.count(0) if replica else 0)
    given = benchmark["params"].object()
    for parameter in PARAMETERS:
        if parameter in given:
            return _Key(*_parted(_without(benchmark, parameter)), str(given[parameter]), 0)
    if group:
        return _Key(*_parted(group.text()), benchmark["name"].text(), 0)
    return _Key(*_parted(benchmark["fullname"].text()), ALONE, 0)


def _without(benchmark: Untrusted, parameter: str) -> str:
    """Return a test's name with its parameters, but for one."""
    test = benchmark["fullname"].text().partition("[")[0]
    given = benchmark["params"].object()
    rest = ", ".join(f"{k}={v}" for k, v in given.items() if k != parameter)
    return f"{test}[{rest}]" if rest else test


def _parted(case: str) -> tuple[str, str]:
    suite, slash, name = case.partition("/")
    return (suite, name) if slash else (ALONE, case)


def _case(key: _Key, benchmark: Untrusted) -> Case:
    """Return the case; its program is not in the file."""
    info = benchmark["extra_info"].object()
    given = benchmark["extra_info"]["tags"].object() if info.get("tags") else {}
    tags = {k: v for k, v in given.items() if isinstance(v, str | int | float)}
    return Case(
        key.suite, key.name, Program(UNKNOWN, (), (), (), {"kind": "forward"}), {},
        dtype=str(tags.get("dtype", UNKNOWN)),
        includes=str(info.get("includes") or ""),
        tags=tags,
    )  # fmt: skip


def _environment(key: _Key, benchmark: Untrusted) -> dict[str, Any]:
    info = benchmark["extra_info"].object()
    described = {k: info[k] for k in _DESCRIBED if info.get(k) is not None}
    hello = {k: info[k] for k in ("python", "numpy") if info.get(k) is not None}
    return {"backend": key.backend, "hello": {**hello, "describe": described}}


def _record(key: _Key, number: int, benchmark: Untrusted, file: Untrusted) -> Record:
    return Record(
        case_id=key.case,
        backend=key.backend,
        replica=key.replica,
        round=number,
        outcome=_outcome(benchmark),
        checks=_checks(benchmark),
        figures=_figures(benchmark["extra_info"].object()),
        blocks=tuple(_blocks(benchmark)),
        environment_id=key.backend,
        started=file["datetime"].text(),
    )


def _outcome(benchmark: Untrusted) -> Outcome:
    """Return the outcome that is told; a benchmark that is listed has run, and raised nothing."""
    if "outcome" not in benchmark["extra_info"].object():
        return Outcome.OK
    told = benchmark["extra_info"]["outcome"]
    try:
        return Outcome(told.value)
    except ValueError:
        told.wrong(f"one of {', '.join(Outcome)}")


def _checks(benchmark: Untrusted) -> tuple[Check, ...] | None:
    """Return the one error that is told: how large it and its bound were is not."""
    fraction = benchmark["extra_info"].object().get("error_fraction")
    if fraction is None:
        return None
    value = benchmark["extra_info"]["error_fraction"].number()
    return (Check("all outputs", UNKNOWN, nan, nan, value),)


def _figures(info: Mapping[str, Any]) -> dict[str, float]:
    return {
        k: float(v)
        for k, v in info.items()
        if k.endswith(_FIGURES) and is_number(v) and abs(v) <= MANY**2
    }


def _blocks(benchmark: Untrusted) -> Iterator[Block]:
    """Yield pytest-benchmark's rounds; without ``--benchmark-save-data`` only their median."""
    stats, info = benchmark["stats"], benchmark["extra_info"].object()
    loops = stats["iterations"].count() if stats["iterations"] else 1
    if info.get("loops"):  # our plugin's: pytest-benchmark was told of the calls as one
        loops = max(loops, benchmark["extra_info"]["loops"].count())
    if stats["median"].number(_LONGEST_S) == 0:
        stats["median"].wrong("a number above 0")
    data = list(stats["data"].items()) if stats["data"] else [stats["median"]]
    for position, value in enumerate(data):
        seconds = value.number(_LONGEST_S)
        yield Block(position, loops, max(1, round(1e9 * seconds * loops)), nan, nan)


def _unknown(records: Iterable[Record]) -> Iterator[str]:
    checked: dict[tuple[str, str], bool] = defaultdict(bool)
    for record in records:
        checked[record.case_id, record.backend] |= record.checks is not None
    unknown = sum(not known for known in checked.values())
    if unknown:
        yield f"of {unknown} of {len(checked)} cells it is not known whether they are right"


def is_one(path: Path) -> bool:
    """Return whether a path is one of such files, or a folder of them, by its name."""
    return path.suffix == ".json" or (path.is_dir() and bool(files_in(path)))


def files_in(path: Path) -> list[Path]:
    """Return the file, or those in the folder in the order of their names.

    Raises
    ------
    BakeoffError
        If the folder cannot be read.
    """
    if not path.is_dir():
        return [path]
    try:
        return sorted(p for p in path.iterdir() if p.suffix == ".json")
    except OSError as error:
        raise BakeoffError(f"{path} cannot be read ({error.strerror})") from error
