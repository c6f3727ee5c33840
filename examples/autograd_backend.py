"""A backend of your own, part one: what bakeoff is told. Imports no toolkit.

Try it: ``bakeoff run --plugin examples/autograd_backend.py --backends numpy,autograd``
"""

from bakeoff import hookimpl
from bakeoff.interface import Backend


@hookimpl
def register_backends(register):
    register(
        Backend(
            name="autograd",
            title="HIPS autograd",
            toolkit="autograd",
            adapter="autograd_adapter.py:AutogradAdapter",  # beside this file
            requirements=("autograd>=1.7,<2", "numpy>=2,<3"),
            homepage="https://github.com/HIPS/autograd",
            released="2015-03",
        )
    )
