"""The ESP library: plain Python that speaks to e-mail service providers.

No Django, no database, no retries.
"""
