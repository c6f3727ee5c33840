"""How a worker is started: which interpreter, adapter, environment variables, processor."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bakeoff.errors import PluginError
from bakeoff.interface import Backend
from bakeoff.variants import file_name

# What a worker inherits of the controller's environment: where things are, which language,
# which accelerators, and that coverage is measured. PYTHONPATH stays out on purpose.
INHERITED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
        *("JAVA_HOME", "CC", "CXX"),
        *("CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"),
        *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
        *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
    }
)
_CACHE = "{cache}"  # in a backend's environment variables
INHERITED_PREFIXES = ("LC_", "COVERAGE_PROCESS_")

# The variables by which BLAS and thread pools learn their size when they are loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
)


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that starting a worker takes; all data.

    Attributes
    ----------
    python
        Path of the interpreter; a virtual environment's, not what its link resolves to.
    adapter_file, adapter_class
        The class that the worker loads by location.
    mode
        JSON options for the adapter's constructor.
    threads
        For the adapter's constructor and `THREAD_VARIABLES`.
    cpu
        The processor to stay on, None for any.
    env
        The backend's environment variables; they win over inherited ones.
    packages
        Names to folders or files, made importable in the worker.
    name
        The backend's name, for names of files.
    caches
        Whether the toolkit keeps what it compiles for later workers of the run.
    """

    python: str
    adapter_file: str
    adapter_class: str
    mode: Mapping[str, Any] = field(default_factory=dict)
    threads: int = 1
    cpu: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    name: str = "worker"
    caches: bool = False

    def environment(self, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the worker's environment variables, and no others.

        Hashes are seeded alike, so that sets iterate alike in every process. Bytecode may
        be written: without it, an environment whose packages came uncompiled would compile
        its toolkit at every start.
        """
        source = os.environ if inherited is None else inherited
        variables = {
            k: v for k, v in source.items() if k in INHERITED or k.startswith(INHERITED_PREFIXES)
        }
        variables.update((name, str(self.threads)) for name in THREAD_VARIABLES)
        variables["PYTHONHASHSEED"] = "0"
        variables["PYTHONIOENCODING"] = "utf-8:backslashreplace"
        variables.update(self.env)
        return variables


def launch_for(
    backend: Backend,
    python: str,
    threads: int = 1,
    cpu: int | None = None,
    cache: Path | None = None,
) -> Launch:
    """Return how to start a backend's worker under an interpreter.

    ``cache`` is the folder for what its toolkit compiles; None: it keeps nothing.

    Raises
    ------
    PluginError
        If the adapter's or a package's file cannot be found.
    """
    target, _, class_name = backend.adapter.rpartition(":")
    return Launch(
        python=python,
        adapter_file=str(_adapter_file(backend.name, target)),
        adapter_class=class_name,
        mode=dict(backend.mode),
        threads=threads,
        cpu=cpu,
        env={
            k: v.replace("{threads}", str(threads)).replace(_CACHE, str(cache))
            for k, v in backend.env.items()
            if cache is not None or _CACHE not in v
        },
        packages={name: str(_package(backend.name, name)) for name in backend.packages},
        name=file_name(backend.name),
        caches=cache is not None and any(_CACHE in v for v in backend.env.values()),
    )


def _adapter_file(backend: str, target: str) -> Path:
    if target.endswith(".py"):
        path = Path(target).resolve()
        if not path.is_file():
            raise PluginError(f"backend {backend}: no adapter file {path}")
        return path
    # Only the parent package is imported by find_spec: it registers the plugin, and is
    # loaded already; the adapter itself is not.
    origin = _origin(backend, target)
    return Path(origin).resolve()


def _package(backend: str, name: str) -> Path:
    origin = Path(_origin(backend, name)).resolve()
    return origin.parent if origin.name == "__init__.py" else origin


def _origin(backend: str, module: str) -> str:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError) as error:
        raise PluginError(
            f"backend {backend}: cannot look up {module!r} ({type(error).__name__}: {error})"
        ) from error
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        raise PluginError(
            f"backend {backend}: {module!r} is no Python module of a file; expected an "
            "importable name, or the path of a .py file"
        )
    return spec.origin
