"""Reading versions: lists, one version as JSON or YAML, differences."""

import json
from typing import Annotated, Any, Literal

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from api.auth import Reader
from api.documents.noun import DocumentNoun, missing, name_path, stored_version, version_path
from api.documents.operations import differences
from api.documents.schemas import (
    DocumentDiff,
    DocumentList,
    DocumentVersion,
    DocumentVersions,
    difference,
    summaries,
    summary,
)
from api.openapi import answers, shows
from api.services import SessionDep
from models import versions
from models.audit import record

YAML_TYPE = "application/yaml"
_DIFFERENCE = {
    "kind": "changed",
    "key": "open/hello",
    "name": "开场白/问候",
    "fields": [
        {
            "field": "match.keywords",
            "before": "",
            "after": "",
            "added": ["早上好"],
            "removed": [],
        }
    ],
}


def add_reading(router: APIRouter, noun: DocumentNoun) -> None:
    """The operations that change nothing."""
    listed = {
        "name": noun.example.name,
        "domain": noun.example.domain,
        "published_version": 2,
        "latest_version": 2,
        "versions": 2,
    }
    named = name_path(noun)

    @router.get(
        "",
        response_model=DocumentList,
        summary=f"{noun.title}列表",
        description=f"列出全部{noun.title}，以及各自正在使用的版本。",
        responses=answers({"items": [listed]}),
        operation_id=f"list_{noun.kind}s",
    )
    async def list_documents(_principal: Reader, session: SessionDep) -> DocumentList:
        rows = await versions.list_versions(session, noun.kind)
        return DocumentList(items=list(summaries(rows)))

    @router.get(
        "/{name}",
        response_model=DocumentVersions,
        summary=f"{noun.title}的版本",
        description="从新到旧列出一个名称下的全部版本。",
        responses=answers(
            {"name": noun.example.name, "versions": [noun.example.version()]},
            errors=["not-found"],
        ),
        operation_id=f"list_{noun.kind}_versions",
    )
    async def list_document_versions(
        name: Annotated[str, named], _principal: Reader, session: SessionDep
    ) -> DocumentVersions:
        rows = await versions.list_versions(session, noun.kind, name)
        if not rows:
            raise missing(noun)
        return DocumentVersions(name=name, versions=[summary(row) for row in rows])

    @router.get(
        "/{name}/versions/{version}",
        response_model=DocumentVersion,
        summary=f"{noun.title}的一个版本",
        description=(
            "默认返回 JSON；`?format=yaml` 或请求头 `Accept: application/yaml` 返回 YAML 原文。"
        ),
        responses=answers(
            {
                **noun.example.version(),
                "document": noun.example.stored,
                "content": yaml.safe_load(noun.example.stored),
            },
            errors=["not-found"],
        ),
        operation_id=f"read_{noun.kind}_version",
    )
    async def read_document_version(
        name: Annotated[str, named],
        version: Annotated[int, version_path()],
        request: Request,
        principal: Reader,
        session: SessionDep,
        format: Annotated[
            Literal["json", "yaml"] | None, Query(description="返回格式", **shows(yaml="yaml"))
        ] = None,
    ) -> Response:
        row = await stored_version(session, noun, name, version)
        if format == "yaml" or (format is None and _wants_yaml(request)):
            of = f"{row.name}@{row.version}"
            record(session, principal.actor, f"{noun.kind}.exported", noun.kind, of)
            return Response(row.document, media_type=f"{YAML_TYPE}; charset=utf-8")
        body = DocumentVersion(
            **summary(row).model_dump(), document=row.document, content=_content(row.document)
        )
        return JSONResponse(body.model_dump(mode="json"))

    @router.get(
        "/{name}/diff",
        response_model=DocumentDiff,
        summary=f"{noun.title}两个版本的差异",
        description="按节点或规则列出新增、删除与修改的字段；版面与注释的变化不算差异。",
        responses=answers(
            {"name": noun.example.name, "old": 1, "new": 2, "changes": [_DIFFERENCE]},
            errors=["not-found"],
        ),
        operation_id=f"diff_{noun.kind}_versions",
    )
    async def diff_versions(
        name: Annotated[str, named],
        _principal: Reader,
        session: SessionDep,
        old: Annotated[int, Query(ge=1, le=2**31 - 1, description="旧版本", **shows(first=1))],
        new: Annotated[int, Query(ge=1, le=2**31 - 1, description="新版本", **shows(second=2))],
    ) -> DocumentDiff:
        found = await differences(session, noun, name, old, new)
        return DocumentDiff(
            name=name, old=old, new=new, changes=[difference(change) for change in found]
        )


def _content(document: str) -> dict[str, Any]:
    # Dates that YAML recognises become text, as they were written.
    content: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(document), default=str))
    return content


def _wants_yaml(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "yaml" in accepted and "json" not in accepted
