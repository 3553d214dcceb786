"""What every response carries: request id, security headers, an access log line, a JSON 500."""

import logging
import re
import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import unexpected_response

log = logging.getLogger("api.access")

# For answers that are not pages; a page sends its own policy, with the nonce of its style element.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_PROBES = frozenset({"/api/v1/health", "/api/v1/ready"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class EdgeMiddleware:
    """Outermost layer of the application.

    A caller's `X-Request-Id` is kept when it is harmless (8 to 64 letters, digits, `._-`), else
    one is made; it is in the response, the access log and the message of a 500. The access log
    holds method, path without its query, status, duration and who asked: no headers, no bodies,
    no query (people search for names and numbers). Unexpected exceptions end here rather than
    in the framework's own outer layer, so that a 500 has the same headers as everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        request.state.request_id = _request_id(request)
        request.state.principal_name = ""
        started_ns = time.monotonic_ns()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, request)
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if status:
                # Too late for another answer: let the server cut the connection.
                raise
            response = unexpected_response(request, error)
            await response(scope, receive, send_with_headers)
        finally:
            _log_access(request, status, (time.monotonic_ns() - started_ns) // 1_000_000)


def _request_id(request: Request) -> str:
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _add_headers(message: Message, request: Request) -> None:
    headers = MutableHeaders(scope=message)
    headers["X-Request-Id"] = request.state.request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if request.url.path.startswith("/api/"):
        # Answers depend on who asks and change with every stage of a call.
        headers.setdefault("Cache-Control", "no-store")


def _log_access(request: Request, status: int, duration_ms: int) -> None:
    # Probes ask every few seconds.
    level = logging.DEBUG if request.url.path in _PROBES else logging.INFO
    log.log(
        level,
        "%s %s",
        request.method,
        request.url.path,
        extra={
            "status": status,
            "duration_ms": duration_ms,
            "request_id": request.state.request_id,
            "by": request.state.principal_name or "-",
        },
    )
