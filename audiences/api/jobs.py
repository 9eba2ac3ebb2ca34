"""`/api/v1/jobs`: what goes on after an answer, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar
from urllib.parse import quote, urlencode

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from rest_framework.request import Request

from audiences import jobs
from audiences.api.documentation import jobs as docs
from audiences.api.jobs_wire import ErrorSummary, JobErrorsPage, JobOut, JobsOut, Links, Progress
from audiences.jobs import downloads
from audiences.models import Job
from syncapp.accounts.keys import Client
from syncapp.accounts.models import ApiKey
from syncapp.api import idempotency, limits
from syncapp.api.authentication import require_scope
from syncapp.api.cursors import from_cursor, to_cursor
from syncapp.api.paths import raw_path
from syncapp.api.problems import Problem, invalid_parameter
from syncapp.api.renderers import JsonRenderer
from syncapp.api.views import ApiView, json, whole_number

BASE = "/api/v1"
PREFIX = "job_"
LONGEST_WAIT_S = 30

# Who may start such a job may cancel it.
STARTED_WITH: Mapping[str, str] = {
    Job.Kind.AUDIENCE_REPLACE: ApiKey.Scope.MEMBERS_REPLACE,
    Job.Kind.AUDIENCE_DELTA: ApiKey.Scope.MEMBERS_WRITE,
    Job.Kind.AUDIENCE_DELETE: ApiKey.Scope.AUDIENCES_DELETE,
    Job.Kind.AUDIENCE_EMPTY: ApiKey.Scope.MEMBERS_REPLACE,
    Job.Kind.CONTACTS_IMPORT: ApiKey.Scope.CONTACTS_WRITE,
    Job.Kind.CONTACT_DELETE: ApiKey.Scope.CONTACTS_WRITE,
    Job.Kind.CONTACT_ERASE: ApiKey.Scope.CONTACTS_WRITE,
}


class CsvRenderer(JsonRenderer):
    """Lets `Accept: text/csv` through; the view answers by itself."""

    media_type = "text/csv"
    format = "csv"


class NdjsonRenderer(JsonRenderer):
    media_type = "application/x-ndjson"
    format = "ndjson"


class JobsView(ApiView):
    scopes = {"GET": "jobs:read"}
    query = {"GET": ("cursor", "limit", "kind", "state")}

    @docs.LIST_JOBS
    def get(self, request: Request) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        rows = Job.objects.of(self.client.account_id).select_related("audience").order_by("-pk")
        for name, choices in (("kind", Job.Kind), ("state", Job.State)):
            if (wanted := http.GET.get(name)) is not None:
                if wanted not in choices.values:
                    raise invalid_parameter(name, f"Known: {', '.join(choices.values)}.")
                rows = rows.filter(**{name: wanted})
        if (cursor := http.GET.get("cursor")) is not None:
            rows = rows.filter(pk__lt=place_in(cursor))
        found = list(rows[: size + 1])
        following = to_cursor(found[size - 1].pk) if len(found) > size else None
        return json(JobsOut([to_job(job) for job in found[:size]], following), headers=link(http, following))


class JobView(ApiView):
    scopes = {"GET": "jobs:read"}

    @docs.GET_JOB
    def get(self, request: Request, job_id: str) -> HttpResponse:
        job = find(self.client, job_id)
        return json(to_job(job), headers=polling(job))


class CancelJobView(ApiView):
    any_of = {"POST": tuple(sorted(set(STARTED_WITH.values())))}

    @docs.CANCEL_JOB
    def post(self, request: Request, job_id: str) -> HttpResponse:
        return idempotency.once(
            request._request, self.client, b"", lambda: self.find_startable(job_id), self.cancel
        )

    def find_startable(self, job_id: str) -> Job:
        job = find(self.client, job_id)
        require_scope(self.client, STARTED_WITH[job.kind])
        return job

    def cancel(self, job: Job) -> HttpResponse:
        """200 when it has ended by that, 202 while its present step goes on."""
        try:
            jobs.cancel(job)
        except jobs.AlreadyOver as error:
            job.refresh_from_db()
            raise Problem("job_over", f"The job is {job.state} already.", state=job.state) from error
        return json(to_job(job), status=200 if job.is_over else 202, headers=polling(job))


class JobErrorsView(ApiView):
    scopes = {"GET": "jobs:read"}
    query = {"GET": ("cursor", "limit")}

    @docs.LIST_JOB_ERRORS
    def get(self, request: Request, job_id: str) -> HttpResponse:
        http = request._request
        size = whole_number(http, "limit", limits.PAGE_ITEMS_DEFAULT, 1, limits.PAGE_ITEMS)
        cursor = http.GET.get("cursor")
        after = -1 if cursor is None else place_in(cursor)
        job = find_with_results(self.client, job_id)
        rows = downloads.page_of_errors(job, after, size + 1)
        following = to_cursor(rows[size - 1].number) if len(rows) > size else None
        items = [msgspec.Raw(msgspec.json.encode(downloads.to_error(job, row))) for row in rows[:size]]
        return json(JobErrorsPage(items, following), headers=link(http, following))


class DownloadView(ApiView):
    """A file of a job, made while it is sent."""

    scopes = {"GET": "jobs:read"}
    content_type: ClassVar[str]
    name: ClassVar[str]

    def send(self, job_id: str, lines: Callable[[Job], Iterator[bytes]]) -> StreamingHttpResponse:
        job = find_with_results(self.client, job_id)
        response = StreamingHttpResponse(lines(job), content_type=self.content_type)
        response.headers["Content-Disposition"] = f'attachment; filename="{job}-{self.name}"'
        return response


class ErrorsCsvView(DownloadView):
    renderer_classes = [JsonRenderer, CsvRenderer]
    content_type = "text/csv; charset=utf-8"
    name = "errors.csv"

    @docs.GET_ERRORS_CSV
    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        return self.send(job_id, downloads.errors_csv)


class ErrorsNdjsonView(DownloadView):
    renderer_classes = [JsonRenderer, NdjsonRenderer]
    content_type = "application/x-ndjson"
    name = "errors.ndjson"

    @docs.GET_ERRORS_NDJSON
    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        return self.send(job_id, downloads.errors_ndjson)


class UnprocessedView(DownloadView):
    renderer_classes = [JsonRenderer, NdjsonRenderer]
    content_type = "application/x-ndjson"
    name = "unprocessed.ndjson"

    @docs.GET_UNPROCESSED
    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        return self.send(job_id, downloads.unprocessed)


def find(client: Client, job_id: str) -> Job:
    """404 for what is unknown and for what is another account's, in the same words."""
    number = job_id.removeprefix(PREFIX)
    found = None
    if job_id.startswith(PREFIX) and number.isascii() and number.isdigit() and len(number) <= 18:
        rows = Job.objects.of(client.account_id).select_related("audience")
        found = rows.filter(pk=int(number)).first()
    if found is None:
        raise Problem("job_not_found", "There is no such job.")
    job: Job = found
    return job


def find_with_results(client: Client, job_id: str) -> Job:
    job = find(client, job_id)
    if job.expires_at is not None and job.expires_at <= timezone.now():
        raise Problem("result_expired", "The results of this job were kept for 7 days.")
    return job


def job_answer(job: Job, request: HttpRequest) -> HttpResponse:
    """202 with the job, where to follow it and when to look first."""
    headers = {"Location": f"{BASE}/jobs/{job}", **polling(job)}
    return json(to_job(job), status=202, headers=headers)


def polling(job: Job) -> dict[str, str]:
    """While it goes on: wait a tenth of its age, between 1 s and 30 s."""
    if job.is_over:
        return {}
    age_s = (timezone.now() - job.created_at).total_seconds()
    return {"Retry-After": str(int(min(LONGEST_WAIT_S, max(1, age_s / 10))))}


def to_job(job: Job) -> JobOut:
    return JobOut(
        id=str(job),
        kind=job.kind,  # type: ignore[arg-type]  # choices of the model
        state=job.state,  # type: ignore[arg-type]
        approval=job.approval or None,  # type: ignore[arg-type]
        audience=None if job.audience is None else job.audience.external_id,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
        cancel_asked_at=job.cancel_asked_at,
        progress=Progress(job.total, job.processed, job.succeeded, job.failed, job.skipped),
        error_summary=[msgspec.convert(one, ErrorSummary) for one in job.error_summary],
        result={name: value for name, value in job.result.items() if name != "link"},
        reason=job.reason,
        links=links_of(job),
    )


def links_of(job: Job) -> Links:
    own = f"{BASE}/jobs/{job}"
    is_short = job.is_over and job.total is not None and job.total > job.processed
    about = None if job.audience is None else f"{BASE}/audiences/{quote(job.audience.external_id, safe='')}"
    return Links(
        self=own,
        errors=f"{own}/errors",
        errors_csv=f"{own}/errors.csv",
        errors_ndjson=f"{own}/errors.ndjson",
        unprocessed=f"{own}/unprocessed.ndjson" if is_short else None,
        result=job.result.get("link", about),
    )


def place_in(cursor: str) -> int:
    place = from_cursor(cursor, int)
    if not 0 <= place < 2**63:
        raise invalid_parameter("cursor", "Not a cursor of this list; begin without one.")
    return place


def link(request: HttpRequest, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    kept = {name: value for name, value in request.GET.items() if name != "cursor"}
    return {"Link": f'<{raw_path(request)}?{urlencode({**kept, "cursor": cursor})}>; rel="next"'}
