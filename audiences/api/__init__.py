"""Audiences and their members for external systems: `/api/v1/audiences/…`."""
