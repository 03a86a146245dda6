"""``python -m benchmarks``: every figure of docs/benchmarks.md."""

from benchmarks.engine import BENCHMARKS

for run in BENCHMARKS.values():
    run()
