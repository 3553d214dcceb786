import uuid

import pytest
from starlette.requests import Request

from api.errors import STATUS, error_response, status_of
from api.openapi import packed, unpack
from api.principal import Principal, effective_scopes
from api.same_origin import require_same_origin
from api.scope import CallScope
from api.throttle import SignInThrottle
from core.errors import AppError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def blocked(throttle: SignInThrottle, name: str = "li", address: str = "1.1.1.1") -> int:
    try:
        throttle.attempt(name, address)
    except AppError as error:
        refusal = error
    else:
        return 0
    assert refusal.code == "too-many-attempts"
    seconds = refusal.detail["retry_after_s"]
    assert isinstance(seconds, int)
    return seconds


def test_throttle_slides_with_time() -> None:
    clock = Clock()
    throttle = SignInThrottle(per_name=3, per_address=100, window_s=60, clock=clock)
    for _ in range(3):
        assert blocked(throttle) == 0
        clock.now += 10
    assert blocked(throttle) == 30
    assert blocked(throttle, "LI") == 30
    assert blocked(throttle, address="2.2.2.2") == 0
    assert blocked(throttle, "wang") == 0
    clock.now += 30
    assert blocked(throttle) == 0
    assert blocked(throttle) == 10


def test_success_forgets_failures() -> None:
    throttle = SignInThrottle(per_name=2, per_address=3, clock=Clock())
    for _ in range(10):
        assert blocked(throttle) == 0
        throttle.succeeded("li", "1.1.1.1")
    assert blocked(throttle) == 0
    assert blocked(throttle) == 0
    assert blocked(throttle) > 0


def test_one_address_cannot_try_many_names() -> None:
    throttle = SignInThrottle(per_name=5, per_address=3, clock=Clock())
    assert [blocked(throttle, f"user{n}") > 0 for n in range(4)] == [False, False, False, True]


def request(method: str, **headers: str) -> Request:
    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "headers": raw})


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "https://a.test", "host": "a.test"}, False),
        ({"origin": "https://a.test:8000", "host": "a.test:8000"}, True),
        ({"origin": "https://a.test", "host": "a.test:8000"}, False),
        ({"origin": "https://a.test.evil.test", "host": "a.test"}, False),
        ({"origin": "null", "host": "a.test"}, False),
        ({"sec_fetch_site": "cross-site", "x_requested_with": "tingjian"}, True),
        ({"sec_fetch_site": "cross-site", "x_requested_with": "XMLHttpRequest"}, False),
    ],
)
def test_cross_site_requests(headers: dict[str, str], allowed: bool) -> None:
    require_same_origin(request("GET", **headers))
    if allowed:
        require_same_origin(request("POST", **headers))
        return
    with pytest.raises(AppError) as caught:
        require_same_origin(request("POST", **headers))
    assert caught.value.code == "cross-site-request"


def principal(role: str, teams: tuple[str, ...] = (), agent: str | None = None) -> Principal:
    return Principal(
        user_id=uuid.UUID(int=1),
        username="u",
        display_name="u",
        role=role,
        teams=teams,
        agent=agent,
        scopes=effective_scopes(role),
    )


def test_roles_see_what_is_theirs() -> None:
    me = uuid.UUID(int=1)
    nothing = CallScope(teams=frozenset(), reader=me)
    assert principal("admin").call_scope == CallScope(reader=me)
    assert principal("reviewer").call_scope.unlimited
    assert principal("manager", ("甲",)).call_scope == CallScope(teams=frozenset({"甲"}), reader=me)
    assert principal("manager").call_scope == nothing
    assert principal("agent", agent="张敏").call_scope == CallScope(agent="张敏", reader=me)
    assert principal("agent").call_scope == nothing
    assert principal("visitor").call_scope == nothing
    assert not nothing.unlimited


def test_a_key_never_exceeds_its_role() -> None:
    assert effective_scopes("agent", ["read", "write", "admin"]) == {"read"}
    assert effective_scopes("admin", ["read"]) == {"read"}
    assert effective_scopes("admin", []) == frozenset()
    assert effective_scopes("visitor") == frozenset()


def test_unlisted_codes_are_about_the_content() -> None:
    assert status_of("bad-tree") == 422
    assert all(400 <= status < 600 for status in STATUS.values())


def test_errors_carry_the_headers_of_their_status() -> None:
    slow = error_response(AppError("too-many-attempts", "等", detail={"retry_after_s": 9}))
    assert slow.headers["retry-after"] == "9"
    range_ = error_response(AppError("range-not-satisfiable", "x", detail={"size_bytes": 5}))
    assert range_.headers["content-range"] == "bytes */5"
    assert error_response(AppError("unauthenticated", "x")).headers["www-authenticate"]


def test_packed_examples_keep_their_nulls() -> None:
    example = {"a": None, "b": [1, "中"]}
    assert unpack({"x": [{"example": packed(example)}]}) == {"x": [{"example": example}]}
