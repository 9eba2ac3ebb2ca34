"""The encrypted field.

A stored value reads `v1.<key id>.<nonce>.<ciphertext>` (base64url). It is AES-256-GCM with the table, row id,
field and account as additional data: pasted into another row or account it does not open. Keys come from
SYNCAPP_KEYS (`id:base64,id:base64`), of which the first is the active one; the others still open old values.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models

NONCE_BYTES = 12
HINT_CHARS = 4


class CannotOpen(RuntimeError):
    """A stored secret was moved, altered, or its key is no longer in the ring."""


class KeyRing:
    """Key ids and their 32-byte keys; `active` seals, all of them open."""

    def __init__(self, written: str) -> None:
        self._keys: dict[str, AESGCM] = {}
        for entry in filter(None, (part.strip() for part in written.split(","))):
            key_id, _, encoded = entry.partition(":")
            self._keys[key_id] = AESGCM(_key_bytes(key_id, encoded))
        if not self._keys:
            raise ImproperlyConfigured("SYNCAPP_KEYS names no key. Give id:base64 of 32 random bytes.")
        self.active = next(iter(self._keys))

    def seal(self, plain: bytes, bound_to: bytes) -> str:
        nonce = os.urandom(NONCE_BYTES)
        return ".".join(
            (
                "v1",
                self.active,
                _encode(nonce),
                _encode(self._keys[self.active].encrypt(nonce, plain, bound_to)),
            )
        )

    def open(self, token: str, bound_to: bytes) -> bytes:
        try:
            version, key_id, nonce, sealed = token.split(".")
            if version != "v1":
                raise CannotOpen("A stored secret has an unknown form.")
            return self._keys[key_id].decrypt(_decode(nonce), _decode(sealed), bound_to)
        except KeyError:
            raise CannotOpen("The key of a stored secret is no longer in SYNCAPP_KEYS.") from None
        except (InvalidTag, ValueError):
            raise CannotOpen("A stored secret does not belong to this row, or was altered.") from None


def _key_bytes(key_id: str, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32 or not key_id or "." in key_id:
        raise ImproperlyConfigured("SYNCAPP_KEYS: each entry is id:base64 of exactly 32 bytes.")
    return key


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(written: str) -> bytes:
    return base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)


@lru_cache(maxsize=4)
def _ring(written: str) -> KeyRing:
    return KeyRing(written)


def ring() -> KeyRing:
    return _ring(settings.SECRET_KEYS)


class Secrets(Mapping[str, str]):
    """The secrets of one row. Its text never shows them; `reveal` is for whoever calls the ESP."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def reveal(self, name: str) -> str:
        return self._values[name]

    def hint(self, name: str) -> str:
        """The last characters, or nothing where they would give too much away."""
        value = self._values.get(name, "")
        return value[-HINT_CHARS:] if len(value) >= 4 * HINT_CHARS else ""

    def replaced(self, **values: str) -> Secrets:
        return Secrets({**self._values, **values})

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<{len(self._values)} secrets>"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("Secrets are not pickled.")


class _Opened:
    """Opens the stored token on first access, when the row it is bound to is known."""

    def __init__(self, field: EncryptedJSONField) -> None:
        self.field = field

    def __get__(self, row: models.Model | None, owner: type[models.Model]) -> Any:
        if row is None:
            return self
        if self.field.attname not in row.__dict__:
            row.refresh_from_db(fields=[self.field.attname])
        held = row.__dict__[self.field.attname]
        if isinstance(held, str):
            held = Secrets(json.loads(ring().open(held, self.field.bound_to(row))) if held else {})
            row.__dict__[self.field.attname] = held
        return held

    def __set__(self, row: models.Model, value: Any) -> None:
        row.__dict__[self.field.attname] = (
            value if isinstance(value, (str, Secrets)) else Secrets(value or {})
        )


class EncryptedJSONField(models.TextField):  # type: ignore[type-arg]
    """{name: secret} of a row which has an account.

    `bound_by` names a unique, unchanging column that is known before the row is inserted: the id where that is
    a UUID, else another one.
    """

    def __init__(self, *args: Any, bound_by: str = "pk", **kwargs: Any) -> None:
        self.bound_by = bound_by
        super().__init__(*args, **kwargs)

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _Opened(self))

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.bound_by != "pk":
            kwargs["bound_by"] = self.bound_by
        return name, path, args, kwargs

    def bound_to(self, row: models.Model) -> bytes:
        row_id = getattr(row, self.bound_by)
        if row_id is None:
            raise CannotOpen("A secret is bound to its row: the row needs an id first.")
        account_id = getattr(row, "account_id", None)
        return f"{row._meta.db_table}|{row_id}|{self.name}|{account_id}|v1".encode()

    def pre_save(self, row: models.Model, add: bool) -> str:
        held = getattr(row, self.attname)
        return ring().seal(json.dumps(dict(held)).encode(), self.bound_to(row))

    def value_to_string(self, row: models.Model) -> str:
        """For dumps: nothing."""
        return ""

    def formfield(self, **kwargs: Any) -> None:
        """No form shows it; forms of authorizations build their own write-only inputs."""
        return None
