"""The endpoint: any server that speaks the OpenAI chat completions protocol."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from core.errors import AppError
from core.settings import JudgeSettings
from pipeline.judging.prompt import response_format

_MOST_BYTES = 1_000_000
_PASSING = (408, 409, 425, 429)


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote, and the tokens it cost as far as the server tells (else 0)."""

    content: str
    prompt_tokens: int
    completion_tokens: int


class Endpoint:
    """A chat completions endpoint; use as an async context manager.

    Proxies of the environment are not used and redirects not followed: transcripts go to the
    configured address and nowhere else.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        headers = {"User-Agent": "tingjian-judge/1"}
        if settings.api_key is not None:
            headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"
        self._client = httpx.AsyncClient(
            headers=headers, trust_env=False, follow_redirects=False, timeout=settings.timeout_s
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def complete(self, messages: Sequence[dict[str, str]]) -> Completion:
        """The model's answer to the messages, within `judge.timeout_s` from first to last byte.

        Raises:
            AppError: retryable `judge-timeout`, `judge-unreachable`, `judge-busy`,
                `judge-malformed`; `judge-refused` when asking again will not help.
        """
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": list(messages),
            "temperature": 0,
            "max_tokens": settings.max_output_tokens,
        }
        wanted = response_format(settings.response_format)
        if wanted is not None:
            body["response_format"] = wanted
        try:
            async with asyncio.timeout(settings.timeout_s):
                status, answer = await self._post(body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise AppError(
                "judge-timeout", f"语言模型在 {settings.timeout_s:g} 秒内没有答完。", retryable=True
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AppError(
                "judge-unreachable",
                f"无法连接语言模型 {settings.base_url}：{error or type(error).__name__}。"
                "请检查 TINGJIAN_JUDGE__BASE_URL。",
                retryable=True,
            ) from error
        if status != 200:
            raise _refused(status, answer)
        return _completion(answer)

    async def _post(self, body: dict[str, Any]) -> tuple[int, bytes]:
        url = f"{self._settings.base_url.rstrip('/')}/chat/completions"
        async with self._client.stream("POST", url, json=body) as response:
            received = b""
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > _MOST_BYTES:
                    raise AppError(
                        "judge-malformed",
                        "语言模型的回答超过 1 MB，已放弃。请检查该服务。",
                        retryable=True,
                    )
            return response.status_code, received


def _refused(status: int, answer: bytes) -> AppError:
    excerpt = answer[:200].decode("utf-8", errors="replace")
    if status >= 500 or status in _PASSING:
        return AppError(
            "judge-busy", f"语言模型暂时不可用（HTTP {status}）：{excerpt}", retryable=True
        )
    return AppError(
        "judge-refused",
        f"语言模型拒绝了请求（HTTP {status}）：{excerpt}。请检查 TINGJIAN_JUDGE__ 的地址、密钥、"
        "模型名与 RESPONSE_FORMAT。",
    )


def _completion(answer: bytes) -> Completion:
    try:
        document = json.loads(answer)
        content = document["choices"][0]["message"]["content"]
        usage = document.get("usage") or {}
        if not isinstance(content, str):
            raise TypeError
        return Completion(
            content, int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise AppError(
            "judge-malformed",
            "语言模型服务的应答不是 chat completions 格式。请检查 TINGJIAN_JUDGE__BASE_URL"
            "（通常以 /v1 结尾）。",
            retryable=True,
        ) from error
