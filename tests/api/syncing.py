"""Sync sessions as a test drives them: through the API, with the job carried out in this process."""

from __future__ import annotations

from typing import Any

from audiences.jobs.carrying import carry_out
from audiences.models import Job
from syncapp.accounts import scope
from syncapp.accounts.models import Account
from syncapp.work import Slice
from tests.api.conftest import Api

NOON = "2026-07-01T12:00:00Z"


class Syncs:
    """One audience's sessions. `snapshot_at` is NOON unless said otherwise."""

    def __init__(self, api: Api, account: Account, audience: str = "vip-2024") -> None:
        self.api = api
        self.account = account
        self.audience = audience

    def open(self, mode: str = "replace", **fields: Any) -> str:
        answer = self.try_to_open(mode, **fields)
        assert answer.status_code in (200, 201), answer.content
        return str(answer.json()["id"])

    def try_to_open(self, mode: str = "replace", **fields: Any) -> Any:
        body = {"mode": mode, "snapshot_at": NOON, **fields}
        return self.api.post(f"/audiences/{self.audience}/syncs", body)

    def put(self, sync: str, number: int, body: Any, **headers: Any) -> Any:
        """A list is of members; bytes go as they are."""
        sent = {"members": body} if isinstance(body, list) else body
        return self.api.put(f"/syncs/{sync}/chunks/{number}", sent, **headers)

    def commit(self, sync: str, chunks: int, total: int, **fields: Any) -> Any:
        return self.api.post(f"/syncs/{sync}/commit", {"chunks": chunks, "total": total, **fields})

    def get(self, sync: str) -> Any:
        return self.api.get(f"/syncs/{sync}").json()

    def work(self, job_id: str) -> Any:
        """Slices until there is nothing left to do; the job afterwards."""
        with scope.account(self.account):
            while carry_out(self.account.pk, job_id.removeprefix("job_"), Slice()) is not None:
                pass
        return self.api.get(f"/jobs/{job_id}").json()

    def replace(self, *chunks: list[Any], **fields: Any) -> Any:
        """Open, send, commit, work; the session afterwards."""
        guards = {"max_removed_percent": None, **fields.pop("guards", {})}
        sync = self.open(guards=guards, **fields)
        for number, chunk in enumerate(chunks, 1):
            answer = self.put(sync, number, chunk)
            assert answer.status_code == 201, answer.content
        return self.finish(sync, *chunks)

    def delta(self, *chunks: list[dict[str, Any]], **fields: Any) -> Any:
        sync = self.open("delta", **fields)
        for number, chunk in enumerate(chunks, 1):
            answer = self.put(sync, number, {"operations": chunk})
            assert answer.status_code == 201, answer.content
        return self.finish(sync, *chunks)

    def finish(self, sync: str, *chunks: list[Any]) -> Any:
        answer = self.commit(sync, len(chunks), sum(map(len, chunks)))
        assert answer.status_code == 202, answer.content
        self.work(answer.json()["id"])
        return self.get(sync)

    def job_of(self, sync: str) -> Job:
        with scope.account(self.account):
            return Job.objects.get(pk=int(self.get(sync)["job_id"].removeprefix("job_")))
