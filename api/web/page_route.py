"""How a page fails: a sign-in page for strangers, a readable page for everything expected."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from api.errors import error_response, invalid_request, status_of
from api.web.catalogue import Phrases
from api.web.rendering import language_of_request, render
from core.errors import AppError

_TITLES = {401: "error.forbidden", 403: "error.forbidden", 404: "error.not_found"}


class PageRoute(APIRoute):
    """A route whose expected failures are pages rather than JSON.

    A route that answers GET answers HEAD too: the same headers, no body.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        if self.methods and "GET" in self.methods:
            self.methods.add("HEAD")

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The handler of the framework, with every expected failure answered as a page."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                response = await handle(request)
            except (AppError, RequestValidationError) as failure:
                error = failure if isinstance(failure, AppError) else _refused(failure)
                # A script that asked for part of a page shows the reason in its place.
                is_part = "x-fragment" in request.headers
                response = error_response(error) if is_part else error_page(request, error)
            if request.method == "HEAD" and hasattr(response, "body"):
                # The headers are made, Content-Length among them.
                response.body = b""
            return response

        return page


def error_page(request: Request, error: AppError) -> Response:
    """The page that tells a person what went wrong; strangers are sent to sign in first."""
    if error.code == "unauthenticated":
        reads = request.method in ("GET", "HEAD")
        here = request.url.path if reads else "/calls"
        asked = f"?{request.url.query}" if reads and request.url.query else ""
        return RedirectResponse(f"/sign-in?next={quote(here + asked, safe='')}", status_code=303)
    status = status_of(error.code)
    t = Phrases(language_of_request(request)).t
    values: dict[str, Any] = {
        "user": getattr(request.state, "principal", None),
        "title": t(_TITLES.get(status, "error.failed")),
        "message": error.message,
        "back": _came_from(request),
    }
    return render(request, "error.html", values, status=status)


def _refused(failure: RequestValidationError) -> AppError:
    """An address that cannot be of any page is one that is not there."""
    if any(entry["loc"][:1] == ("path",) for entry in failure.errors()):
        return AppError("not-found", "没有这个网址的内容。请检查网址，或从列表里打开。")
    return invalid_request(failure)


def _came_from(request: Request) -> str | None:
    """The page of this site whose link or form was used, if the browser told and it is another."""
    told = urlsplit(request.headers.get("referer", ""))
    if not told.path or told.netloc != request.url.netloc:
        return None
    path = local_path(told.path) + (f"?{told.query}" if told.query else "")
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return None if request.method in ("GET", "HEAD") and path == here else path


def local_path(value: str | None) -> str:
    """`value` when it is a path of this site, else the list of calls: no redirects elsewhere."""
    if value and value.startswith("/") and not value.startswith(("//", "/\\")):
        return value
    return "/calls"
