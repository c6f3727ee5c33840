"""The operators of graphs that toolkits run, read out of their own objects; Python 3.6."""
