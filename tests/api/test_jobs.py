"""Jobs as other systems follow them."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from audiences import jobs
from audiences.jobs import ErrorRow, registry
from audiences.models import Job, JobPart
from syncapp.accounts import scope


@pytest.fixture
def import_of(db):
    """A job of an account, with rows that failed."""

    def make(account, errors=0, total=None, **fields):
        with scope.account(account):
            job = jobs.queue(client=None, account_id=account.pk, kind=Job.Kind.CONTACTS_IMPORT, total=total)
            jobs.add_errors(
                job,
                [
                    ErrorRow(n, "invalid_contact", "Not an address.", "/email", False, f'{{"email":"x{n}"}}')
                    for n in range(1, errors + 1)
                ],
            )
            Job.objects.filter(pk=job.pk).update(**fields)
            job.refresh_from_db()
        return job

    return make


def test_a_job_says_how_it_stands(api, ann_account, import_of):
    job = import_of(ann_account, errors=2, total=10)
    answer = api.get(f"/jobs/{job}")
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Retry-After"] == "1"
    assert body["id"] == f"job_{job.pk}"
    assert body["state"] == "queued"
    assert body["progress"] == {"total": 10, "processed": 2, "succeeded": 0, "failed": 2, "skipped": 0}
    assert body["error_summary"] == [
        {"code": "invalid_contact", "count": 2, "retryable": False, "sample": ["x1", "x2"]}
    ]
    assert body["links"]["errors"] == f"/api/v1/jobs/job_{job.pk}/errors"
    assert body["links"]["unprocessed"] is None


def test_the_wait_between_looks_grows_and_ends(api, ann_account, import_of):
    now = timezone.now()
    waits = []
    for age_s in (0, 40, 100_000):
        job = import_of(ann_account, created_at=now - timedelta(seconds=age_s))
        waits.append(api.get(f"/jobs/{job}").headers["Retry-After"])
    assert waits == ["1", "4", "30"]
    with scope.account(ann_account):
        jobs.finish(job)
    assert "Retry-After" not in api.get(f"/jobs/{job}").headers


def test_jobs_are_listed_the_newest_first_page_by_page(api, ann_account, bob_account, import_of):
    made = [str(import_of(ann_account)) for _ in range(5)]
    import_of(bob_account)
    seen, path = [], "/jobs?limit=2"
    while True:
        page = api.get(path).json()
        seen += [job["id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/jobs?limit=2&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_jobs_are_found_by_kind_and_state(api, ann_account, import_of):
    job = import_of(ann_account)
    import_of(ann_account, state=Job.State.RUNNING)
    items = api.get("/jobs?state=queued&kind=contacts_import").json()["items"]
    assert [item["id"] for item in items] == [str(job)]
    assert api.get("/jobs?kind=audience_empty").json()["items"] == []
    assert api.get("/jobs?state=gone").status_code == 422
    assert api.get("/jobs?cursor=x").status_code == 422


@pytest.mark.parametrize("path", ["", "/errors", "/errors.csv", "/errors.ndjson", "/unprocessed.ndjson"])
def test_a_foreign_job_is_as_unknown_as_any(api, bob_account, import_of, path):
    foreign = api.get(f"/jobs/{import_of(bob_account)}{path}")
    unknown = api.get(f"/jobs/job_987654321{path}")
    assert foreign.status_code == unknown.status_code == 404
    said = [
        {name: value for name, value in answer.json().items() if name not in ("instance", "request_id")}
        for answer in (foreign, unknown)
    ]
    assert said[0] == said[1]
    assert said[0]["code"] == "job_not_found"


@pytest.mark.parametrize("name", ["17", "job_", "job_x", "job_-1", "sync_1", "job_" + "9" * 30, "job_١"])
def test_what_is_no_job_id_is_not_found(api, name):
    assert api.get(f"/jobs/{name}").json()["code"] == "job_not_found"


def test_error_rows_come_page_by_page_with_what_was_sent(api, ann_account, import_of):
    job = import_of(ann_account, errors=5)
    first = api.get(f"/jobs/{job}/errors?limit=3").json()
    second = api.get(f"/jobs/{job}/errors?limit=3&cursor={first['next_cursor']}").json()
    rows = first["items"] + second["items"]
    assert [row["index"] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0] == {
        "index": 1,
        "line": None,
        "code": "invalid_contact",
        "detail": "Not an address.",
        "pointer": "/email",
        "retryable": False,
        "original": {"email": "x1"},
    }
    assert second["next_cursor"] is None


def test_error_rows_come_as_a_file(api, ann_account, import_of):
    job = import_of(ann_account, errors=2_500)
    lines = read(api.get(f"/jobs/{job}/errors.ndjson", accept="application/x-ndjson")).splitlines()
    assert [orjson.loads(line)["index"] for line in lines] == list(range(1, 2_501))

    table = list(csv.reader(io.StringIO(read(api.get(f"/jobs/{job}/errors.csv", accept="text/csv")))))
    assert table[0] == ["index", "line", "code", "detail", "pointer", "retryable", "original"]
    assert table[1] == ["1", "", "invalid_contact", "Not an address.", "/email", "false", '{"email":"x1"}']
    assert len(table) == 2_501


def test_a_csv_holds_no_formulas(api, ann_account, import_of):
    job = import_of(ann_account)
    evil = ['"=HYPERLINK(1)"', '"+1"', '"-1"', '"@x"', '"\\tx"', "=no json"]
    with scope.account(ann_account):
        jobs.add_errors(job, [ErrorRow(n, "erased", original=text) for n, text in enumerate(evil)])
    table = list(csv.reader(io.StringIO(read(api.get(f"/jobs/{job}/errors.csv")))))
    assert [row[6][0] for row in table[1:]] == ["'"] * len(evil)


def test_what_was_left_undone_can_be_fetched(api, ann_account, import_of, monkeypatch):
    monkeypatch.delitem(
        registry.leftovers, Job.Kind.CONTACTS_IMPORT, raising=False
    )  # imports pack lines their way
    job = import_of(ann_account, total=4)
    with scope.account(ann_account):
        for number, done in ((0, True), (1, False), (2, False)):
            body = gzip.compress(f'{{"n": {number}}}\n{{"n": {number}.5}}'.encode())
            JobPart.objects.create(
                account=ann_account,
                job=job,
                number=number,
                items=2,
                body=body,
                done_at=timezone.now() if done else None,
            )
        jobs.finish(job, state=Job.State.FAILED)
    link = api.get(f"/jobs/{job}").json()["links"]["unprocessed"]
    lines = read(api.get(link)).splitlines()
    assert [orjson.loads(line)["n"] for line in lines] == [1, 1.5, 2, 2.5]


def test_results_are_gone_after_seven_days(api, ann_account, import_of):
    job = import_of(
        ann_account, errors=1, state="completed", expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert api.get(f"/jobs/{job}").status_code == 200
    for path in ("errors", "errors.csv", "errors.ndjson", "unprocessed.ndjson"):
        answer = api.get(f"/jobs/{job}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "result_expired")


def test_a_job_is_cancelled_by_whoever_may_start_it(api_of, ann_account, import_of):
    job = import_of(ann_account, total=3)
    reader = api_of(ann_account, "reader", ["jobs:read", "members:write"])
    refused = reader.post(f"/jobs/{job}/cancel", None)
    assert (refused.status_code, refused.json()["scope"]) == (403, "contacts:write")

    writer = api_of(ann_account, "writer", ["contacts:write"])
    answer = writer.post(f"/jobs/{job}/cancel", None)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    again = writer.post(f"/jobs/{job}/cancel", None)
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "job_over", "cancelled")


def test_a_running_job_ends_with_its_present_step(api, ann_account, import_of):
    job = import_of(ann_account, total=3, state=Job.State.RUNNING)
    answer = api.post(f"/jobs/{job}/cancel", None)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert answer.json()["cancel_asked_at"] is not None


def test_jobs_need_their_scope(api_of, ann_account, import_of):
    job = import_of(ann_account)
    without = api_of(ann_account, "without", ["members:write"])
    for path in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/errors.csv"):
        assert without.get(path).json()["scope"] == "jobs:read"


def read(answer) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()
