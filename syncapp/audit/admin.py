"""Loaded with the admin: puts the trail on the dashboard."""

from syncapp.audit import dashboard

__all__ = ["dashboard"]
