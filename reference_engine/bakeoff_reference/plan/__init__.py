"""Compiled plans: a program or a graph as straight-line Python over preallocated memory.

>>> from bakeoff_reference import placeholder
>>> from bakeoff_reference.plan import compile_graph
>>> a = placeholder("a")
>>> plan = compile_graph(a * 6.0, feed={a: 5.0})
>>> float(plan(feed={a: 5.0}))
30.0
"""

from bakeoff_reference.plan.build import Input, Plan, forward_plan, gradient_plan
from bakeoff_reference.plan.graphs import GraphPlan, compile_graph, compile_training
from bakeoff_reference.plan.programs import compile_program
from bakeoff_reference.plan.training import TrainingPlan

__all__ = [
    "GraphPlan",
    "Input",
    "Plan",
    "TrainingPlan",
    "compile_graph",
    "compile_program",
    "compile_training",
    "forward_plan",
    "gradient_plan",
]
