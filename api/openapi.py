"""How operations are documented: examples for what is sent, answered and refused."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from api.errors import ErrorResponse, error_body, status_of

_PACKED = "json-example:"

# One plausible message for each code that operations refuse with.
_EXAMPLES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "unauthenticated": ("登录已失效或密钥无效，请重新登录，或带上有效的 API 密钥。", {}),
    "bad-credentials": ("用户名或密码不正确，请检查后重试。", {}),
    "too-many-attempts": ("登录失败次数过多，请 120 秒后再试。", {"retry_after_s": 120}),
    "forbidden": ("需要“管理”权限（admin）；请换用有该权限的账号或 API 密钥。", {"scope": "admin"}),
    "not-found": ("没有这通录音，或当前账号无权查看。", {}),
    "not-ready": ("这通录音还没有转写完成，请稍后再取。", {"state": "transcribing"}),
    "not-failed": ("只有处理失败的通话可以重试。请刷新查看当前状态。", {}),
    "fix-not-applicable": ("不能这样修正：这通录音本来就是单声道。", {}),
    "username-taken": ("用户名 limin 已被使用。请换一个。", {}),
    "bad-username": ("用户名应为 1 至 64 个字符，不含空格与斜线。请换一个。", {}),
    "weak-password": ("密码太短。请至少输入 10 个字符。", {}),
    "last-admin": ("admin 是最后一个可用的管理员。请先添加或启用另一个管理员。", {}),
    "out-of-scope": ("不能把通话移出自己的团队；请联系管理员修改。", {"team": "华北二组"}),
    "not-publishable": ("草稿有错误，不能发布；请按提示修改。", {"issues": []}),
    "not-published": ("只有已发布的版本可以用来重新分析历史。请先发布它。", {}),
    "not-a-draft": ("只有草稿可以修改。请从这个版本新建草稿，再修改。", {}),
    "edit-conflict": (
        "li 已经保存了第 3 次修改，而您改的是更早的内容。请先复制您的修改，刷新后合并。",
        {"revision": 3, "updated_by": "li"},
    ),
    "name-changed": ("文档的名称是“乙”，这个草稿属于“甲”。请改回名称。", {}),
    "last-published": ("这是最后一个已发布的通用版本，归档后通话将无法分析。请先发布另一个。", {}),
    "not-in-spreadsheet": (
        "开场白/问候 的 match.regex 放不进表格：表格每行写一条，这一条里有换行。",
        {"node": "开场白/问候", "field": "match.regex"},
    ),
    "bad-spreadsheet": (
        "“节点”第 5 行：上级节点 没有的 不在前面的行里，请先写上级。",
        {"rows": [{"sheet": "节点", "row": 5, "message": "上级节点不在前面的行里"}]},
    ),
    "bad-correction": ("这一句没有命中“开场白/自我介绍”，无法确认或推翻。请刷新页面。", {}),
    "head-not-offered": (
        "第 2 个学习结果的状态是 rejected，不能启用。请选择通过回测的那一个。",
        {"state": "rejected"},
    ),
    "no-proposals": ("没有可以加入草稿的更正。请先在通话页更正几处。", {}),
    "validation-failed": (
        "参数 query.limit 不正确：Input should be less than or equal to 200。请更正后重试。",
        {"errors": [{"at": ["query", "limit"], "message": "应不大于 200"}]},
    ),
    "bad-multipart": ("请用 multipart/form-data 上传，录音放在字段 files 里。", {}),
    "bad-cursor": ("游标无效，请去掉 cursor 从第一页重新读取。", {}),
    "too-large": ("字段 metadata 太大，请改用文件（manifest）上传。", {"limit_bytes": 1048576}),
    "range-not-satisfiable": (
        "请求的字节范围超出录音大小（245760 字节），请从 0 重新读取。",
        {"size_bytes": 245760},
    ),
    "bad-url": ("接收地址无效。请填写 https://主机/路径 形式的地址，不带用户名和密码。", {}),
    "wrong-password": ("当前密码不正确，请重新输入。", {}),
    "review-state": ("复核处于“已复核”，不能判定。请刷新查看当前状态。", {"state": "reviewed"}),
    "review-locked": (
        "这通通话正由别人复核。请换一通，或等锁定到期后接手。",
        {"state": "assigned", "action": "take", "guard": "nobody_else"},
    ),
    "review-conflict": (
        "这通复核刚被别人改动过。请刷新后按最新内容再操作。",
        {"version": 5, "seen": 4},
    ),
    "blind-calibration": (
        "这通通话在您参加的盲评校准里，校准结束之前不显示结论。请到校准页判定。",
        {},
    ),
    "review-incomplete": (
        "还有 1 项没有判定：过度承诺。请逐项确认或推翻后再提交。",
        {"rules": ["overpromise"]},
    ),
    "review-refused": (
        "终审不能由原复核人裁决。请换一位主管或管理员。",
        {"state": "appealed", "action": "decide", "guard": "not_the_reviewer"},
    ),
    "bad-verdict": ("不能这样判定：推翻或补充时要选择原因。", {"rule": "overpromise"}),
    "bad-assignee": ("wangwu 不能复核通话。请选择质检员、主管或管理员。", {}),
    "bad-appeal": ("申诉要写明理由，并选择至少一项扣分。", {}),
    "bad-sample": ("抽样的截止时间必须晚于开始时间。请更正。", {}),
    "sample-exists": ("已有名为“三月抽检”的抽样。请换一个名字。", {}),
    "bad-calibration": ("不能这样发起校准：请选择至少两位可用的质检员、主管或管理员。", {}),
    "calibration-exists": ("已有名为“三月校准”的校准。请换一个名字。", {}),
    "calibration-closed": ("这次校准已经结束，不能再判定。请查看结果。", {}),
    "bad-tree": ("第 3 行：节点缺少 key。", {"line": 3, "column": 5}),
    "bad-rules": ("第 7 行：规则缺少 reason。", {"line": 7, "column": 3}),
}


def json_example(example: object) -> dict[str, Any]:
    """An OpenAPI media type object map with one JSON example (packed)."""
    return {"application/json": {"example": packed(example)}}


def packed(example: object) -> str:
    """An example as text, until `unpack` puts it into the finished document.

    The framework leaves out every null while it assembles the document, also inside examples,
    which would make them break their own schemas.
    """
    return _PACKED + json.dumps(example, ensure_ascii=False)


def unpack(node: Any) -> Any:
    """The document with every packed example in its place."""
    if isinstance(node, dict):
        return {key: unpack(value) for key, value in node.items()}
    if isinstance(node, list):
        return [unpack(value) for value in node]
    if isinstance(node, str) and node.startswith(_PACKED):
        return json.loads(node.removeprefix(_PACKED))
    return node


def answers(
    example: object | None = None,
    *,
    status: int = 200,
    description: str = "成功",
    errors: Iterable[str] = (),
    signed_in: bool = True,
    validated: bool = True,
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a JSON operation: its example and the errors it may answer with.

    `errors` are codes of the contract; those that any signed-in request, and any request with
    parameters can meet are added.
    """
    responses: dict[int | str, dict[str, Any]] = {status: {"description": description}}
    if example is not None:
        responses[status]["content"] = json_example(example)
    codes = [*errors]
    if signed_in:
        codes = ["unauthenticated", "forbidden", *codes]
    if validated:
        codes.append("validation-failed")
    for code in dict.fromkeys(codes):
        _add_error(responses, code)
    return responses


def _add_error(responses: dict[int | str, dict[str, Any]], code: str) -> None:
    status = int(status_of(code))
    message, detail = _EXAMPLES[code]
    entry = responses.setdefault(
        status,
        {
            "description": "请求被拒绝，原因见 error.code",
            "model": ErrorResponse,
            "content": {"application/json": {"examples": {}}},
        },
    )
    entry["content"]["application/json"]["examples"][code] = {
        "summary": code,
        "value": packed(error_body(code, message, detail)),
    }


def sends(example: object, description: str = "") -> dict[str, Any]:
    """`openapi_extra` with an example of the JSON body that an operation expects."""
    body: dict[str, Any] = {"content": json_example(example)}
    if description:
        body["description"] = description
    return {"requestBody": body}


def shows(**examples: object) -> dict[str, Any]:
    """`Query`/`Path` keyword arguments with one OpenAPI example (use as `**shows(value=...)`)."""
    return {
        "openapi_examples": {
            name: {"summary": str(value), "value": value} for name, value in examples.items()
        }
    }
