"""Error bounds: how far an honest result of a program may lie from the exact one.

`analyse` runs a program in ball arithmetic (`bakeoff.bounds.balls`): forward op by op, and
backward through vjps written in the same arithmetic, so that every output and gradient has
a bound for each of its elements. For a single matmul or convolution it is Higham's
γ_K Σ|a||b|; for an elementwise op, so many units in the last place; for a composed program,
what these amount to when carried through the rest.

The catalogue's kinds of bound, by which a `Check` is labelled:

``exact``
    Movement, selection and comparison of exact values: no error is allowed.
``rounded``
    One correctly rounded operation: |err| ≤ u|y| (half a unit in the last place).
``ulp``
    A library function: |err| ≤ n ulp(y), n from the catalogue.
``gamma``
    A sum of n products in any order: |err| ≤ γ_n Σ|a||b|, and the rounding to storage.
``tf32``
    As above, where operands of float32 products may have been rounded to TF32 first.
``composite``
    Several of these in one op or one program.

>>> import numpy as np
>>> from bakeoff.samples import samples_of
>>> program = samples_of("add")[0].program("float32")
>>> ones = {v.name: np.ones(v.shape, "f4") for v in program.inputs}
>>> [found] = analyse(program, ones)
>>> found.kind, float(found.ball.mid[0, 0]), float(found.ball.rad[0, 0]) == 2.0 * 2**-24 + 2**-126
('rounded', 2.0, True)
"""

from bakeoff.bounds.analysis import Bounded, analyse, multiplies
from bakeoff.bounds.balls import FORMATS, TF32, Ball, gamma

__all__ = ["FORMATS", "TF32", "Ball", "Bounded", "analyse", "gamma", "multiplies"]
