"""Security headers."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

SHELL_PATHS = ("/admin/", "/accounts/")

# Alpine, which Unfold's pages run on, evaluates attributes: hence 'unsafe-eval', on these paths only.
SHELL = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
STRICT = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class SecurityHeadersMiddleware:
    """A view may set a policy of its own; otherwise the path decides."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        shell = request.path.startswith(SHELL_PATHS)
        response.headers.setdefault("Content-Security-Policy", SHELL if shell else STRICT)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if shell:
            response.headers.setdefault("Cache-Control", "no-store")
        return response
