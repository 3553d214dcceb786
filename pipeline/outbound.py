"""Outbound HTTP to addresses that users name, without opening the inside network to them."""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from core.errors import AppError

_EXCERPT_BYTES = 1000
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: the status, the first bytes of the body, the time it took."""

    status_code: int
    excerpt: str
    duration_ms: int


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allow_private: bool,
) -> Answer:
    """The receiver's answer to a POST; a redirect is an answer too and is not followed.

    The host name is resolved once, every address is checked, and the connection goes to the
    address that was checked, so that the name cannot point elsewhere a moment later. Proxy
    settings of the environment are not used.

    Raises:
        AppError: `bad-url`, `address-refused`; retryable `receiver-unreachable` and
            `receiver-timeout`.
    """
    started = time.monotonic()
    target = _parse(url)
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await _checked_addresses(target, allow_private)
            response, excerpt = await _first_answer(target, addresses, body, headers, timeout_s)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise AppError(
            "receiver-timeout", f"接收方在 {timeout_s:g} 秒内没有应答。", retryable=True
        ) from error
    except httpx.HTTPError as error:
        raise AppError(
            "receiver-unreachable",
            f"无法连接接收方：{error or type(error).__name__}。请检查地址、端口与证书。",
            retryable=True,
        ) from error
    return Answer(response.status_code, excerpt, round((time.monotonic() - started) * 1000))


def check_url(url: str) -> None:
    """Return if `url` has the form of a receiver's address; it is not resolved.

    Raises:
        AppError: `bad-url`.
    """
    _parse(url)


async def _first_answer(
    target: httpx.URL,
    addresses: Sequence[str],
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
) -> tuple[httpx.Response, str]:
    for address in addresses[:-1]:
        # Nothing was sent when the connection fails, so the next address may be tried.
        with contextlib.suppress(httpx.ConnectError):
            return await _exchange(target, address, body, headers, timeout_s)
    return await _exchange(target, addresses[-1], body, headers, timeout_s)


async def _exchange(
    target: httpx.URL,
    address: str,
    body: bytes,
    headers: Mapping[str, str],
    timeout_s: float,
) -> tuple[httpx.Response, str]:
    async with httpx.AsyncClient(
        trust_env=False, follow_redirects=False, timeout=timeout_s
    ) as client:
        request = client.build_request(
            "POST",
            target.copy_with(host=address),
            content=body,
            headers={**headers, "Host": target.netloc.decode("ascii")},
            # The certificate must be the named host's, though we connect by address.
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        response = await client.send(request, stream=True)
        try:
            received = b""
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) >= _EXCERPT_BYTES:
                    break
        finally:
            await response.aclose()
    return response, received[:_EXCERPT_BYTES].decode("utf-8", errors="replace")


def _parse(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_url() from error
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host or parsed.userinfo:
        raise _bad_url()
    return parsed


def _bad_url() -> AppError:
    return AppError(
        "bad-url", "接收地址无效。请填写 https://主机/路径 形式的地址，不带用户名和密码。"
    )


async def _checked_addresses(url: httpx.URL, allow_private: bool) -> list[str]:
    port = url.port or _DEFAULT_PORTS[url.scheme]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            url.raw_host.decode("ascii").strip("[]"), port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise AppError(
            "receiver-unreachable", f"无法解析主机名 {url.host}。请检查地址。", retryable=True
        ) from error
    addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise AppError(
                    "address-refused",
                    f"主机 {url.host} 指向内网或本机地址，已拒绝。"
                    "确需使用请设置 TINGJIAN_WEBHOOK__ALLOW_PRIVATE=true。",
                )
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Loopback, private, link-local, shared, reserved and multicast ones do not, nor do IPv6
    addresses that carry such an IPv4 address.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast
