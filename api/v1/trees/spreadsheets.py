"""Key-event trees as spreadsheets: one version out, a draft in."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response, status

from api.auth import Editor, Reader
from api.documents.noun import DocumentNoun, name_path, stored_version, version_path
from api.documents.operations import save_new
from api.documents.schemas import DraftResult
from api.documents.writing import draft_result, limited_body
from api.openapi import answers, shows
from api.services import SessionDep
from events.document import parse_tree
from events.dumping import dump_tree
from events.spreadsheet import MAX_BYTES, tree_from_spreadsheet, tree_to_spreadsheet
from models.audit import record

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FILE = {
    XLSX: {"schema": {"type": "string", "format": "binary"}, "example": "PK…（xlsx 文件的字节）"}
}


def add_spreadsheets(router: APIRouter, noun: DocumentNoun) -> None:
    """The two operations."""
    named = name_path(noun)

    @router.get(
        "/{name}/versions/{version}/spreadsheet",
        summary="导出为电子表格",
        description=(
            "xlsx：每个节点一行，列表一行一条；改好后用 `POST /trees/spreadsheet` 变成草稿。"
            "单元格放不下的内容会指明位置并拒绝，不会悄悄丢失。"
        ),
        response_class=Response,
        responses={
            **answers(errors=["not-found", "not-in-spreadsheet"]),
            200: {"description": "xlsx 文件", "content": _FILE},
        },
        operation_id="export_tree_spreadsheet",
    )
    async def export_spreadsheet(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        principal: Reader,
        session: SessionDep,
    ) -> Response:
        row = await stored_version(session, noun, name, version)
        record(session, principal.actor, "tree.exported", "tree", f"{name}@{version}")
        tree = parse_tree(row.document, row.name)
        content = await asyncio.to_thread(tree_to_spreadsheet, tree)
        file_name = quote(f"{name}-v{version}.xlsx")
        return Response(
            content,
            media_type=XLSX,
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{file_name}"},
        )

    @router.post(
        "/spreadsheet",
        status_code=status.HTTP_201_CREATED,
        response_model=DraftResult,
        summary="从电子表格新建草稿",
        description="请求体是 xlsx 文件。读不懂的行逐条给出表名、行号与改法（detail.rows）。",
        responses=answers(
            {"version": noun.example.version("draft"), "issues": []},
            status=201,
            description="已保存为草稿",
            errors=["bad-spreadsheet", "too-large"],
        ),
        openapi_extra={
            "requestBody": {
                "required": True,
                "description": "xlsx 文件",
                "content": _FILE,
            }
        },
        operation_id="import_tree_spreadsheet",
    )
    async def import_spreadsheet(
        request: Request,
        principal: Editor,
        session: SessionDep,
        dry_run: Annotated[
            bool, Query(description="true 时只检查，不保存", **shows(check=False))
        ] = False,
    ) -> DraftResult:
        content = await limited_body(request, MAX_BYTES)
        tree = await asyncio.to_thread(tree_from_spreadsheet, content)
        saved = await save_new(session, noun, dump_tree(tree), principal, dry_run=dry_run)
        return draft_result(saved)
