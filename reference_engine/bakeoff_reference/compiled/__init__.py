"""Plans with compiled loops: runs of elementwise statements fused by Numba (extra ``compiled``).

A plan's statements are NumPy calls; each reads its arrays from memory and writes its result
there. Here a run of them over equal shapes becomes one loop, and the plan calls that:
intermediate results stay in registers. What is not fused stays NumPy's, and with it every plan
runs without Numba.

Fused loops keep IEEE 754 semantics: Numba's ``fastmath`` is off, so NaN, infinities and signed
zeros come out as NumPy has them, and nothing is reordered but sums along rows, which run from
the first element to the last.
"""

from bakeoff_reference.compiled.jit import Loops

__all__ = ["Loops"]
