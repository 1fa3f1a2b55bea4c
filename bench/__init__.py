"""How fast the product is, each figure as a ratio against a bare bound of the same run. Read next: __main__.py, docs/bench.md.

It drives the product through the same functions as any app, and the engine's own modules where a figure is about one of them.
"""
