"""What can be wrong with one item, in batches, sync sessions and jobs."""

from __future__ import annotations

from syncapp.api.catalogue import ItemCode

ITEM_CODES = (
    ItemCode("contact_not_found", "We do not know this person, and `unknown_contacts` is `reject`."),
    ItemCode("invalid_identifier", "The id, address or hash cannot be one; the `detail` says why."),
    ItemCode("invalid_contact", "A value of the contact does not fit its property; `pointer` leads to it."),
    ItemCode("invalid_consent", "The answer misses something, or its time lies in the future."),
    ItemCode("invalid_operation", "The item is not an object with a known `op`, or names nobody."),
    ItemCode("unknown_field", "There is no such field or property. Nothing is dropped silently."),
    ItemCode("unknown_objective", "The account has no objective of this key."),
    ItemCode("audience_not_found", "In changes of several audiences: there is none of this id."),
    ItemCode("audience_not_pushed", "In changes of several audiences: this one is made by rules."),
    ItemCode("contact_exists", "In a batch of contacts with `mode` `create`: the person is known."),
    ItemCode("conflicting_fields", "A property is given twice: by its short name and under `properties`."),
    ItemCode("malformed_json", "In lines of JSON: this line is none."),
    ItemCode("insufficient_scope", "The item needs a scope that the key lacks; the `detail` names it."),
    ItemCode("ambiguous_identifier", "What was given belongs to two different people."),
    ItemCode("external_id_mismatch", "The item names its person twice, differently."),
    ItemCode("email_taken", "Somebody else has this address; `holder` is that person's external id."),
    ItemCode("external_id_taken", "Somebody else has this external id."),
    ItemCode("identifier_taken", "Somebody else has this value of an identifying property; see `holder`."),
    ItemCode("erased", "This person was erased. Never send them again: they will not come back."),
    ItemCode("conflicting_operations", "The short form has this id under `add` and under `remove`."),
    ItemCode("timestamp_in_future", "`occurred_at` lies more than five minutes ahead of our clock."),
    ItemCode(
        "duplicate_in_request", "A warning: another item on the same person won; counted as `superseded`."
    ),
    ItemCode(
        "stale",
        "A warning: a newer operation on this person was applied before, or their later opt-out outlives this opt-in.",
    ),
)
