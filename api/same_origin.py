"""Protection against requests that another site makes with our visitor's cookie."""

from urllib.parse import urlsplit

from starlette.requests import Request

from core.errors import AppError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_same_origin(request: Request) -> None:
    """Refuse an unsafe request that a browser sent from another site.

    Browsers say where a request comes from in `Sec-Fetch-Site` (secure pages) and in `Origin`
    (all unsafe cross-origin requests); a page of another site can forge neither. Nor can it add
    `X-Requested-With: tingjian`, which helps behind a proxy that rewrites `Host`. A request with
    none of these is no browser's, so nobody's cookie was borrowed.

    Raises:
        AppError: `cross-site-request`.
    """
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if request.headers.get("x-requested-with") == "tingjian":
        allowed = True
    elif site is not None:
        allowed = site in ("same-origin", "none")
    elif origin is not None:
        allowed = urlsplit(origin).netloc == request.headers.get("host", "")
    else:
        allowed = True
    if not allowed:
        raise AppError(
            "cross-site-request",
            "该请求来自其他网站，已拒绝；请在听鉴页面内操作，或改用 API 密钥。",
        )
