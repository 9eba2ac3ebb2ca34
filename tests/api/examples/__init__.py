"""The examples of the documentation: real calls, recorded here and kept in audiences/api/examples.

`python3 -m tests.api.examples` compares what is kept with what is answered now; `--write` keeps what is answered.
"""
