from typing import Any

import httpx
import pytest
import yaml

from api.v1.rule_sets.examples import RULE_SET
from api.v1.trees.examples import TREE

KINDS = [("trees", TREE), ("rule-sets", RULE_SET)]


async def draft(client: httpx.AsyncClient, path: str, document: str, **query: Any) -> Any:
    return await client.post(
        f"/api/v1/{path}",
        content=document.encode(),
        params=query,
        headers={"Content-Type": "application/yaml"},
    )


async def edit(
    client: httpx.AsyncClient, path: str, name: str, version: int, document: str, revision: int
) -> Any:
    return await client.put(
        f"/api/v1/{path}/{name}/versions/{version}",
        content=document.encode(),
        params={"revision": revision},
        headers={"Content-Type": "application/yaml"},
    )


@pytest.mark.parametrize(("path", "example"), KINDS)
async def test_shipped_documents_are_listed(admin: httpx.AsyncClient, path: str, example) -> None:
    items = (await admin.get(f"/api/v1/{path}")).json()["items"]
    names = {item["name"] for item in items}
    assert {"电销通用", "职业教育", "保险"} <= names
    assert all(item["published_version"] == item["latest_version"] == 1 for item in items)


@pytest.mark.parametrize(("path", "example"), KINDS)
async def test_from_draft_to_published_and_back(
    admin: httpx.AsyncClient, path: str, example
) -> None:
    made = await draft(admin, path, example.text)
    assert made.status_code == 201, made.text
    assert made.json()["version"]["version"] == 1
    assert made.json()["version"]["state"] == "draft"
    assert [issue for issue in made.json()["issues"] if issue["severity"] == "error"] == []
    name = made.json()["version"]["name"]
    base = f"/api/v1/{path}/{name}"

    first = await admin.post(f"{base}/versions/1/publish")
    assert first.status_code == 200, first.text
    assert first.json()["state"] == "published"
    before = (await admin.get(f"{base}/versions/1", params={"format": "yaml"})).text

    # A published version is never changed: the same name again is the next version.
    second = await draft(admin, path, example.text + "description: 第二版\n")
    assert second.json()["version"]["version"] == 2
    assert (await admin.get(base)).json()["versions"][1]["state"] == "published"
    await admin.post(f"{base}/versions/2/publish")
    states = [row["state"] for row in (await admin.get(base)).json()["versions"]]
    assert states == ["published", "archived"]
    after = (await admin.get(f"{base}/versions/1", params={"format": "yaml"})).text
    assert after == before
    refused = await edit(admin, path, name, 1, example.text, 1)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "not-a-draft"
    for method in ("PATCH", "DELETE"):
        refused = await admin.request(method, f"{base}/versions/1", content=b"x")
        assert refused.status_code == 405
        assert refused.json()["error"]["code"] == "method-not-allowed"

    rolled_back = await admin.post(f"{base}/versions/1/publish")
    assert rolled_back.json()["state"] == "published"
    states = [row["state"] for row in (await admin.get(base)).json()["versions"]]
    assert states == ["archived", "published"]


@pytest.mark.parametrize(("path", "example"), KINDS)
async def test_yaml_or_json(admin: httpx.AsyncClient, path: str, example) -> None:
    await draft(admin, path, example.text)
    url = f"/api/v1/{path}/{example.name}/versions/1"
    as_json = (await admin.get(url)).json()
    # The pack that the example extends is written out, so that the version stands alone.
    assert "extends" not in as_json["content"]
    assert as_json["content"] == yaml.safe_load(as_json["document"])
    accepted = await admin.get(url, headers={"Accept": "application/yaml"})
    assert accepted.headers["content-type"].startswith("application/yaml")
    assert accepted.text == as_json["document"]
    again = await draft(admin, path, as_json["document"])
    assert again.json()["version"]["version"] == 2
    second = await admin.get(f"/api/v1/{path}/{example.name}/versions/2?format=yaml")
    assert second.text == as_json["document"]


@pytest.mark.parametrize(
    ("path", "document", "code"),
    [
        ("trees", "tree: 树\nnodes:\n  - {name: 没有 key}\n", "bad-tree"),
        ("trees", "tree: [", "bad-tree"),
        ("rule-sets", "ruleset: 规则\nrules:\n  - {id: x}\n", "bad-rules"),
        ("trees", "", "bad-document"),
        ("rule-sets", "a: \x00", "bad-document"),
    ],
)
async def test_a_document_that_does_not_parse_is_not_stored(
    admin: httpx.AsyncClient, path: str, document: str, code: str
) -> None:
    before = (await admin.get(f"/api/v1/{path}")).json()
    response = await draft(admin, path, document)
    assert response.status_code == 422, response.text
    assert response.json()["error"]["code"] == code
    if code != "bad-document":
        assert response.json()["error"]["detail"]["line"] >= 1
    assert (await admin.get(f"/api/v1/{path}")).json() == before


async def test_a_draft_with_errors_is_kept_but_not_published(admin: httpx.AsyncClient) -> None:
    broken = RULE_SET.text.replace("category: 违规红线", "category: 没有声明的类别")
    made = await draft(admin, "rule-sets", broken)
    assert made.status_code == 201
    errors = [issue for issue in made.json()["issues"] if issue["severity"] == "error"]
    assert errors[0]["code"] == "unknown-category"
    refused = await admin.post(f"/api/v1/rule-sets/{RULE_SET.name}/versions/1/publish")
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "not-publishable"
    assert refused.json()["error"]["detail"]["issues"][0]["code"] == "unknown-category"
    listed = (await admin.get(f"/api/v1/rule-sets/{RULE_SET.name}")).json()
    assert listed["versions"][0]["state"] == "draft"


async def test_a_dry_run_only_lints(admin: httpx.AsyncClient) -> None:
    response = await draft(admin, "trees", TREE.text, dry_run=True)
    assert response.json()["version"] is None
    assert (await admin.get(f"/api/v1/trees/{TREE.name}")).status_code == 404


async def test_who_may_write_and_who_may_publish(as_user) -> None:
    manager = await as_user(role="manager", teams=["甲组"])
    agent = await as_user(role="agent", agent="张敏")
    assert (await draft(manager, "trees", TREE.text)).status_code == 201
    url = f"/api/v1/trees/{TREE.name}/versions/1/publish"
    assert (await manager.post(url)).status_code == 403
    assert (await draft(agent, "trees", TREE.text)).status_code == 403
    assert (await agent.get(f"/api/v1/trees/{TREE.name}")).status_code == 200


async def test_a_document_over_the_limit_is_refused(admin: httpx.AsyncClient) -> None:
    response = await draft(admin, "trees", "#" * ((4 << 20) + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too-large"


@pytest.mark.parametrize(("path", "example"), KINDS)
async def test_a_draft_is_edited_by_one_at_a_time(as_user, path: str, example) -> None:
    wang = await as_user("wang", role="manager", teams=["甲组"])
    li = await as_user("li", role="manager", teams=["乙组"])
    made = (await draft(wang, path, example.text)).json()["version"]
    assert (made["revision"], made["based_on"], made["updated_by"]) == (1, None, None)
    changed = example.text + "description: 王的修改\n"
    saved = (await edit(wang, path, example.name, 1, changed, 1)).json()["version"]
    assert (saved["revision"], saved["updated_by"], saved["version"]) == (2, "wang", 1)

    refused = await edit(li, path, example.name, 1, example.text, 1)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "edit-conflict"
    assert refused.json()["error"]["detail"] == {"revision": 2, "updated_by": "wang"}
    assert "wang" in refused.json()["error"]["message"]
    kept = (await wang.get(f"/api/v1/{path}/{example.name}/versions/1")).json()
    assert kept["content"]["description"] == "王的修改"

    renamed = await edit(wang, path, example.name, 1, changed.replace(example.name, "别的"), 2)
    assert renamed.json()["error"]["code"] == "name-changed"
    broken = await edit(wang, path, example.name, 1, "tree: [", 2)
    assert broken.status_code == 422


async def test_reviewers_read_and_managers_write(as_user) -> None:
    reviewer = await as_user(role="reviewer")
    assert (await draft(reviewer, "trees", TREE.text)).status_code == 403
    assert (await reviewer.get("/api/v1/trees/电销通用/versions/1")).status_code == 200


@pytest.mark.parametrize(("path", "example"), KINDS)
async def test_a_version_is_based_on_another_and_differs_from_it(
    admin: httpx.AsyncClient, path: str, example
) -> None:
    await draft(admin, path, example.text)
    changed = example.text + "description: 第二版\n"
    second = (await draft(admin, path, changed, based_on=1)).json()["version"]
    assert second["based_on"] == 1
    base = f"/api/v1/{path}/{example.name}"
    diff = (await admin.get(f"{base}/diff", params={"old": 1, "new": 2})).json()
    (change,) = diff["changes"]
    assert (change["kind"], change["key"]) == ("changed", "")
    fields = {field["field"]: field["after"] for field in change["fields"]}
    assert fields == {"description": "第二版"}
    missing = await admin.get(f"{base}/diff", params={"old": 1, "new": 9})
    assert missing.status_code == 404


async def test_archiving(as_user) -> None:
    admin = await as_user("admin")
    manager = await as_user(role="manager", teams=["甲组"])
    await draft(manager, "trees", TREE.text)
    base = f"/api/v1/trees/{TREE.name}/versions/1"
    assert (await manager.post(f"{base}/archive")).json()["state"] == "archived"
    assert (await admin.post(f"{base}/publish")).json()["state"] == "published"
    assert (await manager.post(f"{base}/archive")).status_code == 403
    general = await admin.post("/api/v1/trees/电销通用/versions/1/archive")
    assert general.json()["state"] == "archived"
    refused = await admin.post(f"{base}/archive")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "last-published"


async def test_publishing_begins_the_re_analysis_that_was_chosen(admin: httpx.AsyncClient) -> None:
    await draft(admin, "trees", TREE.text)
    url = f"/api/v1/trees/{TREE.name}/versions/1/publish"
    stale = await admin.post(url, json={"revision": 7})
    assert stale.json()["error"]["code"] == "edit-conflict"
    done = await admin.post(url, json={"revision": 1, "history_from": "2025-01-01T00:00:00+08:00"})
    run = done.json()["reanalysis"]
    assert (run["kind"], run["state"], run["progress"]) == ("reanalysis", "queued", None)
    listed = (await admin.get(f"/api/v1/trees/{TREE.name}/runs")).json()["items"]
    assert [item["id"] for item in listed] == [run["id"]]
    second = await admin.post(url)
    assert second.json()["reanalysis"] is None


async def test_a_tree_goes_out_as_a_spreadsheet_and_comes_back(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/v1/trees/电销通用/versions/1/spreadsheet")
    assert answer.headers["content-type"].startswith("application/vnd.openxmlformats")
    assert "filename*=UTF-8''" in answer.headers["content-disposition"]
    made = await admin.post("/api/v1/trees/spreadsheet", content=answer.content)
    assert made.status_code == 201, made.text
    assert made.json()["version"]["version"] == 2
    diff = await admin.get("/api/v1/trees/电销通用/diff", params={"old": 1, "new": 2})
    assert diff.json()["changes"] == []
    refused = await admin.post("/api/v1/trees/spreadsheet", content=b"no")
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "bad-spreadsheet"
