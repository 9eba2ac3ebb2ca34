"""Imports over HTTP: any number of people, line by line, piece by piece."""

from __future__ import annotations

import gzip
import io
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from audiences import jobs
from audiences.imports import carrying, storing
from audiences.imports.receiving import MOST_TIMES
from audiences.jobs.carrying import carry_out
from audiences.models import Audience, Job, JobPart, Member, Profile, Property
from syncapp.accounts import scope
from syncapp.api import limits
from syncapp.work import Slice, crashing

NDJSON, CSV = "application/x-ndjson", "text/csv"


@pytest.fixture(autouse=True)
def in_ann(ann_account, objective_of):
    objective_of(ann_account)
    with scope.account(ann_account):
        for key, type_ in (("first_name", "text"), ("city", "text"), ("points", "number"), ("tags", "list")):
            Property.objects.create(account=ann_account, key=key, label=key, type=type_)
        yield ann_account


def send(api, lines, query="", **headers):
    headers.setdefault("content_type", NDJSON)
    body = lines if isinstance(lines, bytes) else b"\n".join(orjson.dumps(line) for line in lines)
    return api.send("POST", f"/contacts/imports{query}", body, **headers)


def people(count):
    return [{"external_id": f"c-{number}", "email": f"c{number}@example.nl"} for number in range(count)]


def declare(api, method, path, body, size, content_type=NDJSON):
    """A request whose Content-Length says something else than its body."""
    url = f"/api/v1{path}"
    return api._client.generic(
        method,
        url,
        body,
        content_type=content_type,
        RAW_URI=url,
        HTTP_AUTHORIZATION=f"Bearer {api.key}",
        CONTENT_LENGTH=str(size),
        **{"wsgi.input": io.BytesIO(body)},
    )


def work(answer):
    """What a worker does, until nothing is left; the job as the API shows it."""
    assert answer.status_code == 202, answer.content
    job = job_of(answer)
    while carry_out(job.account_id, str(job.pk), Slice()) is not None:
        pass
    return job_of(answer)


def job_of(answer):
    return Job.objects.get(pk=int(answer.json()["id"].removeprefix("job_")))


def errors_of(api, job):
    """(line of the file, or index of the item; code; pointer)."""
    rows = api.get(f"/jobs/{job}/errors").json()["items"]
    return [
        (row["index"] if row["line"] is None else row["line"], row["code"], row["pointer"]) for row in rows
    ]


def test_inline_contacts_become_a_job(api):
    items = [*people(3), {"external_id": "c-9", "phone": "1"}, {"city": "Gent"}]
    answer = api.post("/contacts/imports", {"contacts": items})
    assert (answer.json()["kind"], answer.json()["progress"]["total"]) == ("contacts_import", 5)
    job = work(answer)
    assert (job.state, job.processed, job.succeeded, job.failed) == ("completed_with_errors", 5, 3, 2)
    assert [(code, pointer) for _, code, pointer in errors_of(api, job)] == [
        ("unknown_field", "/phone"),
        ("invalid_identifier", ""),
    ]
    assert api.get("/contacts/c-2").json()["email"] == "c2@example.nl"


def test_lines_of_json_fail_one_by_one(api, vip):
    consents = [{"objective": "newsletter", "state": "granted", "occurred_at": "2026-06-01T09:00:00Z"}]
    lines = [
        b'{"external_id": "c-1", "email": "Jan@example.nl", "consents": ' + orjson.dumps(consents) + b"}",
        b"",
        b"{broken",
        b'{"external_id": "c-2", "external_id": "c-3"}',
        b'{"external_id": "c-4", "email": "nobody"}',
        b'"c-5"',
        b'{"external_id": "c-6", "city": "\xff"}',
        b'{"external_id": "c-7"}\r',
    ]
    job = work(send(api, b"\n".join(lines), "?audience=vip-2024"))
    assert (job.total, job.succeeded, job.failed) == (7, 2, 5)
    assert errors_of(api, job) == [
        (3, "malformed_json", ""),
        (4, "malformed_json", ""),
        (5, "invalid_contact", "/email"),
        (6, "invalid_contact", ""),
        (7, "malformed_json", ""),
    ]
    rows = api.get(f"/jobs/{job}/errors").json()["items"]
    assert rows[2]["original"] in ('{"external_id": "c-4", "email": "nobody"}', orjson.loads(lines[4]))
    assert sorted(api.members("vip-2024")) == ["c-1", "c-7"]
    assert api.get("/contacts/c-1").json()["consents"]["newsletter"]["state"] == "granted"


def test_rows_of_csv_become_what_their_properties_are(api):
    rows = (
        "\ufeffexternal_id;email;city;points;tags\r\n"
        'c-1;jan@example.nl;"Gent;\r\nDampoort";7;a;\r\n'
        "c-2;eva@example.nl;;many;\r\n"
        '"c-3";;"say ""hi""";1.5;x;\r\n'
    )
    answer = send(api, rows.encode(), content_type=CSV)
    job = work(answer)
    assert (job.total, job.succeeded) == (3, 0), "a cell too many"
    good = rows.replace(";a;\r", ";a\r").replace(";x;\r", ";\r")
    job = work(send(api, good.encode(), content_type=f"{CSV}; charset=utf-8"))
    assert (job.total, job.succeeded) == (3, 2)
    assert errors_of(api, job) == [(4, "invalid_contact", "/properties/points")]
    jan = api.get("/contacts/c-1").json()
    assert jan["properties"] == {"city": "Gent;\nDampoort", "points": 7, "tags": ["a"]}
    assert api.get("/contacts/c-3").json()["properties"] == {"city": 'say "hi"', "points": 1.5}
    assert "c-2" in str(api.get(f"/jobs/{job}/errors").json()["items"][0]["original"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"external_id,surprise\nc-1,1\n", "unknown_field"),
        (b"city\nGent\n", "required"),
        (b"external_id,external_id\nc-1,1\n", "duplicate_column"),
        (b'external_id,city\nc-1,"Gent\n', "malformed_csv"),
        (b"external_id,city\nc-1,\xff\n", "invalid_encoding"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(api, body, code):
    answer = send(api, body, content_type=CSV)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type"), [(b"\n\n", NDJSON), (b"external_id\n", CSV), (b" \n", NDJSON)]
)
def test_nothing_is_not_imported(api, body, content_type):
    assert send(api, body, content_type=content_type).json()["code"] == "empty_request"
    assert not Job.objects.exists()


def test_gzip_is_taken_and_bombs_are_not(api):
    plain = b"\n".join(orjson.dumps(one) for one in people(50))
    assert work(send(api, gzip.compress(plain), content_encoding="gzip")).succeeded == 50
    Job.objects.all().delete()
    for body in (gzip.compress(plain)[:-5], gzip.compress(plain) + b"x", plain):
        assert send(api, body, content_encoding="gzip").json()["code"] == "malformed_request"
    bomb = gzip.compress(b'{"external_id": "c-1"}\n' * (4 * limits.MIB))
    assert len(bomb) * MOST_TIMES < 92 * limits.MIB
    answer = send(api, bomb, content_encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert send(api, plain, content_encoding="br").status_code == 415
    assert not Job.objects.exists()


def test_what_declares_itself_too_large_is_not_read(api):
    answer = declare(api, "POST", "/contacts/imports", b"x", limits.IMPORT_BYTES + 1)
    assert (answer.status_code, answer.json()["limit"]) == (413, limits.IMPORT_BYTES)
    answer = declare(api, "PUT", "/contacts/c-1", b"x", limits.BODY_BYTES + 1, "application/json")
    assert answer.status_code == 413


def test_a_body_that_breaks_off_leaves_nothing(api):
    answer = declare(api, "POST", "/contacts/imports", b'{"external_id": "c-1"}\n', 5000)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert not Job.objects.exists()


def test_the_inline_form_has_limits(api):
    assert api.post("/contacts/imports", {"contacts": people(30_001)}).json()["limit"] == 30_000
    assert api.post("/contacts/imports", {"contacts": []}).json()["code"] == "empty_request"
    assert api.post("/contacts/imports", {"contacts": people(1), "mode": "x"}).status_code == 422
    assert api.post("/contacts/imports?mode=create", {"contacts": people(1)}).status_code == 422
    assert api.post("/contacts/imports", {"contacts": people(1), "audience": "none"}).status_code == 404
    assert api.send("POST", "/contacts/imports", b"x", content_type="text/plain").status_code == 415
    assert send(api, people(1), "?mode=x").status_code == 422
    assert send(api, people(1), "?audience=none").status_code == 404
    assert not Job.objects.exists()


def test_modes_hold_for_files_too(api):
    work(send(api, people(2)))
    job = work(send(api, people(3), "?mode=create"))
    assert (job.succeeded, job.failed) == (1, 2)
    assert job.error_summary[0]["code"] == "contact_exists"
    job = work(send(api, people(4), "?mode=update"))
    assert (job.succeeded, job.error_summary[0]["code"]) == (3, "contact_not_found")


def test_consents_need_their_scope(api_of, api, ann_account):
    writer = api_of(ann_account, "Writer", scopes=["contacts:write"])
    one = {**people(1)[0], "consents": []}
    assert writer.post("/contacts/imports", {"contacts": [one]}).json()["scope"] == "consents:write"
    job = work(send(writer, [one, *people(1)]))
    assert (job.succeeded, job.error_summary[0]["code"]) == (1, "insufficient_scope")
    assert send(writer, people(1), "?audience=vip-2024").json()["scope"] == "members:write"


def test_the_same_upload_twice_is_one_job(api):
    first = send(api, people(3), idempotency_key="one")
    again = send(api, people(3), idempotency_key="one")
    assert (again.content, Job.objects.count()) == (first.content, 1)
    assert send(api, people(4), idempotency_key="one").json()["code"] == "idempotency_key_reused"
    assert Job.objects.count() == 1
    assert work(first).succeeded == 3


class TestPieces:
    @pytest.fixture(autouse=True)
    def small_parts(self, monkeypatch):
        monkeypatch.setattr(storing, "PART_LINES", 10)

    def test_a_part_is_done_once_whoever_dies(self, api, vip, monkeypatch):
        """The worker dies before and after every commit; in the end everybody is there once."""
        answer = send(api, people(35), "?audience=vip-2024")
        assert JobPart.objects.count() == 4
        deaths = iter(range(1000))

        def die(place, name=""):
            if name == "import" and next(deaths) % 2 == 0:
                raise KeyboardInterrupt

        monkeypatch.setattr(crashing, "reached", die)
        job = job_of(answer)
        for _ in range(50):
            try:
                if carry_out(job.account_id, str(job.pk), Slice()) is None:
                    break
            except KeyboardInterrupt:
                continue
        job.refresh_from_db()
        assert (job.state, job.total, job.processed, job.succeeded) == ("completed", 35, 35, 35)
        assert (Member.objects.count(), Audience.objects.get().member_count) == (35, 35)
        assert all(bytes(part.body) == b"" for part in JobPart.objects.all())

    def test_cancelled_between_two_parts_it_leaves_the_rest(self, api):
        answer = send(api, people(35))
        job = job_of(answer)
        Job.objects.update(state="running")
        assert carrying.carry_out_next(job)
        assert api.post(f"/jobs/{job}/cancel", None).status_code == 202
        assert carry_out(job.account_id, str(job.pk), Slice()) is None
        job.refresh_from_db()
        assert (job.state, job.processed, Profile.objects.count()) == ("cancelled", 10, 10)
        left = b"".join(api.get(f"/jobs/{job}/unprocessed.ndjson").streaming_content).splitlines()
        assert [orjson.loads(line) for line in left] == people(35)[10:]

    def test_an_upload_whose_server_died_is_swept(self, api, in_ann):
        send(api, people(3))
        dead = Job.objects.create(
            account=in_ann,
            kind="contacts_import",
            params={"receiving": True},
            cursor={"received_at": (timezone.now() - timedelta(hours=2)).isoformat()},
        )
        storing.discard_uploads(Slice())
        assert not Job.objects.filter(pk=dead.pk).exists()
        assert Job.objects.count() == 1

    def test_an_erased_person_is_not_imported(self, api):
        api.put("/contacts/c-1", {"email": "c1@example.nl"})
        api.post("/contacts/c-1/erase", None)
        job = work(send(api, people(3)))
        assert (job.succeeded, job.error_summary[0]["code"]) == (2, "erased")

    def test_an_audience_deleted_meanwhile_ends_the_job(self, api, vip):
        answer = send(api, people(3), "?audience=vip-2024")
        api.delete("/audiences/vip-2024")
        job = work(answer)
        assert (job.state, Profile.objects.exists()) == ("failed", False)
        jobs.finish(job)
