"""The REST API as commands use it."""

import json
import mimetypes
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from core.errors import AppError

_CONNECT_S = 10.0
# A recording is hashed and stored before the server answers.
_ANSWER_S = 600.0


class ServiceClient:
    """A signed-in connection to a running service. Use as a context manager.

    Args:
        url: Where the service is (`http://host:8000`).
        api_key: `tjk_...`; None = sign in with `sign_in`.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"X-Requested-With": "tingjian"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1",
            headers=headers,
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def sign_in(self, username: str, password: str) -> None:
        """Sign in with a password.

        Raises:
            AppError: the service's own error when the password is wrong.
        """
        self._send("POST", "/session", json={"username": username, "password": password})

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `path` under /api/v1.

        Raises:
            AppError: the service's own error; `server-unreachable`.
        """
        found: dict[str, Any] = self._send("GET", path, params=dict(parameters or {})).json()
        return found

    def upload(
        self,
        files: Sequence[Path],
        metadata: Mapping[str, object],
        *,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """What became of one recording: one file, or two mono files (agent, customer).

        The keys are those of one item of the service's answer.

        Raises:
            AppError: `cannot-read` for a file; the service's own error; `server-unreachable`.
        """
        row: dict[str, object] = {**metadata, "file": files[0].name}
        if len(files) > 1:
            row["file_customer"] = files[1].name
        with ExitStack() as stack:
            try:
                parts: list[tuple[str, Any]] = [
                    ("files", (path.name, stack.enter_context(path.open("rb")), _media_type(path)))
                    for path in files
                ]
            except OSError as error:
                raise AppError(
                    "cannot-read",
                    f"读不了 {error.filename}（{error.strerror}）。请检查文件与权限。",
                ) from error
            manifest = json.dumps(row, ensure_ascii=False).encode("utf-8")
            parts.append(("manifest", ("manifest.jsonl", manifest, "application/jsonl")))
            answer = self._send(
                "POST",
                "/calls",
                files=parts,
                params={"dry_run": "true"} if dry_run else {},
            ).json()
        result: dict[str, Any] = answer["results"][0]
        return result

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise AppError(
                "server-unreachable",
                f"连不上 {self._url}（{type(error).__name__}）。请检查地址，或先运行 tingjian up。",
                retryable=True,
            ) from error
        if answer.is_success:
            return answer
        raise _service_error(answer)


def _service_error(answer: httpx.Response) -> AppError:
    try:
        error = answer.json()["error"]
        return AppError(error["code"], error["message"], detail=error.get("detail") or {})
    except (ValueError, KeyError, TypeError):
        return AppError(
            "server-error",
            f"服务返回了 {answer.status_code}，不是听鉴的回答。请检查 --url 与中间的代理。",
        )


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
