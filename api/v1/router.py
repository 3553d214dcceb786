"""Every operation under /api/v1, in the order of the documentation."""

from fastapi import APIRouter

from api.v1.api_keys.routes import router as api_keys
from api.v1.calls.routes import router as calls
from api.v1.health.routes import router as health
from api.v1.metrics.routes import router as metrics
from api.v1.rule_sets.routes import router as rule_sets
from api.v1.runs.routes import router as runs
from api.v1.session.routes import router as session
from api.v1.sop.routes import router as sop
from api.v1.trees.routes import router as trees
from api.v1.users.routes import router as users
from api.v1.webhooks.routes import router as webhooks

TAGS = [
    {"name": "session", "description": "登录与当前身份"},
    {"name": "api-keys", "description": "程序对接用的密钥"},
    {"name": "users", "description": "用户与角色（管理员）"},
    {"name": "calls", "description": "上传录音，查看转写、时间线、质检结果，收听"},
    {"name": "sop", "description": "SOP 执行率"},
    {"name": "trees", "description": "关键事件树的版本"},
    {"name": "rule-sets", "description": "质检规则集的版本"},
    {"name": "runs", "description": "试用、回测与重新分析：进度、取消、结果"},
    {"name": "webhooks", "description": "事件推送：接收地址与投递记录"},
    {"name": "metrics", "description": "指标词典"},
    {"name": "health", "description": "存活与就绪，无需登录"},
]


router = APIRouter(prefix="/api/v1")
for noun in (
    session,
    api_keys,
    users,
    calls,
    sop,
    trees,
    rule_sets,
    runs,
    webhooks,
    metrics,
    health,
):
    router.include_router(noun)
