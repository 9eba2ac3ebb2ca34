"""People by the million: a body of any size is kept in pieces while it comes in, and carried out piece by piece.

`receiving` reads a stream with its limits, `lines` finds the lines and rows, `storing` keeps them as parts of a job,
`carrying` is the worker's end.
"""
