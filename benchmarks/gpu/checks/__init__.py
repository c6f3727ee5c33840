"""The steps: each a module with ``rows(…)``, which yields what it finds as soon as it has it.

Those named in `steps.ON_DEVICE` are given a `bench.Bench`, and run in the environment of the
backend ``cupy``; the others ask the backends' workers, as runs do.
"""
