"""Spotler Mail+'s integration service: its audience and contact calls, codes and quirks, over our own functions.

Below /compat/mailplus/integrationservice and …/integrationservice-1.1.0; calls are signed with OAuth 1.0a, bodies and
answers are JSON or XML. `docs/mailplus` (templates/api/pages/compat_mailplus.html) tells all of it.

- `oauth` (pure), `authentication`, `nonces`: who calls
- `formats`, `xml`, `errors`, `reading`, `moments`: the wire
- `audiences`: the six audience calls
- `contacts`, `finding`: contacts, with `wanted` (read), `storing` (write), `showing` (answer) and `vocabulary`
"""
