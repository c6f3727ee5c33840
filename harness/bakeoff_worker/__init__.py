"""The worker's side of bakeoff: what runs a toolkit, in the toolkit's own environment.

Python 3.6 and later, the standard library and NumPy; nothing else of ours. An
adapter needs two names from here::

    from bakeoff_worker import Adapter, Unsupported
"""

from bakeoff_worker.adapter import Adapter, Unsupported

__all__ = ["Adapter", "Unsupported"]
