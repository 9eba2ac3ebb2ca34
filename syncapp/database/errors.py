"""The one error of the embedded server."""


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL cannot be used. The text says what is wrong, why, and what to do."""
