"""The built-in dialogue acts: what the model knows, by path, in the order of its columns."""

from asr.transcript import Role

_AGENT: dict[str, tuple[str, ...]] = {
    "开场白": ("问候语", "自我介绍", "来电目的", "确认方便"),
    "需求挖掘": ("了解现状", "了解目标", "了解痛点", "了解预算", "了解决策人"),
    "产品介绍": ("公司资质", "产品内容", "价格说明", "优惠活动", "成功案例"),
    "异议处理": ("价格异议回应", "时间异议回应", "信任异议回应", "竞品对比"),
    "促成": ("限时截杀", "付款引导"),
    "下一步": ("添加微信", "预约回访", "邀约到访", "发送资料"),
    "结束语": ("礼貌结束",),
    "合规": ("录音告知", "免责说明"),
}
_CUSTOMER: dict[str, tuple[str, ...]] = {
    "客户": (
        "价格异议", "时间异议", "信任疑虑", "需与家人商量", "表达兴趣", "明确拒绝",
        "要求勿扰", "投诉意向", "询问价格", "询问效果", "提及竞品",
    ),
}  # fmt: skip

VIOLATIONS: tuple[str, ...] = (
    "过度承诺", "贬低竞品", "不文明用语", "虚假宣传", "诱导私下交易", "泄露隐私",
)  # fmt: skip
"""Wording violations of the agent; the model has a head for each, no tree node is linked to one."""

AGENT_ACTS: tuple[str, ...] = tuple(f"{a}/{b}" for a, leaves in _AGENT.items() for b in leaves)
CUSTOMER_ACTS: tuple[str, ...] = tuple(
    f"{a}/{b}" for a, leaves in _CUSTOMER.items() for b in leaves
)
ACTS: tuple[str, ...] = (*AGENT_ACTS, *CUSTOMER_ACTS)
"""Every act that a tree node may be linked to."""

LABELS: tuple[str, ...] = (*AGENT_ACTS, *VIOLATIONS, *CUSTOMER_ACTS)
"""Columns of the model's probabilities."""

LEAF_TO_ACT: dict[str, str] = {path.rsplit("/", 1)[-1]: path for path in ACTS}


def labels_of(role: Role) -> tuple[str, ...]:
    """The labels that turns of a role may carry; those of both for an unknown role."""
    if role == "agent":
        return (*AGENT_ACTS, *VIOLATIONS)
    return CUSTOMER_ACTS if role == "customer" else LABELS


def act_role(act: str) -> Role:
    """Whose act it is."""
    return "customer" if act in CUSTOMER_ACTS else "agent"
