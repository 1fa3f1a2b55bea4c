"""What the engine promises, tried with real processes, a PostgreSQL, a Redis and providers that are made to fail.

Read next: __main__.py, scene.py, docs/faults.md.
"""
