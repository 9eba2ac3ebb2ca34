"""What a person is told may differ per connection."""

from __future__ import annotations

from django.urls import reverse

from connectors import alerts
from syncapp.accounts import scope
from syncapp.notices.models import Alert
from syncapp.notices.recipients import choices_in


def test_each_connection_can_be_chosen_for(scene, signed_in, ann, bob):
    page, ref = reverse("admin:notices_alert_preferences"), f"connection:{scene.connection.pk}"
    assert f'value="{ref}"' in signed_in(ann).get(page).content.decode()
    assert f'value="{ref}"' not in signed_in(bob).get(f"{page}?client=ann").content.decode()
    never = {"client": "ann", "source": ref, f"when-{alerts.LIST_GONE}": "never"}
    signed_in(ann).post(page, never)
    with scope.account(scene.account):
        alerts.list_gone(scene.goal, "Choose another list.")
        alert = Alert.objects.get()
        assert alert.source == ref
        assert choices_in(scene.account.pk, alert.kind, alert.source)[ann.pk].when == "never"
        assert choices_in(scene.account.pk, alert.kind, "connection:0")[ann.pk].when == "first"
