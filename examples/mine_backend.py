"""A backend of your own, part one: what bakeoff is told. Imports no toolkit.

Try it: ``bakeoff run --plugin examples/mine_backend.py --backends numpy,mine-autograd``
"""

from bakeoff import hookimpl
from bakeoff.interface import Backend


@hookimpl
def register_backends(register):
    register(
        Backend(
            name="mine-autograd",
            title="HIPS autograd, my way",
            toolkit="autograd",
            adapter="mine_adapter.py:AutogradAdapter",  # beside this file
            requirements=("autograd>=1.7,<2", "numpy>=2,<3"),
            homepage="https://github.com/HIPS/autograd",
            released="2015-03",
        )
    )
