"""What measures. Each benchmark is a ratio to its raw limit, taken in the same run on the same server.

    python -m tests.benchmarks NAME [--scale N]

A benchmark is a module of this package with a function `@benchmark(goal=…, scale=…) def run(scale) -> Measured`.
It runs in a fresh database of its own (embedded server or DATABASE_URL), prints a table and, as its last line, a
JSON object {"name", "ratio", "goal", "ok", …figures}.
"""
