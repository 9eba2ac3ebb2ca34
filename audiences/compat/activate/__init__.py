"""Spotler Activate's (Squeezely's) API as far as shops and servers write to it: verifyAuth, track, products.

Below /compat/activate/; the account and an API key stand in headers. Profile fields become properties, `newsletter`,
`service` and `marketing` consents with a date; events and products are kept for later use. Reading contacts
(`GET v1/contacts`) is not offered: its answer was never published.
"""
