"""Sending what is due, and what becomes of those who could not be sent."""
