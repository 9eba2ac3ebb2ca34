"""Forms of API keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from syncapp.accounts.models import ApiKey, validate_network
from syncapp.admin.forms import TenantForm

NETWORKS = 50
INSPECTOR_DAYS = (7, 30, 90, 365)


class NetworksField(forms.CharField):
    """Networks, one per line; given as a list in one spelling."""

    def __init__(self) -> None:
        super().__init__(
            label="Networks",
            required=False,
            widget=UnfoldAdminTextareaWidget(
                attrs={"rows": 3, "placeholder": "203.0.113.0/24", "spellcheck": "false"}
            ),
            help_text="Where calls may come from, one network or address per line. Empty: from everywhere.",
        )

    def clean(self, value: str | None) -> list[str]:
        written = super().clean(value or "").replace(",", "\n").split()
        if len(written) > NETWORKS:
            raise ValidationError(f"{NETWORKS} networks at most.")
        for word in written:
            validate_network(word)
        return list(dict.fromkeys(str(ip_network(word)) for word in written))


class ApiKeyForm(TenantForm):
    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[
            ApiKey.Scope.AUDIENCES_READ,
            ApiKey.Scope.AUDIENCES_WRITE,
            ApiKey.Scope.MEMBERS_WRITE,
            ApiKey.Scope.CONTACTS_WRITE,
        ],
        help_text="What the key may do. Give no more than the system needs.",
    )
    kind = forms.ChoiceField(
        choices=ApiKey.Kind.choices,
        required=False,
        initial=ApiKey.Kind.BEARER,
        widget=UnfoldAdminRadioSelectWidget,
        help_text="A consumer secret is kept, encrypted, because calls are signed with it.",
    )
    networks = NetworksField()

    class Meta:
        model = ApiKey
        fields = ("label", "kind", "scopes", "networks", "expires_at")

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or ApiKey.Kind.BEARER


class NetworksForm(forms.Form):
    networks = NetworksField()


class InspectorForm(forms.Form):
    label = forms.CharField(max_length=100, label="For whom")
    days = forms.TypedChoiceField(
        choices=[(days, f"{days} days") for days in INSPECTOR_DAYS], coerce=int, initial=30
    )

    @property
    def expires_at(self) -> datetime:
        return timezone.now() + timedelta(days=self.cleaned_data["days"])
