"""Which addresses webhooks may go to, and how delays grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import AppError
from core.settings import WebhookSettings
from pipeline.delivery import retry_delay_s
from pipeline.outbound import check_url, is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_inside_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "https://u:p@host/",
     "http://[::1/", "javascript:alert(1)"],
)  # fmt: skip
def test_other_addresses_than_http_are_refused(url: str) -> None:
    with pytest.raises(AppError) as caught:
        check_url(url)
    assert caught.value.code == "bad-url"


@pytest.mark.parametrize("url", ["https://example.com/hook", "http://[2001:db8::1]:8080/x?y=1"])
def test_http_addresses_are_accepted(url: str) -> None:
    check_url(url)


@given(
    attempt=st.integers(1, 40),
    jitter=st.floats(0, 1, exclude_max=True),
    base_s=st.floats(0.001, 3600),
)
def test_delays_grow_and_stay_bounded(attempt: int, jitter: float, base_s: float) -> None:
    settings = WebhookSettings(retry_base_s=base_s)
    delay = retry_delay_s(settings, attempt, jitter)
    assert min(base_s, 12 * 3600) <= delay <= 12 * 3600 * 1.2
    assert retry_delay_s(settings, attempt + 1, jitter) >= delay
