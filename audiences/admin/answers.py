"""Recording what a person answered, by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from audiences import consents
from audiences.ingest import ConsentGiven
from audiences.models import Consent, Objective, Profile
from syncapp.accounts.models import User

METHODS = [("single", "In person or by phone"), ("double_opt_in", "Double opt-in"), ("import", "From a list")]
SOURCE_CHARS = 100
LOCAL_TIME = "%Y-%m-%dT%H:%M"


class AnswerForm(forms.Form):
    """Built inside the scope of the person's account: it offers that account's objectives only."""

    objective: Any = forms.ModelChoiceField(queryset=None, to_field_name="key", empty_label=None)
    state = forms.ChoiceField(label="Answer", choices=Consent.State.choices)
    occurred_at = forms.DateTimeField(
        label="When",
        input_formats=[LOCAL_TIME],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL_TIME),
    )
    method = forms.ChoiceField(label="How", choices=METHODS)
    note = forms.CharField(
        label="Proof", max_length=500, help_text="What was said or signed, and where it is kept."
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["objective"].queryset = Objective.objects.all()  # type: ignore[attr-defined]
        self.fields["occurred_at"].initial = timezone.localtime().replace(second=0, microsecond=0)

    def clean_occurred_at(self) -> Any:
        answered = self.cleaned_data["occurred_at"]
        if answered > timezone.now():
            raise forms.ValidationError("An answer cannot lie in the future.")
        return answered


def record_answer(profile: Profile, form: AnswerForm, by: User) -> bool:
    """Put the answer into the ledger. False when a later answer of the person stands."""
    given = form.cleaned_data
    consent = ConsentGiven(
        objective=given["objective"].key,
        state=given["state"],
        occurred_at=given["occurred_at"],
        method=given["method"],
        evidence={"note": given["note"], "recorded_by": by.email},
    )
    return consents.record(profile=profile, given=consent, source=f"admin:{by.email}"[:SOURCE_CHARS])
