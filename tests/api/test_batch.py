"""`members/batch` over HTTP: every item has an outcome, and the counters add up."""

from __future__ import annotations


def test_the_long_form_answers_for_every_item(api, vip, profile_of, ann_account):
    profile_of(ann_account, "known@example.nl", external_id="c-1")
    answer = api.batch(
        "vip-2024",
        {
            "unknown_contacts": "hold",
            "operations": [
                {"op": "add", "id": "c-1"},
                {"op": "add", "contact": {"email": "jan@example.nl"}},
                {"op": "remove", "id": "c-9"},
                {"op": "add", "contact": {"email": "not-an-address"}},
                {"op": "add", "id": "c-1", "surprise": 1},
            ],
        },
    )
    assert answer.status_code == 207, answer.content
    body = answer.json()
    summary = body["summary"]
    print(body)
    assert summary["received"] == 5
    assert (summary["added"], summary["held"], summary["not_member"], summary["failed"]) == (1, 1, 1, 2)
    assert [(e["index"], e["pointer"], e["code"]) for e in body["errors"]] == [
        (3, "/operations/3/contact/email", "invalid_identifier"),
        (4, "/operations/4/surprise", "unknown_field"),
    ]
    assert api.members("vip-2024") == ["c-1"]
