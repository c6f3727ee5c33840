"""Plugins: what is installed, what the user names, and what each of them registers.

They come from three places, all loaded alike: entry points of the group ``bakeoff`` (our own
backends, suites and reports too), the ``plugins`` list of the ``[tool.bakeoff]`` table in the
nearest ``pyproject.toml``, and ``--plugin``. A plugin that fails is named in
`Plugins.problems` and stops nothing else.
"""

import hashlib
import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, runtime_checkable

import pluggy

from bakeoff import hookspecs
from bakeoff.case import Suite
from bakeoff.errors import PluginError
from bakeoff.interface import Backend
from bakeoff.reporting import AdoptionMetric, ReportFormat, ReportSection

GROUP = "bakeoff"


@runtime_checkable
class Named(Protocol):
    """What every registered thing has."""

    @property
    def name(self) -> str: ...


@dataclass
class Plugins:
    """Everything registered, by name, in the order in which it was registered."""

    manager: pluggy.PluginManager
    backends: dict[str, Backend] = field(default_factory=dict)
    suites: dict[str, Suite] = field(default_factory=dict)
    report_formats: dict[str, ReportFormat] = field(default_factory=dict)
    report_sections: dict[str, ReportSection] = field(default_factory=dict)
    adoption_metrics: dict[str, AdoptionMetric] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def hook(self) -> pluggy.HookRelay:
        """The relay through which a run's observers are called."""
        return self.manager.hook


def load(extra: Sequence[str] = (), start: Path | None = None) -> Plugins:
    """Load every plugin and collect what it registers.

    Parameters
    ----------
    extra
        Files (``my_backend.py``) or importable modules, as given with ``--plugin``.
    start
        Folder from which ``pyproject.toml`` is looked for, upwards; by default the
        current one.

    Returns
    -------
    Plugins
        ``problems`` names each plugin that could not be loaded or registered something
        invalid, with the reason.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager)
    for name, get in [*_installed(), *_configured(plugins, start or Path.cwd()), *_named(extra)]:
        try:
            _register(manager, name, get())
        except (Exception, SystemExit) as error:  # any failure is named and survived
            plugins.problems.append(f"plugin {name}: {_describe(error)}")
    _collect(plugins)
    return plugins


# --- where plugins come from ----------------------------------------------------------------

Source = tuple[str, Callable[[], Any]]


def _installed() -> Iterator[Source]:
    for point in sorted(entry_points(group=GROUP), key=_ours_first):
        yield point.name, point.load


def _ours_first(point: EntryPoint) -> tuple[bool, str]:
    """Our own, in the order of our table, before others', so that a clash names the other."""
    ours = point.dist is not None and point.dist.name == "bakeoff"
    return not ours, "" if ours else point.name


def _configured(plugins: Plugins, start: Path) -> list[Source]:
    path = next((p / "pyproject.toml" for p in [start, *start.parents]
                 if (p / "pyproject.toml").is_file()), None)  # fmt: skip
    if path is None:
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("bakeoff", {})
        names = table.get("plugins", [])
        if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
            raise PluginError(f"plugins is {names!r}, expected a list of files or module names")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, PluginError) as error:
        plugins.problems.append(f"[tool.bakeoff] in {path}: {error}")
        return []
    return _named(names, path.parent)


def _named(names: Sequence[str], base: Path | None = None) -> list[Source]:
    def getter(name: str) -> Callable[[], ModuleType]:
        return lambda: _import(name, base or Path.cwd())

    return [(name, getter(name)) for name in names]


def _import(name: str, base: Path) -> ModuleType:
    """Import a module by name, or a file by location."""
    if not name.endswith(".py"):
        return importlib.import_module(name)
    path = (base / name).resolve()
    if not path.is_file():
        raise PluginError(f"no file {name}, expected a Python file or an importable module")
    digest = hashlib.blake2b(str(path).encode(), digest_size=4).hexdigest()
    name_in_memory = f"bakeoff_plugin_{path.stem}_{digest}"
    if name_in_memory in sys.modules:
        return sys.modules[name_in_memory]
    spec = importlib.util.spec_from_file_location(name_in_memory, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{name} cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


# --- registering and collecting -------------------------------------------------------------


def _register(manager: pluggy.PluginManager, name: str, plugin: Any) -> None:
    if manager.is_registered(plugin):
        return  # named twice: harmless
    manager.register(plugin, name=name)
    try:
        manager.check_pending()  # a hook that we do not have is a spelling mistake
    except pluggy.PluginValidationError:
        manager.unregister(plugin)
        raise


def _collect(plugins: Plugins) -> None:
    """Call each plugin's ``register_*`` hooks, one plugin after the other.

    One call per plugin, so that a failure has a culprit and what the others registered stays.
    """
    registers: dict[str, tuple[type[Named], dict[str, Any]]] = {
        "register_backends": (Backend, plugins.backends),
        "register_suites": (Suite, plugins.suites),
        "register_report_formats": (ReportFormat, plugins.report_formats),
        "register_report_sections": (ReportSection, plugins.report_sections),
        "register_adoption_metrics": (AdoptionMetric, plugins.adoption_metrics),
    }
    owners: dict[int, str] = {}  # of registered things, by identity
    installed = plugins.manager.list_name_plugin()
    for owner, plugin in installed:
        others = [p for _, p in installed if p is not plugin]
        for hook, (kind, table) in registers.items():
            register = partial(_enter, hook, kind, table, owners, owner, plugin)
            try:
                plugins.manager.subset_hook_caller(hook, others)(register=register)
            except (Exception, SystemExit) as error:  # as in `load`
                plugins.problems.append(f"plugin {owner}: {_describe(error)}")


def _enter(
    hook: str,
    kind: type[Named],
    table: dict[str, Any],
    owners: dict[int, str],
    owner: str,
    plugin: Any,
    thing: Any,
) -> None:
    """Enter what a plugin registers: what the hook calls ``register``."""
    if not isinstance(thing, kind):
        raise PluginError(f"{hook} got {type(thing).__name__}, expected {kind.__name__}")
    if thing.name in table:
        first = owners[id(table[thing.name])]
        raise PluginError(f"{hook}: {thing.name!r} is taken by plugin {first}; choose another name")
    entered = _located(thing, plugin) if isinstance(thing, Backend) else thing
    table[thing.name] = entered
    owners[id(entered)] = owner


def _located(backend: Backend, plugin: Any) -> Backend:
    """Resolve an adapter's file against the folder of the plugin that names it."""
    target, _, name = backend.adapter.rpartition(":")
    origin = getattr(plugin, "__file__", None)
    if not target.endswith(".py") or origin is None:
        return backend
    return replace(backend, adapter=f"{(Path(origin).parent / target).resolve()}:{name}")


def _describe(error: BaseException) -> str:
    text = str(error) or "no message"
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}"
