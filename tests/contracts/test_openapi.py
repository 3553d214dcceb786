"""The OpenAPI document is complete, and its examples are examples of its schemas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.app import create_app
from api.errors import STATUS
from api.v1.router import TAGS
from core.settings import Settings
from models.database import Database
from pipeline.storage import open_store

METHODS = ("get", "put", "post", "patch", "delete")
OPEN = {("get", "/api/v1/health"), ("get", "/api/v1/ready"), ("post", "/api/v1/session")}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=folder)
    # Nothing connects: the document is made from the code alone.
    app = create_app(settings, Database("postgresql:///nowhere"), open_store(settings))
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method} {path}", item[method]


def examples(content: dict[str, Any]) -> list[Any]:
    found = [content["example"]] if "example" in content else []
    return found + [entry["value"] for entry in content.get("examples", {}).values()]


def assert_valid(document: dict[str, Any], schema: dict[str, Any], example: Any, at: str) -> None:
    # References are written from the root of the document: give the schema its components.
    rooted = {**schema, "components": document["components"]}
    errors = list(Draft202012Validator(rooted).iter_errors(example))
    assert not errors, f"{at}: {[(list(e.absolute_path), e.message[:200]) for e in errors[:5]]}"


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"]
    schemes = document["components"]["securitySchemes"]
    assert schemes["session"] == {
        "type": "apiKey",
        "in": "cookie",
        "name": "tingjian_session",
        "description": schemes["session"]["description"],
    }
    assert schemes["apiKey"]["type"] == "http"
    assert schemes["apiKey"]["scheme"] == "bearer"
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert not name.startswith("Body_"), "forms are documented by hand"


def test_tags_are_described_and_in_order(document: dict[str, Any]) -> None:
    listed = [tag["name"] for tag in document["tags"]]
    assert listed == [tag["name"] for tag in TAGS]
    used = list(dict.fromkeys(op["tags"][0] for _, op in operations(document)))
    assert used == listed
    assert all(len(op["tags"]) == 1 for _, op in operations(document))


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = [op["operationId"] for _, op in operations(document)]
    assert len(ids) == len(set(ids)) > 25
    for at, op in operations(document):
        assert op.get("summary"), at
        assert op.get("description"), at
        for parameter in op.get("parameters", ()):
            where = f"{at} {parameter['name']}"
            assert parameter.get("description"), where


def test_every_operation_but_the_open_ones_names_both_schemes(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, op in item.items():
            names = {name for entry in op.get("security", ()) for name in entry}
            expected = set() if (method, path) in OPEN else {"session", "apiKey"}
            assert names == expected, f"{method} {path}"


def test_every_operation_documents_its_refusals_in_the_one_shape(
    document: dict[str, Any],
) -> None:
    for at, op in operations(document):
        method, path = at.split(" ")
        statuses = {status for status in op["responses"] if status >= "4"}
        if (method, path) not in OPEN:
            assert {"401", "403"} <= statuses, at
        if op.get("parameters") or "requestBody" in op:
            assert statuses & {"400", "422"}, at
        if "{" in path:
            assert "404" in statuses, at
        for status in statuses - {"503"}:
            content = op["responses"][status]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorResponse"}, at
            for value in examples(content):
                code = value["error"]["code"]
                assert int(STATUS.get(code, 422)) == int(status), f"{at} {code}"


def test_every_answer_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for at, op in operations(document):
        for status, response in op["responses"].items():
            if status in ("204", "304"):
                assert "content" not in response, f"{at} {status}"
                continue
            for media_type, content in response["content"].items():
                where = f"{at} {status} {media_type}"
                assert examples(content), where
                assert content.get("schema"), where
                for example in examples(content):
                    assert_valid(document, content["schema"], example, where)


def test_every_body_and_parameter_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for at, op in operations(document):
        for media_type, content in op.get("requestBody", {}).get("content", {}).items():
            assert examples(content), at
            for example in examples(content):
                assert_valid(document, content["schema"], example, f"{at} {media_type}")
        for parameter in op.get("parameters", ()):
            where = f"{at} {parameter['name']}"
            assert examples(parameter), where
            for example in examples(parameter):
                assert_valid(document, parameter["schema"], example, where)


def test_bodies_are_documented_where_they_are_expected(document: dict[str, Any]) -> None:
    silent = {
        "/calls/{call_id}/reanalyze",
        "/calls/{call_id}/retry",
        "/webhook-endpoints/{endpoint_id}/test",
        "/webhook-deliveries/{message_id}/replay",
        "/trees/{name}/versions/{version}/archive",
        "/trees/{name}/versions/{version}/nodes",
        "/trees/{name}/heads",
        "/trees/{name}/heads/{number}/accept",
        "/trees/{name}/heads/retire",
        "/rule-sets/{name}/versions/{version}/archive",
        "/runs/{run_id}/cancel",
        "/appeals/{appeal_id}/withdrawal",
        "/reviews/next",
        "/review-samples/{sample_id}/draw",
        "/calibrations/{calibration_id}/closing",
    }
    for at, op in operations(document):
        method, path = at.split(" ")
        if method in ("post", "patch", "put"):
            expected = path.removeprefix("/api/v1") not in silent
            assert ("requestBody" in op) == expected, at
