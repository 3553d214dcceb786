"""The ASGI application: REST under /api/v1, pages at /, one error shape, one edge."""

from typing import Any

from fastapi import FastAPI

from api.errors import install_error_handlers
from api.middleware import EdgeMiddleware
from api.openapi import unpack
from api.services import Services
from api.throttle import SignInThrottle
from api.v1.router import TAGS
from api.v1.router import router as v1_router
from api.version import version
from api.web.accuracy_routes import router as accuracy_router
from api.web.audit_routes import router as audit_router
from api.web.correction_routes import router as correction_router
from api.web.documents_routes import router as documents_router
from api.web.learning_routes import router as learning_router
from api.web.review_routes import router as review_router
from api.web.routes import router as web_router
from api.web.runs_routes import router as runs_router
from api.web.settings_routes import router as settings_router
from core.settings import Settings
from models.database import Database
from pipeline.storage import BlobStore

_DESCRIPTION = """\
听鉴：电话销售录音的转写、关键事件、SOP 执行与质检。

* **认证**：程序用 `Authorization: Bearer tjk_…`；浏览器用登录后的 Cookie。
* **错误**：都是 `{"error": {"code", "message", "detail"}}`，`code` 不会变，`message` 说明如何解决。
* **分页**：带上 `next_cursor` 取下一页；翻页期间有新数据也不会重复或遗漏。
* **时间**：通话内的时间是整数毫秒，左闭右开；日期时间是 ISO 8601。
"""


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document, examples in place."""
        document: dict[str, Any] = unpack(super().openapi())
        return document


def create_app(settings: Settings, database: Database, store: BlobStore) -> FastAPI:
    """The application on these collaborators, which the caller opens and closes."""
    app = _Api(
        title="听鉴 API",
        version=version(),
        description=_DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        openapi_tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    app.state.services = Services(settings, database, store)
    app.state.throttle = SignInThrottle()
    install_error_handlers(app)
    app.include_router(v1_router)
    app.include_router(web_router)
    app.include_router(review_router)
    app.include_router(correction_router)
    app.include_router(accuracy_router)
    app.include_router(settings_router)
    app.include_router(audit_router)
    app.include_router(learning_router)
    app.include_router(documents_router)
    app.include_router(runs_router)
    app.add_middleware(EdgeMiddleware)
    return app
