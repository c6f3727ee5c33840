"""Convolution by cuDNN, through the graph API of its frontend.

`problem` is a pass in cuDNN's words, `plans` builds what computes it, `passes` runs that on
arrays of a device; `deviceless` builds plans where there is none.
"""

# The frontend's later releases bring half a gigabyte of other libraries with them.
CUDNN = ("nvidia-cudnn-frontend==1.18.0", "nvidia-cudnn-cu13==9.28.1.4")
