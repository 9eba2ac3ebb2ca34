"""What the documentation of the doors shows is run, word for word."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys

import pytest
from django.test import Client

from audiences.models import Event, Member, Product
from syncapp.accounts import keys, scope
from syncapp.accounts.models import ApiKey
from tests.api.server import running_web

pytestmark = pytest.mark.django_db(transaction=True)


def samples_of(slug, name):
    page = Client().get(f"/api/docs/{slug}").content.decode()
    found = re.findall(rf'<pre data-run="{name}"><code>(.*?)</code></pre>', page, re.DOTALL)
    assert found
    return [html.unescape(one) for one in found]


def run(command, **environment):
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_mail_plus(ann_account):
    _, shown = keys.issue(ann_account, "CRM", ApiKey.Scope.values, kind=ApiKey.Kind.MAILPLUS)
    key, secret = keys.parts(shown)
    (sample,) = samples_of("mail-plus", "mailplus")
    with running_web() as (url, _pid):
        base = f"{url}/compat/mailplus/integrationservice"
        said = run(
            [sys.executable, "-c", sample], MAILPLUS_BASE=base, MAILPLUS_KEY=key, MAILPLUS_SECRET=secret
        )
    assert [line[:4] for line in said.splitlines()] == ["(204", "(200", "(204", "(200"]
    with scope.account(ann_account):
        assert Member.objects.filter(state="member").count() == 1


def test_activate(ann_account, objective_of):
    objective_of(ann_account)
    _, key = keys.issue(ann_account, "Shop", ApiKey.Scope.values)
    with running_web() as (url, _pid):
        environment = {"ACTIVATE_BASE": f"{url}/compat/activate", "ACCOUNT": "ann", "KEY": key}
        verified, tracked, products = (
            run(["bash", "-ec", sample], **environment) for sample in samples_of("activate", "activate")
        )
    assert verified == '{"verified":true}'
    assert '"created":1' in tracked
    assert '"field":"firstname"' in tracked  # Ann has no such property
    assert '"created":1' in products
    assert '"deleted":1' in products
    with scope.account(ann_account):
        assert (Event.objects.count(), Product.objects.count()) == (1, 0)
