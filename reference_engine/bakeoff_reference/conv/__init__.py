"""Convolution: its geometry, and strategies that compute it.

The rules of the six convolution ops are in `bakeoff_reference.operators.convolution`.
"""
