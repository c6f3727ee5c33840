"""Convolution by cuDNN, through the graph API of its frontend.

`problem` is a pass in cuDNN's words, `plans` builds what computes it, `passes` runs that on
arrays of a device; `deviceless` builds plans where there is none.
"""
