"""Figures of one call, from its audio and transcript. Computed by `insights.conversation`."""

from insights.metric import Metric, Parameter
from insights.parameters import BACKCHANNEL_MS, DEFAULTS, MONOLOGUE_BRIDGE_MS

_SIDES = (("agent", "坐席", "Agent"), ("customer", "客户", "Customer"))
_SPEECH = "两侧的语音区间（VAD；没有声音时为话语区间）"
_UTTERANCES = "转写的话语"
_NO_SPEECH = "没有区分说话人，或通话中没有人说话"
_BACKCHANNEL = Parameter("backchannel_ms", BACKCHANNEL_MS, "ms")


def _call(
    identifier: str,
    zh: str,
    en: str,
    unit: str,
    formula: str,
    formula_en: str,
    denominator: str = "无",
    source: str = _UTTERANCES,
    missing: str = _NO_SPEECH,
    parameters: tuple[Parameter, ...] = (),
) -> Metric:
    return Metric(
        id=identifier,
        name_zh=zh,
        name_en=en,
        level="call",
        unit=unit,
        formula=formula,
        formula_en=formula_en,
        denominator=denominator,
        source=source,
        missing_when=missing,
        parameters=parameters,
        computed=True,
    )


_TALK = (
    _call(
        "call_duration",
        "录音时长",
        "Duration",
        "ms",
        "录音的总时长",
        "length of the recording",
        source="录音",
        missing="没有录音",
    ),
    *(
        _call(
            f"{side}_talk",
            f"{zh}说话时长",
            f"{en} talk time",
            "ms",
            f"{zh}语音区间之和",
            f"sum of the {side}'s speech",
            source=_SPEECH,
            missing="没有区分说话人",
        )
        for side, zh, en in _SIDES
    ),
    _call(
        "talk_ratio",
        "坐席说话占比",
        "Talk ratio",
        "ratio",
        "坐席说话时长 ÷（坐席 + 客户）；团队值分“各通平均”与“合并计算”两种，分别标明",
        "agent speech / (agent + customer speech); team figures are labelled mean of calls "
        "or pooled",
        "两侧说话时长之和",
        _SPEECH,
    ),
    *(
        _call(
            f"{side}_talk_share",
            f"{zh}说话占时",
            f"{en} share of call",
            "ratio",
            f"{zh}说话时长 ÷ 录音时长",
            f"{side} speech / call duration",
            "录音时长",
            _SPEECH,
            "没有区分说话人，或没有录音",
        )
        for side, zh, en in _SIDES
    ),
    *(
        _call(
            f"{side}_speech_rate",
            f"{zh}语速",
            f"{en} speech rate",
            "字/分钟",
            f"{zh}所说的汉字数（拉丁词、数字各算一个）÷ 这些话语的时长",
            f"汉字 (plus one for each Latin word or digit group) per minute of the {side}'s own "
            "speech",
            f"不短于下限的{zh}话语的时长",
            missing=f"{zh}没有足够长的话语",
            parameters=(Parameter("min_units", DEFAULTS.rate_min_units, "字"),),
        )
        for side, zh, en in _SIDES
    ),
)

_RUN = (
    Parameter("bridge_ms", MONOLOGUE_BRIDGE_MS, "ms"),
    Parameter("pause_ms", DEFAULTS.monologue_pause_ms, "ms"),
    _BACKCHANNEL,
)

_FLOOR = (
    *(
        _call(
            identifier,
            zh,
            en,
            "ms",
            f"{who}一段连续说话的最长时长：不超过 bridge_ms 的停顿计入，"
            "对方开口（附和除外）或自己停顿超过 pause_ms 即结束",
            f"longest run of {side} speech: own gaps up to bridge_ms count, ended by the other's "
            "turn (backchannels ignored) or an own pause above pause_ms",
            missing=f"{who}没有说话，或没有区分说话人",
            parameters=_RUN,
        )
        for identifier, zh, en, who, side in (
            ("longest_monologue", "坐席最长独白", "Longest monologue", "坐席", "agent"),
            (
                "longest_customer_story",
                "客户最长叙述",
                "Longest customer story",
                "客户",
                "customer",
            ),
        )
    ),
    *(
        _call(
            f"response_latency_{key}",
            f"坐席响应时延（{zh}）",
            f"Response latency ({en})",
            "ms",
            f"客户说完到坐席开口的间隔的{zh}；重叠记 0",
            f"{en} of gaps from the customer's end to the agent's start; overlap counts 0",
            missing="没有客户之后坐席接话的地方",
        )
        for key, zh, en in (("median", "中位数", "median"), ("p90", "90 分位", "90th percentile"))
    ),
    _call(
        "interactivity",
        "互动频率",
        "Interactivity",
        "次/分钟",
        "说话人切换次数 ÷ 首末语音之间的时长",
        "speaker switches per minute between first and last speech",
        "首末语音之间的时长",
        parameters=(_BACKCHANNEL,),
    ),
    _call(
        "deep_discussions",
        "深入讨论",
        "Deep discussions",
        "次",
        "至少 min_turns 个相继的轮次，每轮不少于 min_units 字、间隔小于 max_gap_ms 的段数",
        "runs of at least min_turns alternating turns, each of at least min_units 字, gaps "
        "below max_gap_ms",
        parameters=(
            Parameter("min_turns", DEFAULTS.discussion_turns, "轮"),
            Parameter("min_units", DEFAULTS.discussion_units, "字"),
            Parameter("max_gap_ms", DEFAULTS.discussion_gap_ms, "ms"),
        ),
    ),
    *(
        _call(
            f"{side}_questions",
            f"{zh}提问数",
            f"{en} questions",
            "次",
            "以吗/呢/么或问号结尾、A不A、含疑问词（什么/怎么/多少/哪…）的句子数；“对吧”之类不计",
            "sentences ending in 吗/呢/么 or ？, of the form A不A, or with a question word; "
            "rhetorical phrases excluded",
            missing="没有区分说话人",
        )
        for side, zh, en in _SIDES
    ),
    *(
        _call(
            f"{side}_questions_per_10min",
            f"{zh}每十分钟提问数",
            f"{en} questions per 10 minutes",
            "次/10分钟",
            f"{zh}提问数 ÷ 首末语音之间的时长 × 10 分钟",
            f"{side} questions per 10 minutes between first and last speech",
            "首末语音之间的时长",
        )
        for side, zh, en in _SIDES
    ),
)

_QUIET = (
    *(
        _call(
            f"silence_{key}",
            f"静音{zh}",
            f"Silence {en}",
            unit,
            f"首末语音之间无人说话超过 min_ms 的{zh}；另列每段之前是谁在说话",
            f"{en} of stretches above min_ms in which nobody speaks, between first and last "
            "speech; who spoke before is listed with each",
            source=_SPEECH,
            missing="通话中没有人说话",
            parameters=(Parameter("min_ms", DEFAULTS.silence_ms, "ms"),),
        )
        for key, zh, en, unit in (
            ("total", "总时长", "total", "ms"),
            ("count", "次数", "count", "次"),
            ("longest", "最长时长", "longest", "ms"),
        )
    ),
    *(
        _call(
            f"{side}_interruptions",
            f"{zh}打断次数",
            f"{en} interruptions",
            "次",
            f"{zh}在对方说话时开口、重叠超过 min_overlap_ms 且不是附和的次数",
            f"times the {side} starts while the other speaks, overlapping above min_overlap_ms, "
            "not a backchannel",
            missing="不是双声道录音",
            parameters=(Parameter("min_overlap_ms", DEFAULTS.overlap_ms, "ms"),),
        )
        for side, zh, en in _SIDES
    ),
    *(
        _call(
            f"{side}_loudness",
            f"{zh}音量",
            f"{en} loudness",
            "dBFS",
            f"{zh}各话语音量的中位数，及各话语与它之差",
            f"median loudness of the {side}'s utterances, and each utterance's difference to it",
            source="各话语的音量（语音帧的均方根）",
            missing="没有区分说话人、这一方没有说话，或转写结果没有携带音量",
        )
        for side, zh, en in _SIDES
    ),
    *(
        _call(
            f"{side}_clipping",
            f"{zh}削波占比",
            f"{en} clipping share",
            "ratio",
            f"{zh}语音中达到满幅的采样 ÷ 全部采样",
            f"full-scale samples of the {side}'s speech / all its samples",
            "语音采样数",
            "语音区间内的采样",
            "转写结果没有携带音量",
        )
        for side, zh, en in _SIDES
    ),
    *(
        _call(
            f"{side}_coverage",
            f"{zh}转写覆盖率",
            f"{en} coverage",
            "ratio",
            f"有文字的{zh}语音 ÷ {zh}全部语音（VAD）",
            f"the {side}'s VAD speech that has text / all its VAD speech",
            f"{zh}语音时长",
            "VAD 语音区间、未转写区间",
            "没有语音区间（文字稿）",
        )
        for side, zh, en in _SIDES
    ),
    _call(
        "key_events",
        "关键事件数",
        "Key events",
        "个",
        "通话中出现过的事件树节点数（去重）",
        "distinct nodes of the event tree that were hit",
        source="事件命中",
        missing="不会缺失",
    ),
)

CALL_METRICS: tuple[Metric, ...] = (*_TALK, *_FLOOR, *_QUIET)
