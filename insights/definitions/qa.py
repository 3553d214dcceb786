"""QA figures: how much was checked, how right it was, how calls scored."""

from insights.metric import Metric

_SAMPLED = "抽样复核过的命中与未命中"


def _qa(
    identifier: str, zh: str, en: str, formula: str, formula_en: str, denominator: str,
    missing: str, *, computed: bool = True,
) -> Metric:  # fmt: skip
    return Metric(
        id=identifier,
        name_zh=zh,
        name_en=en,
        level="qa",
        unit="分" if identifier == "average_score" else "ratio",
        formula=formula,
        formula_en=formula_en,
        denominator=denominator,
        source="质检结论、人工复核",
        missing_when=missing,
        computed=computed,
    )


QA_METRICS: tuple[Metric, ...] = (
    Metric(
        id="call_score",
        name_zh="通话得分",
        name_en="Call score",
        level="qa",
        unit="分",
        formula="评分卡起始分 + Σ 命中规则的加减分，限于下限与上限；否决项命中则为下限",
        formula_en="start value of the scorecard + effects of the rules hit, limited to its "
        "bounds; a veto rule sets the floor",
        denominator="无",
        source="质检结论",
        missing_when="没有规则集",
        computed=True,
    ),
    _qa(
        "qa_coverage", "质检覆盖率", "QA coverage",
        "已质检通话 ÷ 可质检通话", "calls checked / checkable calls",
        "可质检通话（接通且有声音）", "没有可质检通话",
    ),
    _qa(
        "review_coverage", "人工复核率", "Review coverage",
        "人工复核过的通话 ÷ 已质检通话", "calls reviewed by a person / calls checked",
        "已质检通话", "没有已质检通话",
    ),
    _qa(
        "qa_precision", "规则准确率", "Rule precision",
        "人工确认的命中 ÷ 复核过的命中，附区间", "hits confirmed / hits reviewed, with interval",
        "复核过的命中", "没有复核过的命中",
    ),
    _qa(
        "qa_recall", "规则召回率", "Rule recall",
        "人工确认的命中 ÷（确认的命中 + 由未命中抽样加权估计的漏判），附区间",
        "hits confirmed / (hits confirmed + misses estimated from sampled non-hits), with interval",
        _SAMPLED, "没有复核过未命中",
    ),
    _qa(
        "kappa_human_human", "人–人一致性 κ", "Human–human agreement (kappa)",
        "几位质检员在盲评中对同一项各自判定：一次校准两人为 Cohen κ，多人或多次合并为 Fleiss κ",
        "judgements of the same findings in blind calibrations: Cohen's kappa of two reviewers in "
        "one, Fleiss' kappa of more reviewers or of several calibrations together",
        "双人判定的通话", "没有双人判定的通话",
    ),
    _qa(
        "kappa_human_machine", "人–机一致性 κ", "Human–machine agreement (kappa)",
        "Cohen κ，人工判定对机器判定，加权到总体",
        "Cohen's kappa of human against machine verdicts, weighted to the population",
        _SAMPLED, "没有人工判定",
    ),
    _qa(
        "average_score", "平均得分", "Average score",
        "Σ 通话得分 ÷ 有得分的通话", "sum of scores / calls with a score",
        "有得分的通话", "没有得分的通话", computed=False,
    ),
    _qa(
        "pass_rate", "合格率", "Pass rate",
        "得分不低于合格线的通话 ÷ 有合格线的通话", "calls at or above the pass mark / calls with "
        "a pass mark", "有合格线的通话", "评分卡没有合格线", computed=False,
    ),
    _qa(
        "veto_rate", "否决率", "Veto rate",
        "命中否决项的通话 ÷ 有得分的通话", "calls with a veto / calls with a score",
        "有得分的通话", "没有得分的通话", computed=False,
    ),
    _qa(
        "appeal_rate", "申诉率", "Appeal rate",
        "被申诉的通话 ÷ 有扣分的通话", "calls appealed / calls with a deduction",
        "有扣分的通话", "没有扣分的通话",
    ),
    _qa(
        "appeal_success_rate", "申诉成功率", "Appeal success rate",
        "申诉改判的通话 ÷ 申诉终审的通话", "appeals upheld / appeals decided",
        "申诉终审的通话", "没有终审的申诉",
    ),
)  # fmt: skip
