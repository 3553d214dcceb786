"""Turns a template and its values into a page: language, number formats, security headers."""

import datetime as dt
import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from api.v1.calls.metadata import LOCAL_ZONE
from api.web.catalogue import LANGUAGES, Language, Phrases, language_of

LANGUAGE_COOKIE = "tingjian_lang"
_HERE = Path(__file__).parent


def render(
    request: Request, template: str, values: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    """The page as an HTTP response, in the language of the request.

    `?lang=` chooses the language and is remembered in a cookie. The content security policy
    allows nothing from elsewhere and no inline script; the nonce covers the one style element
    that wavesurfer.js puts into its shadow root.
    """
    asked = request.query_params.get("lang")
    language = language_of_request(request)
    phrases = Phrases(language)
    nonce = secrets.token_urlsafe(16)
    html = (
        environment()
        .get_template(template)
        .render(
            t=phrases.t,
            name_of=phrases.name_of,
            language=language,
            language_links=_language_links(request),
            script_messages=_json_block(phrases.script_messages()),
            nonce=nonce,
            path=request.url.path,
            **values,
        )
    )
    response = HTMLResponse(html, status_code=status)
    response.headers["Content-Security-Policy"] = content_security_policy(nonce)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Cookie"
    if asked in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=365 * 86400, samesite="lax", httponly=True
        )
    return response


def language_of_request(request: Request) -> Language:
    """The language that `?lang=` asks for, else the one the browser remembers, else Chinese."""
    asked = request.query_params.get("lang")
    return language_of(asked or request.cookies.get(LANGUAGE_COOKIE))


def content_security_policy(nonce: str) -> str:
    """The policy of a page: own origin only; styles also with this nonce."""
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "media-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The template environment: HTML escaped always, a missing value is an error."""
    env = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(_FILTERS)
    return env


def clock(milliseconds: int | None) -> str:
    """Call time as `m:ss`, or `h:mm:ss` from one hour on; `–` when unknown."""
    if milliseconds is None:
        return "–"
    seconds = max(0, milliseconds) // 1000
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def seconds_of(milliseconds: int) -> str:
    """Milliseconds as seconds with three decimals, for attributes that scripts read."""
    return f"{milliseconds / 1000:.3f}"


def percent(share: float | None) -> str:
    """A share in [0, 1] as whole per cent; `–` when it is missing.

    What is neither none nor all is never shown as 0 or 100 %.
    """
    if share is None:
        return "–"
    text = f"{share * 100:.0f}%"
    if share > 0 and text == "0%":
        return "<1%"
    if share < 1 and text == "100%":
        return ">99%"
    return text


def number(value: float | None) -> str:
    """A number without needless zeros, at most one decimal; `–` when it is missing."""
    return "–" if value is None else f"{value:.1f}".rstrip("0").rstrip(".")


def signed(value: float) -> str:
    """A number with its sign (`+3`, `−5`), `0` for zero."""
    if value == 0:
        return "0"
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def local_time(moment: dt.datetime | None) -> Markup:
    """A `<time>` element in Beijing time, as all dates of the service; `–` when unknown."""
    if moment is None:
        return Markup("–")
    text = moment.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), text)


def days(start: dt.datetime, end: dt.datetime) -> Markup:
    """A period as its first and last day in Beijing time; `end` itself is no part of it."""
    last = end - dt.timedelta(microseconds=1)
    texts = [moment.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d") for moment in (start, last)]
    return Markup('<span class="nowrap">{} – {}</span>').format(*texts)


def file_size(count: int | None) -> str:
    """A size in bytes, readable; `–` when it is unknown."""
    if count is None:
        return "–"
    if count < 1 << 20:
        return f"{count / 1024:.0f} kB"
    return f"{count / (1 << 20):.1f} MB"


def query(values: Mapping[str, Any]) -> str:
    """`?name=value&…` of the values that are not empty, or an empty string."""
    kept = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""


_FILTERS: dict[str, Callable[..., object]] = {
    "clock": clock,
    "seconds": seconds_of,
    "percent": percent,
    "number": number,
    "signed": signed,
    "local_time": local_time,
    "days": days,
    "file_size": file_size,
    "query": query,
}


def _language_links(request: Request) -> dict[str, str]:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    return {language: f"?{urlencode([*kept, ('lang', language)])}" for language in LANGUAGES}


def _json_block(value: object) -> Markup:
    """JSON that is safe inside a `<script type="application/json">` element."""
    text = json.dumps(value, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - `<` is escaped, nothing can close it
