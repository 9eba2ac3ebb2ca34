"""What the ground has to know of the doors."""

from __future__ import annotations

from audiences.compat.activate.errors import register_dialect as register_activate
from audiences.compat.mailplus.errors import register_dialect as register_mailplus


def register() -> None:
    """Once, when the app starts."""
    register_mailplus()
    register_activate()
