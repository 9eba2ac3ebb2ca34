"""Outgoing webhooks for external systems: `/api/v1/webhooks/…`."""
