"""Doors that speak the languages of other systems, so that what was built for those can point here.

Each translates between its wire and the functions of `audiences.api` and `audiences.ingest`; rules are nowhere
written twice.
"""
