"""Where each backend ran: versions, threads, device, precision, as its worker read them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bakeoff.ranking import Setting, settings_of
from bakeoff.record import Record

# What a reader asks first; the rest follows in alphabetical order.
FACTS = ("toolkit", "version", "device", "threads", "precision", "layout", "blas", "python",
         "numpy", "affinity", "optimizer_origin", "notes")  # fmt: skip
# Left out: long lists, what is shown elsewhere, and paths, for a page is made to be shared.
_HIDDEN = {
    "backend", "executable", "installed", "cpu", "pid", "import_ns", "ready_ns", "ops",
    "unsupported", "dtypes", "asks", "optimizers", "describe", "hello",
}  # fmt: skip


@dataclass(frozen=True)
class Environment:
    """Where one backend ran; ``device`` as its toolkit names it.

    ``released`` is the year and month of the first release, ``installed_bytes`` the size of
    the environment on the disk; empty and None if not known.
    """

    backend: str
    title: str
    toolkit: str = ""
    version: str = ""
    device: str = "cpu"
    setting: Setting = field(default_factory=Setting)
    facts: Mapping[str, str] = field(default_factory=dict)
    ops: frozenset[str] = frozenset()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    released: str = ""
    installed_bytes: int | None = None

    @property
    def name_and_version(self) -> str:
        return f"{self.toolkit} {self.version}".strip()


def read_environments(
    meta: Mapping[str, Any],
    environments: Mapping[str, Mapping[str, Any]],
    records: Sequence[Record],
    backends: Sequence[str],
) -> dict[str, Environment]:
    """Return each backend's environment, from its first record that has one."""
    declared = {b["name"]: b for b in meta.get("backends", ())}
    ids: dict[str, str] = {}
    for record in records:
        if record.environment_id in environments:
            ids.setdefault(record.backend, record.environment_id)
    settings = settings_of(meta, environments, records)
    return {
        b: _environment(b, declared.get(b, {}), environments.get(ids.get(b, ""), {}), settings[b])
        for b in backends
    }


def _environment(
    backend: str, declared: Mapping[str, Any], found: Mapping[str, Any], setting: Setting
) -> Environment:
    hello = {**found, **found.get("hello", {})}
    facts = {**hello, **hello.get("describe", {})}
    blas = facts.get("blas") or ()
    facts["blas"] = [_library(item) for item in ([blas] if isinstance(blas, str) else blas)]
    facts["packages"] = [
        f"{name} {version}"
        for name, version in found.get("installed", {}).get("resolved", {}).items()
    ]
    device = str(facts.get("device") or declared.get("device") or "cpu")
    return Environment(
        backend=backend,
        title=str(declared.get("title") or backend),
        toolkit=str(facts.get("toolkit") or declared.get("toolkit") or backend),
        version=str(facts.get("version") or ""),
        device=device,
        setting=setting,
        facts={
            name: in_words(facts[name])
            for name in [*FACTS, *sorted(facts.keys() - set(FACTS) - _HIDDEN)]
            if facts.get(name) not in (None, "", [], {})
        },
        ops=frozenset(hello.get("ops", ())),
        unsupported=dict(hello.get("unsupported", {})),
        released=str(declared.get("released") or ""),
        installed_bytes=found.get("installed", {}).get("size_bytes") or None,
    )


def _library(item: Any) -> str:
    """Return a BLAS library as threadpoolctl describes it: ``openblas 0.3.31 (SkylakeX)``."""
    if not isinstance(item, Mapping):
        return str(item)
    name = " ".join(str(item[k]) for k in ("name", "version") if item.get(k))
    return f"{name} ({item['core']})" if item.get("core") else name


def in_words(value: Any) -> str:
    """Return JSON data as a reader sees it."""
    if isinstance(value, Mapping):
        return "; ".join(f"{k}: {in_words(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(v) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
