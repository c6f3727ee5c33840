"""Modules loaded by where they are, not by what is on ``sys.path``.

The worker's environment is the toolkit's. Our adapter, and the packages of its
plugin, come into it file by file, so that nothing beside them is importable.
"""

import importlib
import importlib.util
import os
import sys
import types
from typing import Any, Dict, Mapping, Optional

_ADAPTERS = "bakeoff_adapter"  # the package under which adapter files are imported


class LocationFinder(object):
    """A ``sys.meta_path`` entry: top-level names to the folders or files that hold them."""

    def __init__(self, locations: Mapping[str, str]) -> None:
        self.locations = dict(locations)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Return the spec of a named package or module, None for all others."""
        location = self.locations.get(name)
        if location is None:
            return None
        if os.path.isdir(location):
            return importlib.util.spec_from_file_location(
                name,
                os.path.join(location, "__init__.py"),
                submodule_search_locations=[location],
            )
        return importlib.util.spec_from_file_location(name, location)


def make_importable(locations: Mapping[str, str]) -> None:
    """Make packages (folders) and modules (files) importable by name; imports none."""
    missing = sorted(p for p in locations.values() if not os.path.exists(p))
    if missing:
        raise ImportError("packages: no such file or folder: %s" % ", ".join(missing))
    if locations:
        finder = LocationFinder(locations)
        sys.meta_path.insert(0, finder)


def load_class(path: str, name: str) -> Any:
    """Return a class of the Python file at ``path``.

    The file becomes ``bakeoff_adapter.<stem>``; relative imports find the modules
    beside it. Its package's ``__init__.py`` is not run: that registers the plugin,
    with libraries that a worker lacks.

    Raises
    ------
    ImportError
        If the file does not exist or lacks the class.
    """
    if not os.path.isfile(path):
        raise ImportError("adapter: no file %s" % path)
    folder, file_name = os.path.split(os.path.abspath(path))
    package = types.ModuleType(_ADAPTERS)
    package.__path__ = [folder]
    sys.modules[_ADAPTERS] = package
    module = _import_file(_ADAPTERS + "." + os.path.splitext(file_name)[0], path)
    if not hasattr(module, name):
        raise ImportError("adapter: %s has no class %s" % (path, name))
    return getattr(module, name)


def _import_file(name: str, path: str) -> types.ModuleType:
    spec: Optional[Any] = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError("adapter: %s is no Python file" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def locations(value: Any) -> Dict[str, str]:
    """Return ``{name: path}`` checked to be of strings (it came as JSON)."""
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise TypeError("packages: %r, expected names to paths" % (value,))
    return value
