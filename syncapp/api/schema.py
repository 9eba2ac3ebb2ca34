"""OpenAPI from wire types: what requests are decoded with is also what the documentation shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from syncapp.accounts.models import ApiKey
from syncapp.api import catalogue, examples, guide, limits

JSON = "application/json"
PROBLEM = "application/problem+json"
REF = "#/components/schemas/{name}"
EVERYWHERE = (
    "malformed_request",
    "invalid_credentials",
    "token_expired",
    "insufficient_scope",
    "feature_not_enabled",
    "ip_not_allowed",
    "method_not_allowed",
    "not_acceptable",
    "validation_failed",
    "rate_limited",
    "internal_error",
    "temporarily_unavailable",
)
WITH_BODY = ("malformed_json", "body_too_large", "unsupported_media_type")
IDEMPOTENT = ("invalid_header", "idempotency_in_progress", "idempotency_key_reused")

ERROR_CODES = "x-error-codes"  # of an operation: every `code` its problems can have
TOKEN_URL = "/api/oauth/token"  # noqa: S105  an address

F = TypeVar("F", bound=Callable[..., Any])
_types: list[type] = []


class ProblemError(msgspec.Struct, omit_defaults=True):
    """One place that is wrong: `pointer` into the body, or `parameter` of the query."""

    code: str
    detail: str
    pointer: str = ""
    parameter: str = ""


class Problem(msgspec.Struct):
    """RFC 9457. Some codes add members, which the list of errors names."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Link:
    """After `source` was answered with `status`, `target` goes on; `parameters` are OpenAPI's runtime expressions."""

    source: str
    status: int
    target: str
    parameters: Mapping[str, Any]


_links: list[Link] = []


def register_links(links: Sequence[Link]) -> None:
    _links.extend(link for link in links if link not in _links)


def reference(kind: type) -> dict[str, Any]:
    """A schema that refers to a wire type, which becomes a component; of `list[it]` a list of such."""
    if get_origin(kind) is list:
        return {"type": "array", "items": reference(*get_args(kind))}
    if kind not in _types:
        _types.append(kind)
    return {"$ref": REF.format(name=kind.__name__)}


def operation(
    operation_id: str,
    *,
    tag: str,
    summary: str,
    description: str,
    answers: Mapping[int, OpenApiResponse],
    errors: Sequence[str] = (),
    body: type | None = None,
    media_types: Sequence[str] = (JSON,),
    examples: Sequence[OpenApiExample] = (),
    parameters: Sequence[OpenApiParameter] = (),
) -> Callable[[F], F]:
    """Everything one operation documents; `errors` are codes beyond those every operation has."""
    codes = (*EVERYWHERE, *(WITH_BODY if body else ()), *errors)
    documented: Callable[[F], F] = extend_schema(
        operation_id=operation_id,
        tags=[tag],
        summary=summary,
        description=description,
        request={media_type: body_schema(media_type, body) for media_type in media_types} if body else None,
        responses={**answers, **problems(codes)},
        examples=list(examples),
        parameters=list(parameters),
        extensions={ERROR_CODES: list(dict.fromkeys(codes))},
    )
    return documented


def body_schema(media_type: str, body: type) -> dict[str, Any]:
    """Lines of JSON and CSV are text to a schema; what their lines hold is said in the description."""
    is_json = media_type == JSON or media_type.endswith("+json")
    return reference(body) if is_json else {"type": "string"}


def answer(kind: type | None, description: str, examples: Sequence[OpenApiExample] = ()) -> OpenApiResponse:
    return OpenApiResponse(reference(kind) if kind else None, description, list(examples))


def problems(codes: Sequence[str]) -> dict[tuple[int, str], OpenApiResponse]:
    """One answer per status, which lists its codes."""
    by_status: dict[int, list[catalogue.Kind]] = {}
    for code in dict.fromkeys(codes):
        kind = catalogue.BY_CODE[code]
        by_status.setdefault(kind.status, []).append(kind)
    return {
        (status, PROBLEM): OpenApiResponse(
            reference(Problem),
            "  \n".join(f"`{kind.code}`: {kind.docs}" for kind in kinds),
            [to_example(kinds[0])],
        )
        for status, kinds in sorted(by_status.items())
    }


def to_example(kind: catalogue.Kind) -> OpenApiExample:
    value = {
        "type": kind.type,
        "title": kind.title,
        "status": kind.status,
        "detail": kind.docs,
        "instance": "/api/v1/audiences/vip-2024",
        "code": kind.code,
        "request_id": "req_3f9a5b1c7d2e4f60718293a4",
        "retryable": kind.retryable,
    }
    return OpenApiExample(
        kind.code, value, media_type=PROBLEM, response_only=True, status_codes=[str(kind.status)]
    )


def path_id(name: str = "external_id", whose: str = "Your own id") -> OpenApiParameter:
    description = (
        f"{whose}, percent-encoded: a slash is `%2F`. `.` and `..` are refused. "
        f"Where a proxy decodes `%2F`, write `-` here and the id in `?{name}=`."
    )
    schema = {"type": "string", "minLength": 1, "maxLength": limits.EXTERNAL_ID_CHARS}
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, required=True, description=description)


def query_parameter(name: str, schema: dict[str, Any], description: str) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description)


def header(name: str, description: str, example: str) -> OpenApiParameter:
    examples = [OpenApiExample("Example", example)]
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, examples=examples)


def leave_doors_out(endpoints: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A pre-processing hook: what speaks another vendor's dialect has a page, and that vendor's own description."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/")]


def add_components(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A post-processing hook: the schemas of the wire types that operations refer to, tags, recorded examples."""
    _, components = msgspec.json.schema_components(_types, ref_template=REF)
    found = result.setdefault("components", {})
    schemas = found.setdefault("schemas", {})
    for name, schema in components.items():
        schemas[name] = tidy(schema)
    found["headers"] = HEADERS
    result["tags"] = [
        {"name": page.tag, "description": page.summary, "externalDocs": {"url": page.url}}
        for page in guide.pages()
        if page.tag
    ]
    for path in result["paths"].values():
        for described in path.values():
            examples.add_recorded(described)
            add_headers(described)
            add_links(described)
    return result


def add_links(described: dict[str, Any]) -> None:
    for link in _links:
        response = described["responses"].get(str(link.status))
        if link.source == described["operationId"] and response is not None:
            shown = {"operationId": link.target, "parameters": dict(link.parameters)}
            response.setdefault("links", {})[link.target] = shown


def add_headers(described: dict[str, Any]) -> None:
    """What answers carry besides their body. RateLimit is not there where the key was refused."""
    for response in described["responses"].values():
        for name in HEADERS:
            response.setdefault("headers", {})[name] = {"$ref": f"#/components/headers/{name}"}


def tidy(schema: Any) -> Any:
    """Docstrings lose the line breaks of the source."""
    if isinstance(schema, dict):
        return {name: tidy(part) for name, part in schema.items()}
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    return re.sub(r"\s*\n\s+", " ", schema) if isinstance(schema, str) else schema


HEADERS = {
    "X-Request-Id": {
        "description": "Names this call; tell it when you ask us about one.",
        "required": True,
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{24}$"},
    },
    "RateLimit-Policy": {
        "description": "The quota `q` of calls in a window of `w` seconds.",
        "schema": {"type": "string"},
        "example": '"default";q=600;w=60',
    },
    "RateLimit": {
        "description": "What remains (`r`), and the seconds until everything is free again (`t`).",
        "schema": {"type": "string"},
        "example": '"default";r=598;t=41',
    },
    "Member-Quota": {
        "description": "Member operations: the limit, what remains, and the seconds until all are free again.",
        "schema": {"type": "string"},
        "example": "limit=600000, remaining=590000, reset=41",
    },
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key, or an OAuth2 token made with one; both are sent as `Authorization: Bearer`."""

    target_class = "syncapp.api.authentication.KeyAuthentication"
    name = ["apiKey", "oauth2"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        scope = getattr(auto_schema.view, "scopes", {}).get(auto_schema.method)
        any_of = getattr(auto_schema.view, "any_of", {}).get(auto_schema.method)
        ways = [[scope]] if scope else [[one] for one in any_of or ()]
        return [{"apiKey": []}, *({"oauth2": way} for way in ways or [[]])]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        scopes = {value: str(label) for value, label in ApiKey.Scope.choices}
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "ak_live_<id>_<secret>",
                "description": "An API key of the account, from Clients › API keys in the admin.",
            },
            {
                "type": "oauth2",
                "description": "Client credentials: a token of an hour, for the key's id and secret.",
                "flows": {"clientCredentials": {"tokenUrl": TOKEN_URL, "scopes": scopes}},
            },
        ]
