"""Every operation under /api/v1, in the order of the documentation."""

from fastapi import APIRouter

from api.v1.accuracy.routes import router as accuracy
from api.v1.api_keys.routes import router as api_keys
from api.v1.appeals.routes import router as appeals
from api.v1.audit.routes import router as audit
from api.v1.calibrations.routes import router as calibrations
from api.v1.calls.routes import router as calls
from api.v1.corrections.routes import router as corrections
from api.v1.health.routes import router as health
from api.v1.metrics.routes import router as metrics
from api.v1.review_samples.routes import router as review_samples
from api.v1.reviews.routes import router as reviews
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
    {"name": "corrections", "description": "更正事件：确认、推翻、补记"},
    {"name": "sop", "description": "SOP 执行率"},
    {"name": "trees", "description": "关键事件树的版本"},
    {"name": "rule-sets", "description": "质检规则集的版本"},
    {"name": "runs", "description": "试用、回测与重新分析：进度、取消、结果"},
    {"name": "reviews", "description": "人工复核：队列、领取、判定、提交"},
    {"name": "appeals", "description": "坐席申诉与终审"},
    {"name": "review-samples", "description": "命中与未命中的随机抽样"},
    {"name": "calibrations", "description": "质检员盲评校准"},
    {"name": "accuracy", "description": "规则准确率账本"},
    {"name": "audit", "description": "审计记录（管理员）"},
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
    corrections,
    sop,
    trees,
    rule_sets,
    runs,
    reviews,
    appeals,
    review_samples,
    calibrations,
    accuracy,
    audit,
    webhooks,
    metrics,
    health,
):
    router.include_router(noun)
