"""Fields for credentials, made from the connector's specification. Secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from connectors import look
from connectors.esp.contract import Scope, Setting, Spec
from connectors.models import Authorization
from syncapp.secrets import Secrets

PREFIX = "setting_"


def settings_of(spec: Spec) -> list[Setting]:
    return [setting for setting in spec.settings if setting.scope is Scope.AUTHORIZATION]


def names_of(spec: Spec) -> list[str]:
    return [PREFIX + setting.name for setting in settings_of(spec)]


def fields_of(spec: Spec, held: Authorization | None = None) -> dict[str, forms.Field]:
    """{form field name: field}. A stored value is never an initial one."""
    return {PREFIX + setting.name: field_of(setting, held) for setting in settings_of(spec)}


def field_of(setting: Setting, held: Authorization | None) -> forms.Field:
    is_set = held is not None and setting.name in held.secrets
    words = " ".join(part for part in (setting.help, stored_words(setting, held) if is_set else "") if part)
    options: dict[str, Any] = {
        "label": setting.label,
        "help_text": words,
        "required": setting.required and not is_set,
    }
    if setting.choices:
        return forms.ChoiceField(choices=setting.choices, widget=UnfoldAdminSelectWidget(), **options)
    widget = UnfoldAdminPasswordWidget if setting.secret else UnfoldAdminTextInputWidget
    attrs = {"autocomplete": "new-password" if setting.secret else "off", "spellcheck": "false"}
    if is_set:
        attrs["placeholder"] = "Leave empty to keep it"
    return forms.CharField(max_length=1000, strip=True, widget=widget(attrs=attrs), **options)


def stored_words(setting: Setting, held: Authorization | None) -> str:
    """“Set on 3 May 2026, ends in 3f2a.”: enough to recognise it, not to use it."""
    if held is None:
        return ""
    ends = held.secrets.hint(setting.name) if setting.secret else held.secrets[setting.name]
    since = look.day(held.secrets_set_at or held.created_at)
    return f"Set on {since}{f', ends in {ends}' if ends else ''}. Leave empty to keep it."


def secrets_from(spec: Spec, cleaned: dict[str, Any], held: Secrets | None = None) -> Secrets:
    """What was typed, over what is held: an empty input keeps."""
    typed = {setting.name: cleaned.get(PREFIX + setting.name, "") for setting in settings_of(spec)}
    return (held or Secrets({})).replaced(**{name: value for name, value in typed.items() if value != ""})


def was_typed(spec: Spec, cleaned: dict[str, Any]) -> bool:
    return any(cleaned.get(name, "") != "" for name in names_of(spec))


def base_url_choices(spec: Spec, held: Authorization | None = None) -> list[tuple[str, str]]:
    """The connector's own address, the one the environment names, and the stored one: no other goes."""
    by_environment = settings.ESP_BASE_URLS.get(spec.key, "")
    choices = {"": f"Standard: {by_environment or spec.base_url}"}
    if by_environment:
        choices[spec.base_url] = f"{spec.label}’s own: {spec.base_url}"
    if held is not None and held.base_url:
        choices.setdefault(held.base_url, held.base_url)
    return list(choices.items())
