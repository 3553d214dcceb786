"""Conditions of every kind with every option and any text, for round trips (not for judging)."""

from functools import lru_cache

from hypothesis import strategies as st

from nlp.entities import KINDS
from qa_rules.conditions.boolean import Line, Name, Not, Or
from qa_rules.conditions.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    MonologueCondition,
    SilenceCondition,
    SpeechRateCondition,
    TalkRatioCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    RuleCondition,
    Step,
    TimesCondition,
    UnansweredCondition,
    WithinCondition,
)
from qa_rules.conditions.scope import EVERY_HIT, LAST_HIT, Anchor, Range, Reach, Scope
from qa_rules.conditions.searches import (
    ActCondition,
    EntityCondition,
    EventCondition,
    JudgeCondition,
    KeywordCondition,
    RegexCondition,
    RepetitionCondition,
    SemanticCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.model import Condition, Rule

TEXTS = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=8)
    .map(str.strip)
    .filter(bool)
)
_WORDS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
_UNLESS = st.just(()) | _WORDS
_LABEL = st.just("") | TEXTS
_NAMES = st.sampled_from(["甲", "乙-2", "c_3"])
_SIDES = st.sampled_from(["agent", "customer"])
_ROLES = st.sampled_from(["agent", "customer", "any"])
_COUNTS = st.integers(1, 9)
_NUMBERS = st.floats(0.125, 500, allow_nan=False, width=16).map(float)
_BOUNDS = st.one_of(
    st.builds(Bounds, above=_NUMBERS),
    st.builds(Bounds, below=_NUMBERS),
    st.builds(Bounds, above=_NUMBERS, below=_NUMBERS),
)
_NEAR = st.builds(Reach, utterances=st.integers(0, 9)) | st.builds(Reach, seconds=_NUMBERS)
_REACH = st.just(Reach()) | _NEAR
_RANGES = st.one_of(
    st.builds(Range, st.sampled_from(["first", "last"]), st.just(0), _COUNTS.map(float),
              st.sampled_from(["utterances", "s"])),
    st.builds(Range, st.just("between"), _COUNTS.map(float), _COUNTS.map(float),
              st.sampled_from(["utterances", "s"])),
)  # fmt: skip
_ANCHORS = st.builds(
    Anchor, of=_NAMES, side=st.sampled_from(["after", "before", "around"]), reach=_REACH,
    hit=st.sampled_from([EVERY_HIT, LAST_HIT, 1, 3]),
)  # fmt: skip
_SEVERAL = st.lists(_RANGES, max_size=2).map(tuple)
_SCOPES = st.builds(
    Scope, role=_ROLES, ranges=_SEVERAL,
    anchor=st.none() | _ANCHORS,
)  # fmt: skip
_TEXT = {
    "scope": _SCOPES, "unless": _UNLESS, "label": _LABEL,
    "polarity": st.sampled_from(["affirmed", "any"]),
}  # fmt: skip
_PLAIN = {**_TEXT, "plausible": st.just("") | TEXTS}
_SCALARS = TEXTS | st.integers(-99, 99) | st.booleans() | st.sampled_from([0.5, -2.25])
_TESTS = st.one_of(
    st.builds(MetadataTest, TEXTS, st.sampled_from(["in", "not in"]),
              st.lists(_SCALARS, min_size=1, max_size=3).map(tuple)),
    st.builds(MetadataTest, TEXTS, st.just("="), st.tuples(_SCALARS)),
    st.builds(MetadataTest, TEXTS, st.sampled_from([">", ">=", "<", "<=", "!="]),
              st.tuples(st.integers(-99, 99))),
    st.builds(MetadataTest, TEXTS, st.just("matches"), st.tuples(st.just("^电销.{0,3}$"))),
)  # fmt: skip


@st.composite
def _many(draw: st.DrawFn, kind: type, field: str, entries: st.SearchStrategy[str]) -> Condition:
    """Any / all / none / at least n of some entries."""
    words = tuple(draw(st.lists(entries, min_size=1, max_size=3)))
    mode = draw(st.sampled_from(["any", "all", "none", "at_least"]))
    options: dict[str, object] = {"scope": draw(_SCOPES), "label": draw(_LABEL)}
    if kind is KeywordCondition:
        options |= {key: draw(values) for key, values in _PLAIN.items()}
    if kind is EntityCondition:
        options |= {"above": draw(st.none() | _NUMBERS), "below": draw(st.none() | _NUMBERS)}
    elif mode in ("all", "at_least"):
        options["in_one_utterance"] = draw(st.booleans())
    count = draw(st.integers(1, len(words))) if mode == "at_least" else 1
    return kind(**{field: words}, mode=mode, at_least=count, **options)


_PROCESSES = st.sampled_from([
    (Step(step="甲", next=("乙-2",)), Step(step="乙-2")),
    (Step(step="甲", next=("乙-2", "c_3"), reach=Reach(seconds=2.5)),
     Step(step="乙-2", next=("c_3",), optional=True, reach=Reach(utterances=3)), Step(step="c_3")),
])  # fmt: skip
_LINES: st.SearchStrategy[Line] = st.one_of(
    st.builds(Name, _NAMES),
    st.builds(Not, st.builds(Name, _NAMES)),
    st.builds(Or, st.tuples(st.builds(Name, _NAMES), st.builds(Not, st.builds(Name, _NAMES)))),
)


@lru_cache
def conditions() -> st.SearchStrategy[Condition]:
    """A condition of any kind; what it refers to need not exist."""
    return st.one_of(
        _many(KeywordCondition, "words", TEXTS),
        _many(EventCondition, "nodes", TEXTS),
        _many(EntityCondition, "kinds", st.sampled_from(KINDS)),
        st.builds(RegexCondition, patterns=_WORDS, negated=st.booleans(), **_PLAIN),
        st.builds(SemanticCondition, examples=_WORDS, counter_examples=_UNLESS,
                  threshold=st.sampled_from([0.25, 0.5, 1.0]), **_TEXT),
        st.builds(ActCondition, act=TEXTS, at_least=st.none() | st.sampled_from([0.5, 0.75]),
                  scope=_SCOPES, label=_LABEL),
        st.builds(SentimentCondition, feeling=st.sampled_from(["negative", "positive"]),
                  count=_COUNTS, scope=_SCOPES, label=_LABEL),
        st.builds(RepetitionCondition, times=st.integers(2, 5), min_chars=_COUNTS,
                  similarity=st.sampled_from([0.5, 0.875, 1.0]), within=st.none() | _COUNTS,
                  scope=_SCOPES, unless=_UNLESS, label=_LABEL),
        st.builds(VolumeCondition, above=st.just(-20.5), below=st.none() | st.just(-3.0),
                  count=_COUNTS, scope=_SCOPES, label=_LABEL),
        st.builds(JudgeCondition, question=TEXTS, role=_ROLES, label=_LABEL),
        st.builds(OrderCondition, first=_NAMES, then=_NAMES, label=_LABEL),
        st.builds(WithinCondition, find=_NAMES, of=_NAMES, reach=_NEAR, lacking=st.booleans(),
                  direction=st.sampled_from(["after", "before", "around"]), label=_LABEL),
        st.builds(TimesCondition, of=_NAMES, at_least=_COUNTS, at_most=st.none() | _COUNTS),
        st.builds(UnansweredCondition, reach=_NEAR, role=_SIDES, label=_LABEL,
                  question=st.just("") | _NAMES, answer=st.just("") | _NAMES),
        st.builds(ProcessCondition, steps=_PROCESSES, label=_LABEL),
        st.builds(LogicCondition, of=_LINES, label=_LABEL),
        st.builds(RuleCondition, rule=TEXTS, label=_LABEL),
        st.builds(SilenceCondition, min_s=_NUMBERS, count=_COUNTS, after=_ROLES, label=_LABEL,
                  ranges=_SEVERAL),
        st.builds(InterruptionCondition, role=_ROLES, min_overlap_ms=st.integers(1, 5000),
                  count=_COUNTS, label=_LABEL, ranges=_SEVERAL),
        st.builds(SpeechRateCondition, bounds=_BOUNDS, role=_SIDES, label=_LABEL),
        st.builds(SpeechRateCondition, bounds=_BOUNDS, role=_SIDES, of=st.just("utterance"),
                  count=_COUNTS),
        st.builds(TalkRatioCondition, role=_SIDES, bounds=st.just(Bounds(above=0.75))),
        st.builds(DurationCondition, bounds=_BOUNDS, of=st.sampled_from(["call", "talk"]),
                  role=_ROLES, label=_LABEL),
        st.builds(MonologueCondition, min_s=_NUMBERS.map(lambda s: s + 1), count=_COUNTS,
                  role=_ROLES, label=_LABEL),
        st.builds(TurnsCondition, bounds=_BOUNDS, of=st.sampled_from(["turns", "utterances"]),
                  role=_ROLES, label=_LABEL),
        st.builds(MetadataCondition, label=_LABEL,
                  tests=st.lists(_TESTS, min_size=1, max_size=2, unique_by=lambda t: t.key)
                  .map(tuple)),
    )  # fmt: skip


@st.composite
def stated_rules(draw: st.DrawFn, lines: st.SearchStrategy[Line], names: list[str]) -> Rule:
    """A rule with conditions of those names, whatever they are, and boolean lines over them."""
    veto = draw(st.booleans())
    return Rule(
        id="r", name="规则", category="类", severity="minor", reason="因为",
        hit_if=draw(lines), conditions={name: draw(conditions()) for name in names},
        score=draw(st.sampled_from([0.0, -5.0, 2.5])), veto=veto,
        veto_if=None if veto else draw(st.none() | lines),
        applies=tuple(draw(st.lists(_TESTS, max_size=2, unique_by=lambda test: test.key))),
        applies_if=draw(st.none() | lines), unheard_ms=draw(st.sampled_from([0, 2000])),
    )  # fmt: skip
