"""What a report plugin registers, as data. The harness itself draws nothing.

Functions are named by strings ``"module:function"``, imported when a report is made,
so that registering them imports neither pandas nor matplotlib.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from bakeoff.errors import PluginError


@dataclass(frozen=True, slots=True)
class ReportFormat:
    """A way to write a run as a report.

    ``write`` names ``f(run_dir: Path, sections, metrics) -> Path``. ``write_several``, of formats
    that can hold several runs, names ``f(run_dirs, target: Path, sections, metrics) -> Path``.
    """

    name: str
    title: str
    write: str
    write_several: str = ""


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A section of the page.

    ``build`` names ``f(analysis) -> content``: headings, text, tables and figures as
    plain data. The page escapes every text; a section cannot insert HTML.
    Sections stand in ascending ``order``.
    """

    name: str
    title: str
    build: str
    order: int = 100


@dataclass(frozen=True, slots=True)
class AdoptionMetric:
    """A column of the summary, one value per backend.

    ``compute`` names ``f(analysis) -> Mapping[backend name, float | None]``.
    ``weight`` is what it weighs in the scores to begin with; with 0 it is shown only. In the
    units ``ns``, ``bytes`` and ``× reference`` values are scored by their logarithm.
    """

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"]
    compute: str
    weight: float = 1.0


def resolve(target: str) -> Callable[..., Any]:
    """Import ``"module:function"``.

    Raises
    ------
    PluginError
        If the module or the function cannot be found.
    """
    module, _, name = target.partition(":")
    try:
        function = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"plugin: cannot load {target!r} ({type(error).__name__}: {error}); "
            "expected 'module:function'"
        ) from error
    if not callable(function):
        raise PluginError(f"plugin: {target!r} is {type(function).__name__}, expected a function")
    return function  # type: ignore[no-any-return]
