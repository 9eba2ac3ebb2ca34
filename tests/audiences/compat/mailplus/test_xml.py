"""The same calls in XML."""

from __future__ import annotations

import pytest

from audiences.compat.mailplus import xml
from audiences.models import Member, Profile
from syncapp.accounts import scope

XML = "application/xml"
AUDIENCE = """<?xml version="1.0" encoding="UTF-8"?>
<audience><externalId>vip &amp; co</externalId><name>Voil\u00e0</name></audience>"""


@pytest.fixture
def talk(mailplus):
    def send(method, path, body=None, accept=XML):
        data = None if body is None else body.encode()
        answer = mailplus.send(method, path, data, content_type=XML, accept=accept)
        if answer.content and accept == XML:
            assert answer.headers["Content-Type"] == XML
            return answer.status, *xml.read(answer.content)
        return answer.status, None, answer.body

    return send


def test_an_audience(talk):
    status, root, made = talk("POST", "/audience", AUDIENCE)
    assert (status, root, made["externalId"], made["name"]) == (200, "audience", "vip & co", "Voil\u00e0")
    assert "lastContactAddedAt" not in made
    assert talk("GET", "/audience/vip%20%26%20co")[2] == made
    assert talk("GET", "/audience/vip%20%26%20co", accept="application/json")[2]["name"] == "Voil\u00e0"
    status, root, error = talk("POST", "/audience", AUDIENCE)
    assert (status, root, error["errorType"]) == (417, "errorResponse", "ID_NOTUNIQUE")


@pytest.mark.parametrize(
    "body",
    [
        "<contacts><contact>c-1</contact><contact>c-2</contact></contacts>",
        "<body><contacts><contact>c-1</contact><contact>c-2</contact></contacts></body>",
        "<body><contacts>c-1</contacts><contacts>c-2</contacts></body>",
        '<n:body xmlns:n="urn:x"><n:contacts>c-1</n:contacts><n:contacts>c-2</n:contacts></n:body>',
    ],
)
def test_contacts_of_an_audience(talk, people_of, ann_account, body):
    people_of(ann_account, 3)
    talk("POST", "/audience", "<audience><externalId>a</externalId><name>A</name></audience>")
    assert talk("POST", "/audience/a/contact", body)[0] == 204
    one = "<contacts><contact>c-3</contact></contacts>"
    assert talk("POST", "/audience/a/contact", one)[0] == 204
    with scope.account(ann_account):
        assert Member.objects.filter(state="member").count() == 3
    assert talk("DELETE", "/audience/a/contact", body)[0] == 204
    status, _, error = talk("POST", "/audience/a/contact", body.replace("c-1", "x-1"))
    assert (status, error["errorType"], error["externalContactIds"]) == (404, "CONTACT_NOT_FOUND", ["x-1"])
    with scope.account(ann_account):
        assert Member.objects.filter(state="member").count() == 1


@pytest.mark.parametrize(
    "body", ["<contacts/>", "<body/>", "<body><contacts></contacts></body>", "<contacts>\n  </contacts>"]
)
def test_an_empty_element_never_means_everybody(talk, settings_of, ann_account, body):
    settings_of(ann_account, mailplus_may_empty=True)
    talk("POST", "/audience", "<audience><externalId>a</externalId><name>A</name></audience>")
    assert talk("DELETE", "/audience/a/contact", body)[0] == 400


def test_contacts_with_properties_and_permissions(talk, objective_of, ann_account, mailplus):
    bit = objective_of(ann_account).pk
    one = f"""<contactUpdate><update>true</update><contact><externalId>c-1</externalId><properties>
        <email>jan@example.nl</email>
        <permissions><permission><bit>{bit}</bit><enabled>true</enabled></permission></permissions>
    </properties></contact></contactUpdate>"""
    assert talk("POST", "/contact", one)[0] == 204
    status, root, shown = talk("GET", "/contact/c-1")
    assert (status, root, shown["properties"]["email"]) == (200, "contact", "jan@example.nl")
    assert shown["properties"]["permissions"] == [{"bit": str(bit), "enabled": "true"}]
    entries = """<contactUpdate><update>true</update><contacts><contact><externalId>c-2</externalId><properties>
        <entry><key>email</key><value>piet@example.nl</value></entry>
        <entry><key>permissions</key><value><permission><bit>0</bit><enabled>1</enabled></permission></value></entry>
    </properties></contact><contact><externalId>c-3</externalId></contact></contacts></contactUpdate>"""
    status, root, results = talk("POST", "/contact/list", entries)
    assert (status, root) == (200, "results")
    assert [one["code"] for one in results["item"]] == ["PROPERTY_INVALID", "OK"]
    with scope.account(ann_account):
        assert set(Profile.objects.values_list("external_id", flat=True)) == {"c-1", "c-3"}
    status, root, found = talk("GET", "/contact/search?MPSearchQuery=email%3Djan%40example.nl&pageSize=5")
    assert (root, found["contacts"][0]["externalId"]) == ("contactList", "c-1")


LAUGHS = """<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><audience><name>&b;</name></audience>"""
FILE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><audience><name>&x;</name></audience>"""
DTD = """<!DOCTYPE audience SYSTEM "http://localhost:1/x.dtd"><audience><name>A</name></audience>"""


@pytest.mark.parametrize(
    "body",
    [LAUGHS, FILE, DTD, "<audience>", "", "nonsense", "<a>" * 100 + "</a>" * 100, "<audience>&x;</audience>",
     '<?xml version="1.0" encoding="nonsense"?><audience/>', "<a/><b/>", "<audience>\x00</audience>"],
)  # fmt: skip
def test_hostile_xml(talk, body):
    status, root, error = talk("POST", "/audience", body)
    assert (status, root, error["errorType"]) == (400, "errorResponse", "INVALID_PARAMS")


def test_what_xml_cannot_hold_is_replaced():
    written = xml.write("a", {"b": "x\x01\ufffe<&>", "c": None, "contacts": ["1", True]})
    root, value = xml.read(written)
    assert (root, value) == ("a", {"b": "x\ufffd\ufffd<&>", "contacts": ["1", "true"]})


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/xml"),
        ("application/json;q=0.5, text/xml", "application/xml"),
        ("application/json, application/xml", "application/json"),
        ("nonsense;q=x", "application/json"),
    ],
)
def test_the_form_that_is_asked_for(mailplus, accept, expected):
    answer = mailplus.get("/audience/none", accept=accept)
    assert (answer.status, answer.headers["Content-Type"]) == (404, expected)
