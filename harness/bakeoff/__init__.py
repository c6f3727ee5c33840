"""bakeoff: the same deep-learning workloads on every toolkit: right, fast, and is it real?

Importing this package imports no array library.
"""

from bakeoff.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl"]
