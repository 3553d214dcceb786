"""Errors at the HTTP edge: one JSON shape, and the one place that chooses HTTP statuses."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError
from starlette.exceptions import HTTPException

from core.errors import AppError

log = logging.getLogger(__name__)

STATUS: Mapping[str, HTTPStatus] = {
    # Who is asking
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "bad-credentials": HTTPStatus.UNAUTHORIZED,
    "wrong-password": HTTPStatus.FORBIDDEN,
    "forbidden": HTTPStatus.FORBIDDEN,
    "out-of-scope": HTTPStatus.FORBIDDEN,
    "cross-site-request": HTTPStatus.FORBIDDEN,
    "too-many-attempts": HTTPStatus.TOO_MANY_REQUESTS,
    # What is asked for
    "not-found": HTTPStatus.NOT_FOUND,
    "not-ready": HTTPStatus.CONFLICT,
    "not-transcribed": HTTPStatus.CONFLICT,
    "not-failed": HTTPStatus.CONFLICT,
    "fix-not-applicable": HTTPStatus.CONFLICT,
    "username-taken": HTTPStatus.CONFLICT,
    "review-state": HTTPStatus.CONFLICT,
    "review-locked": HTTPStatus.CONFLICT,
    "review-conflict": HTTPStatus.CONFLICT,
    "review-incomplete": HTTPStatus.CONFLICT,
    "review-refused": HTTPStatus.FORBIDDEN,
    "sample-exists": HTTPStatus.CONFLICT,
    "calibration-exists": HTTPStatus.CONFLICT,
    "calibration-closed": HTTPStatus.CONFLICT,
    "blind-calibration": HTTPStatus.CONFLICT,
    "last-admin": HTTPStatus.CONFLICT,
    "blob-missing": HTTPStatus.NOT_FOUND,
    "not-publishable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not-published": HTTPStatus.CONFLICT,
    "not-a-draft": HTTPStatus.CONFLICT,
    "edit-conflict": HTTPStatus.CONFLICT,
    "last-published": HTTPStatus.CONFLICT,
    "head-not-offered": HTTPStatus.CONFLICT,
    "no-proposals": HTTPStatus.CONFLICT,
    "method-not-allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    # How it is asked
    "bad-request": HTTPStatus.BAD_REQUEST,
    "bad-cursor": HTTPStatus.BAD_REQUEST,
    "bad-multipart": HTTPStatus.BAD_REQUEST,
    "validation-failed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "bad-correction": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "file-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "range-not-satisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "unsupported-media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    # What happened here
    "internal-error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "database-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "storage-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}

# What plain HTTP errors of the framework are called in the contract.
_CODES: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", "请求无法解析，请检查请求格式。"),
    401: ("unauthenticated", "请先登录，或带上 API 密钥（Authorization: Bearer tjk_…）。"),
    403: ("forbidden", "当前账号没有这项权限，请联系管理员。"),
    404: ("not-found", "没有这个地址，请对照 /api/v1/openapi.json 检查路径。"),
    405: ("method-not-allowed", "这个地址不支持该请求方法，请查看响应头 Allow。"),
    413: ("too-large", "请求体过大，请分批上传。"),
    415: ("unsupported-media-type", "不支持这种内容类型，请检查 Content-Type。"),
}


class ErrorBody(BaseModel):
    """What went wrong. `code` is stable; `message` names the fix; `detail` is for machines."""

    code: str = Field(description="稳定的错误代码（kebab-case）。", examples=["not-found"])
    message: str = Field(description="给人看的一句话，说明如何解决。", examples=["没有这通录音。"])
    detail: dict[str, Any] = Field(default_factory=dict, description="给程序看的补充信息。")


class ErrorResponse(BaseModel):
    """The shape of every error response."""

    error: ErrorBody


def status_of(code: str) -> HTTPStatus:
    """The HTTP status of an `AppError.code`.

    Codes of the domain that are not listed (a tree that does not parse, audio that is not audio)
    are about the content of the request: 422.
    """
    return STATUS.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)


def error_body(
    code: str, message: str, detail: Mapping[str, object] | None = None
) -> dict[str, object]:
    """`{"error": {"code", "message", "detail"}}`."""
    return {"error": {"code": code, "message": message, "detail": dict(detail or {})}}


def error_response(error: AppError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The response for an expected failure; 401 names the schemes that would be accepted."""
    status = status_of(error.code)
    extra = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", 'Bearer realm="tingjian"')
    retry_after = error.detail.get("retry_after_s")
    if isinstance(retry_after, int):
        extra.setdefault("Retry-After", str(retry_after))
    total = error.detail.get("size_bytes")
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and isinstance(total, int):
        extra.setdefault("Content-Range", f"bytes */{total}")
    return JSONResponse(
        error_body(error.code, error.message, error.detail),
        status_code=status,
        headers=extra,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Give every failure of `app`, the framework's own included, the one JSON shape."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_database_error)
    app.add_exception_handler(DataError, _on_data_error)


def unexpected_response(request: Request, error: Exception) -> JSONResponse:
    """The 500 for a defect: logged with its traceback, answered without any of it."""
    request_id = getattr(request.state, "request_id", "")
    log.error(
        "unexpected error",
        extra={"path": request.url.path, "request_id": request_id},
        exc_info=error,
    )
    return error_response(
        AppError(
            "internal-error",
            f"服务内部错误，请稍后重试；如仍出现，请把编号 {request_id} 告诉管理员。",
            detail={"request_id": request_id},
        )
    )


async def _on_app_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AppError)
    return error_response(error)


async def _on_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return error_response(invalid_request(error))


def invalid_request(error: RequestValidationError) -> AppError:
    """What the framework refused of a request, as the one kind of error."""
    places = [
        {"at": [str(part) for part in entry["loc"]], "message": str(entry["msg"])}
        for entry in error.errors()[:20]
    ]
    first = places[0] if places else {"at": [], "message": ""}
    place = ".".join(first["at"])
    message = f"参数 {place} 不正确：{first['message']}。请更正后重试。"
    return AppError("validation-failed", message, detail={"errors": places})


async def _on_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, message = _CODES.get(
        error.status_code,
        ("internal-error", "服务出错。") if error.status_code >= 500 else _CODES[400],
    )
    return JSONResponse(
        error_body(code, message), status_code=error.status_code, headers=error.headers
    )


async def _on_database_error(request: Request, error: Exception) -> JSONResponse:
    log.error("database unavailable", extra={"path": request.url.path}, exc_info=error)
    return error_response(
        AppError("database-unavailable", "数据库暂时不可用，请稍后重试。", retryable=True)
    )


async def _on_data_error(_request: Request, _error: Exception) -> JSONResponse:
    # Values that no column can hold: NUL characters, numbers and times out of range.
    return error_response(
        AppError("validation-failed", "含有无法保存的字符或超出范围的数值，请更正后重试。")
    )
