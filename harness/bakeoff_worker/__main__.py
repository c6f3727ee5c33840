"""Start a worker: ``PYTHON -s -u path/to/bakeoff_worker/__main__.py FDS … [--cpu N]``.

Python puts a script's folder first on ``sys.path``; ours holds names such as
``adapter`` and ``program`` that a toolkit may use too. It is taken off again, and
this package is loaded by location, so that nothing else beside it can be imported.
"""

import os
import sys

if __name__ == "__main__":
    _folder = os.path.realpath(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:1] = [p for p in sys.path[:1] if os.path.realpath(p) != _folder]

    import importlib.util as _util

    _spec = _util.spec_from_file_location(
        "bakeoff_worker",
        os.path.join(_folder, "__init__.py"),
        submodule_search_locations=[_folder],
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["bakeoff_worker"] = _module = _util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)

    from bakeoff_worker.server import main

    sys.exit(main(sys.argv[1:]))
