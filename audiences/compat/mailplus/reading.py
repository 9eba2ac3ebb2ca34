"""Parts of bodies, checked. What is not as it must be is a Failure that names the member."""

from __future__ import annotations

from typing import Any

from audiences.compat.mailplus.errors import INVALID_PARAMS, Failure
from syncapp.api.views import is_external_id

TRUE, FALSE = ("true", "1"), ("false", "0", "")


def to_text(value: Any) -> str | None:
    """A text, or a whole number as one; None for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else None


def to_flag(fields: dict[str, Any], name: str) -> bool:
    """Absent and null are false; XML says true or false as texts."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if str(value).strip().lower() in TRUE:
        return True
    if str(value).strip().lower() in FALSE:
        return False
    raise invalid(f"{name} must be true or false.")


def to_external_id(value: Any, name: str, status: int = 400) -> str:
    found = to_text(value)
    if found is None or not is_external_id(found):
        raise invalid(f"{name} must be a text of 1 to 255 characters.", status)
    return found


def to_list(fields: dict[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise invalid(f"{name} must be a list.")
    return value


def to_object(value: Any, name: str) -> dict[str, Any]:
    """An empty element of XML is an empty object."""
    if isinstance(value, str) and value.strip() == "":
        return {}
    if not isinstance(value, dict):
        raise invalid(f"{name} must be an object.")
    return value


def invalid(message: str, status: int = 400) -> Failure:
    return Failure(status, INVALID_PARAMS, message)
