"""What can come of a request that got no answer. Texts are fit for staff: no address of ours, no secret."""

from __future__ import annotations


class EgressError(Exception):
    """No answer came."""


class Forbidden(EgressError):
    """The address is not allowed. Trying again does not help unless the name comes to mean another place."""


class Unreachable(EgressError):
    """Not found, refused, broken off, or the time was up. Trying again may help."""
