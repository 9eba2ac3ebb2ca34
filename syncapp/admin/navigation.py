"""What the sidebar offers: one word for each thing, in the order of the work."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

# (title, icon, model's page or named page)
WORK = [
    ("Clients", "apartment", "accounts_account_changelist"),
    ("People", "group", "audiences_profile_changelist"),
    ("Audiences", "groups", "audiences_audience_changelist"),
    ("Syncs", "sync", "audiences_syncsession_changelist"),
    ("Jobs", "list_alt", "audiences_job_changelist"),
    ("Connections", "cable", "connectors_connection_changelist"),
    ("Runs", "play_circle", "connectors_run_changelist"),
    ("Alerts", "notifications", "notices_alert_changelist"),
    ("Consent", "verified_user", "audiences_consent_changelist"),
    ("Activity", "history", "activity"),
]
SETTINGS = [
    ("Properties", "data_object", "audiences_property_changelist"),
    ("Objectives", "flag", "audiences_objective_changelist"),
    ("Suppressions", "block", "audiences_suppression_changelist"),
    ("Authorizations", "key", "connectors_authorization_changelist"),
    ("Webhooks", "webhook", "notices_endpoint_changelist"),
    ("API keys", "vpn_key", "accounts_apikey_changelist"),
    ("Push settings", "tune", "audiences_pushsettings_changelist"),
    ("Memberships", "badge", "accounts_membership_changelist"),
    ("Users", "manage_accounts", "accounts_user_changelist"),
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups for Unfold; pages the user may not open are left out."""
    return [
        {"title": None, "items": _items(request, WORK)},
        {"title": "Settings", "separator": True, "items": _items(request, SETTINGS)},
    ]


def own_pages(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {"title": "Notifications", "link": reverse("admin:notices_alert_preferences")},
        {"title": "Your e-mail address", "link": reverse("account_email")},
        {"title": "Change password", "link": reverse("account_change_password")},
        {"title": "Two-step sign-in", "link": reverse("mfa_index")},
    ]


def _items(request: HttpRequest, offered: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    found = []
    for title, icon, name in offered:
        if not _may_open(request, name):
            continue
        try:
            address = reverse(f"admin:{name}")
        except NoReverseMatch:
            continue
        found.append(
            {"title": title, "icon": icon, "link": address, "active": request.path.startswith(address)}
        )
    return found


def _may_open(request: HttpRequest, name: str) -> bool:
    """Lists ask their own page; other pages are open to everyone who signed in."""
    for model, model_admin in admin.site._registry.items():
        if name == f"{model._meta.app_label}_{model._meta.model_name}_changelist":
            return model_admin.has_view_permission(request)
    return not name.endswith("_changelist")
