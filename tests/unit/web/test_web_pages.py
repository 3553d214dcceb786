import datetime as dt
import re
from pathlib import Path

import pytest
from fastapi import Request

from api.web.call_filters import filter_of, given_filters
from api.web.page_route import error_page, local_path
from api.web.rendering import clock, environment, number, percent, query, render, signed
from core.errors import AppError

WEB = Path(__file__).resolve().parents[3] / "api" / "web"
STATIC = WEB / "static"
TEMPLATES = sorted(WEB.glob("templates/*.html"))
SCRIPTS = sorted(STATIC.glob("js/*.js"))


def request(path: str = "/calls", query_string: str = "", cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request(
        {
            "type": "http", "method": "GET", "path": path, "query_string": query_string.encode(),
            "headers": headers, "scheme": "http", "server": ("test", 80),
        }
    )  # fmt: skip


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_parse_and_hold_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text("utf-8")
    environment().get_template(path.name)
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|javascript:", text, re.IGNORECASE)
    for script in re.findall(r"<script[^>]*>", text):
        assert 'type="module" src=' in script or 'type="application/json"' in script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_load_only_files_that_exist(path: Path) -> None:
    for name in re.findall(r"/static/([\w./-]+)", path.read_text("utf-8")):
        assert (STATIC / name).is_file(), name


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_only_files_that_exist(path: Path) -> None:
    for name in re.findall(r"""(?:from|import) "(\.[^"]+)";""", path.read_text("utf-8")):
        assert (path.parent / name).is_file(), name


def test_icons_that_are_used_exist() -> None:
    symbols = set(re.findall(r'id="([\w-]+)"', (STATIC / "img/icons.svg").read_text("utf-8")))
    for path in TEMPLATES:
        used = re.findall(r"icon\(\"([\w-]+)\"", path.read_text("utf-8"))
        assert set(used) <= symbols, path.name


def test_vendored_libraries_carry_their_version_and_licence() -> None:
    scripts = sorted(path.name for path in (STATIC / "vendor").glob("*.js"))
    assert scripts
    for name in scripts:
        version = re.search(r"-(\d+\.\d+\.\d+)\.esm\.js$", name)
        assert version, name
        assert list((STATIC / "vendor").glob(f"*-{version[1]}.LICENSE.txt")), name


def test_a_page_allows_nothing_from_elsewhere() -> None:
    values = {"user": None, "title": "x", "message": "<b>y", "back": ""}
    response = render(request(), "error.html", values)
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'self'")
    assert "&lt;b&gt;y" in bytes(response.body).decode()
    other = render(request(), "error.html", values)
    assert other.headers["content-security-policy"] != policy, "the nonce is new for each page"


def test_the_language_is_asked_for_once_and_remembered() -> None:
    values = {"user": None, "title": "x", "message": "y", "back": ""}
    assert 'lang="zh-CN"' in bytes(render(request(), "error.html", values).body).decode()
    asked = render(request(query_string="lang=en&q=1"), "error.html", values)
    assert '<html lang="en">' in bytes(asked.body).decode()
    assert "?q=1&amp;lang=zh" in bytes(asked.body).decode()
    assert asked.headers["set-cookie"].startswith("tingjian_lang=en")
    kept = render(request(cookie="tingjian_lang=en"), "error.html", values)
    assert '<html lang="en">' in bytes(kept.body).decode()


def test_strangers_go_to_sign_in_and_come_back() -> None:
    response = error_page(request("/sop", "team=a"), AppError("unauthenticated", "x"))
    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in?next=%2Fsop%3Fteam%3Da"


def test_an_expected_failure_is_a_page_with_its_status() -> None:
    response = error_page(request(), AppError("not-found", "没有这通录音"))
    assert response.status_code == 404
    assert "没有这通录音" in bytes(response.body).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/sop?team=a", "/sop?team=a"),
        ("//elsewhere.example", "/calls"),
        ("/\\elsewhere.example", "/calls"),
        ("https://elsewhere.example", "/calls"),
        ("", "/calls"),
        (None, "/calls"),
    ],
)
def test_no_redirect_leaves_the_site(value: str | None, expected: str) -> None:
    assert local_path(value) == expected


def test_empty_fields_of_the_filter_form_do_not_count() -> None:
    given = given_filters({"q": " 分期 ", "state": "", "unknown": "x", "score_min": "60"})
    assert given == {"q": "分期", "score_min": "60"}
    where = filter_of(given)
    assert (where.q, where.score_min, where.state) == ("分期", 60.0, None)


def test_dates_without_a_zone_are_beijing_dates() -> None:
    where = filter_of({"started_from": "2026-03-02", "node_state": "开场白/问候语:missed"})
    assert where.started_from is not None
    assert where.started_from.utcoffset() == dt.timedelta(hours=8)
    assert where.node_state == ("开场白/问候语", "missed")


@pytest.mark.parametrize(
    "given",
    [{"score_min": "high"}, {"started_to": "soon"}, {"state": "lost"}, {"node_state": "missed"}],
)
def test_a_filter_that_makes_no_sense_is_named(given: dict[str, str]) -> None:
    with pytest.raises(AppError) as caught:
        filter_of(given)
    assert caught.value.code == "validation-failed"
    assert next(iter(given)) in caught.value.message


def test_numbers_read_well() -> None:
    assert [clock(ms) for ms in (None, 0, 65_999, 3_600_000)] == ["–", "0:00", "1:05", "1:00:00"]
    assert [percent(share) for share in (None, 0.0, 0.666, 1.0)] == ["–", "0%", "67%", "100%"]
    assert [number(value) for value in (None, 5, 5.25, 100.0)] == ["–", "5", "5.2", "100"]
    assert [signed(value) for value in (-5, 0, 2.5)] == ["−5", "0", "+2.5"]
    assert query({"a": "", "b": None, "c": "组"}) == "?c=%E7%BB%84"
    assert query({}) == ""
