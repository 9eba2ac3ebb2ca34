"""Which operation goes on with what another one answered, for programs that read the OpenAPI document."""

from __future__ import annotations

from syncapp.api.schema import Link

EXTERNAL_ID = {"external_id": "$response.body#/external_id"}
AUDIENCE = {"external_id": "$request.path.external_id"}
JOB = {"job_id": "$response.body#/id"}
SESSION = {"sync_id": "$response.body#/id"}
SAME_SESSION = {"sync_id": "$request.path.sync_id"}

LINKS = (
    *(
        Link("audience_create", 201, target, EXTERNAL_ID)
        for target in (
            "audience_get",
            "audience_put",
            "audience_patch",
            "audience_delete",
            "members_batch",
            "sync_open",
        )
    ),
    *(
        Link("audience_put", status, target, EXTERNAL_ID)
        for status in (200, 201)
        for target in (
            "audience_get",
            "members_list",
            "members_batch",
            "audience_empty",
            "sync_open",
            "member_put",
        )
    ),
    Link("audience_delete", 204, "audience_restore", AUDIENCE),
    Link("audience_delete", 204, "audience_get", AUDIENCE),
    Link("audience_delete", 202, "job_get", JOB),
    Link("audience_empty", 202, "job_get", JOB),
    Link("members_batch", 200, "members_list", AUDIENCE),
    Link("members_batch", 207, "members_list", AUDIENCE),
    Link("contact_put", 201, "contact_get", EXTERNAL_ID),
    Link("contact_put", 201, "consent_put", EXTERNAL_ID),
    Link("contact_put", 200, "consents_list", EXTERNAL_ID),
    Link("contact_put", 201, "contact_delete", EXTERNAL_ID),
    Link("contact_put", 201, "contact_erase", EXTERNAL_ID),
    Link("contact_erase", 202, "job_get", JOB),
    Link("contacts_import", 202, "job_get", JOB),
    Link("contacts_import", 202, "job_cancel", JOB),
    Link("sync_open", 201, "sync_chunk_put", SESSION),
    Link("sync_open", 201, "sync_get", SESSION),
    Link("sync_open", 201, "sync_cancel", SESSION),
    Link("sync_open", 200, "sync_chunk_put", SESSION),
    Link("sync_chunk_put", 201, "sync_commit", SAME_SESSION),
    Link("sync_chunk_put", 201, "sync_chunks_list", SAME_SESSION),
    Link("sync_chunk_put", 200, "sync_commit", SAME_SESSION),
    Link("sync_commit", 202, "sync_get", SAME_SESSION),
    Link("webhook_create", 201, "webhook_get", {"webhook_id": "$response.body#/id"}),
    Link("webhook_create", 201, "webhook_test", {"webhook_id": "$response.body#/id"}),
    Link("webhook_create", 201, "webhook_delete", {"webhook_id": "$response.body#/id"}),
    Link("webhook_test", 202, "webhook_deliveries", {"webhook_id": "$request.path.webhook_id"}),
)
