"""Random rule sets and calls, small enough that everything meets everything."""

from dataclasses import replace
from functools import lru_cache

from hypothesis import strategies as st

from asr.transcript import AudioFacts, EngineInfo, Transcript, UntranscribedSpeech, Utterance
from events.hits import EventHit
from events.judgement import Judgement, JudgeQuestion, JudgeQuote
from qa_rules.conditions.boolean import And, AtLeast, Line, Name, Not, Or
from qa_rules.conditions.measures import (
    Bounds,
    DurationCondition,
    InterruptionCondition,
    MetadataCondition,
    MetadataTest,
    SilenceCondition,
    TurnsCondition,
)
from qa_rules.conditions.relations import (
    LogicCondition,
    OrderCondition,
    ProcessCondition,
    Step,
    TimesCondition,
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
    VolumeCondition,
)
from qa_rules.facts.call import CallView
from qa_rules.model import Condition, Rule

PATTERNS = (
    "春夏", "秋.", "冬$", "[春秋]山", "春?夏", "春(?:夏|秋)?冬", "(?:春|秋){2}",
    "(?:春|夏).{0,2}(?:秋|冬)",
    "(?:春夏|秋.)山", ".{3,}", "(?i)秋冬", "[^春]夏", "^(?:春|夏|秋)(?:冬|山)+",
)  # fmt: skip
WORDS = ("春", "夏", "秋", "冬")
NODES = ("甲/子", "甲/丑", "乙")
_PLACELESS = (SilenceCondition, DurationCondition, MetadataCondition, TurnsCondition)
PHONE = "山13800138000山"
ROLES = ("agent", "customer", "unknown")
QUESTIONS = tuple(JudgeQuestion("答应了吗？", role) for role in ("agent", "customer", "any"))


@st.composite
def calls(draw: st.DrawFn) -> CallView:
    """Calls on a grid of 100 ms, sides overlapping or silent, some speech without text."""
    utterances, clock = [], draw(st.integers(0, 10)) * 100
    for index in range(draw(st.integers(0, 8))):
        start = max(0, clock + draw(st.integers(-8, 60)) * 100)
        if utterances:
            start = max(start, utterances[-1].start_ms)
        end = start + draw(st.integers(1, 30)) * 100
        role = draw(st.sampled_from(ROLES))
        text = "".join(
            draw(st.lists(st.sampled_from((*WORDS, "山", PHONE)), min_size=1, max_size=6))
        )
        channel = ROLES.index(role)
        level = draw(st.sampled_from([None, -30.0, -10.0]))
        utterances.append(Utterance(index, channel, role, start, end, text, text, level_dbfs=level))
        clock = end
    gaps = []
    for _ in range(draw(st.integers(0, 2))):
        role = draw(st.sampled_from(ROLES))
        start = draw(st.integers(0, 200)) * 100
        end = start + draw(st.integers(1, 40)) * 100
        gaps.append(UntranscribedSpeech(ROLES.index(role), role, start, end))
    length = draw(st.sampled_from([0, 10_000, 60_000])) if not utterances else clock + 1000
    transcript = Transcript(
        AudioFacts(length, 8000, 2, "none", "none"),
        EngineInfo("reference"),
        tuple(utterances),
        untranscribed=tuple(gaps),
    )
    hits = tuple(
        hit_on(utterance, draw(st.sampled_from(("甲/子", "甲/丑", "乙"))))
        for utterance in utterances
        if draw(st.booleans())
    )
    metadata = draw(
        st.dictionaries(
            st.sampled_from(["team", "size"]), st.sampled_from(["红", "蓝", 3, 7]), max_size=2
        )
    )
    return CallView(transcript, hits, metadata, judgements=draw(judgements(tuple(utterances))))


@st.composite
def judgements(
    draw: st.DrawFn, utterances: tuple[Utterance, ...]
) -> dict[JudgeQuestion, Judgement]:
    """Answers to some of the questions; a yes quotes what the side, or somebody unknown, says."""
    found = {}
    for question in draw(st.sets(st.sampled_from(QUESTIONS))):
        quoted = [
            JudgeQuote(utterance=u.index, char_start=0, char_end=1)
            for u in utterances
            if question.role in ("any", u.role) or u.role == "unknown"
        ]
        verdicts = ["no", "unanswered", *(["yes"] if quoted else [])]
        verdict = draw(st.sampled_from(verdicts))
        quotes = draw(st.lists(st.sampled_from(quoted), min_size=1)) if verdict == "yes" else ()
        found[question] = Judgement(
            question=question, verdict=verdict, reason="因为", judge="m", quotes=tuple(quotes)
        )
    return found


def hit_on(utterance: Utterance, node: str) -> EventHit:
    """An event on the whole of an utterance."""
    return EventHit(
        utterance=utterance.index, role=utterance.role, char_start=0,
        char_end=len(utterance.text), start_ms=utterance.start_ms, end_ms=utterance.end_ms,
        layer="keyword", form="raw", score=1.0, text=utterance.text, node=node, tree="t@1",
    )  # fmt: skip


@lru_cache
def _several() -> st.SearchStrategy[tuple[Range, ...]]:
    return st.lists(ranges(), max_size=2).map(tuple)


@lru_cache
def ranges() -> st.SearchStrategy[Range]:
    """Ranges of every kind, empty ones left out."""
    counts = st.integers(1, 6)
    pairs = st.tuples(counts, counts).map(sorted)
    edges = st.sampled_from(["first", "last"])
    return st.one_of(
        st.builds(Range, edges, st.just(0), counts, st.just("utterances")),
        st.builds(Range, edges, st.just(0), counts, st.just("s")),
        pairs.map(lambda p: Range("between", p[0], p[1], "utterances")),
        pairs.map(lambda p: Range("between", p[0], p[1], "s")),
    )


@lru_cache
def scopes() -> st.SearchStrategy[Scope]:
    """A role and up to two ranges."""
    roles = st.sampled_from(["agent", "customer", "any"])
    return st.builds(Scope, role=roles, ranges=_several())


def anchors(names: st.SearchStrategy[str]) -> st.SearchStrategy[Anchor]:
    """Anchors on one of the conditions."""
    return st.builds(
        Anchor, of=names, side=st.sampled_from(["after", "before", "around"]),
        reach=st.builds(Reach, utterances=st.none() | st.integers(0, 3)),
        hit=st.sampled_from([EVERY_HIT, LAST_HIT, 1, 2]),
    )  # fmt: skip


@st.composite
def entries(draw: st.DrawFn, of: tuple[str, ...]) -> tuple[tuple[str, ...], str, int]:
    """Some of the words, a mode, and a count that fits."""
    words = tuple(draw(st.lists(st.sampled_from(of), min_size=1, max_size=3, unique=True)))
    mode = draw(st.sampled_from(["any", "all", "none", "at_least"]))
    return words, mode, draw(st.integers(1, len(words))) if mode == "at_least" else 1


@lru_cache
def tests_on_metadata() -> st.SearchStrategy[MetadataTest]:
    """Comparisons that the document can state."""
    return st.one_of(
        st.builds(
            MetadataTest, st.just("team"), st.just("in"),
            st.lists(st.sampled_from(["红", "蓝"]), min_size=1, max_size=2).map(tuple),
        ),
        st.builds(MetadataTest, st.just("team"), st.sampled_from(["=", "!="]), st.just(("红",))),
        st.builds(
            MetadataTest, st.sampled_from(["size", "duration_s"]),
            st.sampled_from([">", ">=", "<", "<="]), st.integers(1, 30).map(lambda n: (n,)),
        ),
    )  # fmt: skip


@lru_cache
def simple_conditions() -> st.SearchStrategy[Condition]:
    """Conditions that refer to no other."""
    keyword = st.builds(
        lambda e, s, one: KeywordCondition(
            words=e[0], mode=e[1], at_least=e[2], scope=s, polarity="any",
            in_one_utterance=one and e[1] in ("all", "at_least"),
        ),
        entries(WORDS),
        scopes(),
        st.booleans(),
    )  # fmt: skip
    regex = st.builds(
        RegexCondition,
        patterns=st.lists(
            st.sampled_from(PATTERNS), min_size=1, max_size=1
        ).map(tuple),
        negated=st.booleans(), scope=scopes(), polarity=st.just("any"),
    )  # fmt: skip
    event = st.builds(
        lambda e, s: EventCondition(nodes=e[0], mode=e[1], at_least=e[2], scope=s),
        entries(("甲", "甲/子", "乙")), scopes(),
    )  # fmt: skip
    bounds = st.one_of(
        st.builds(Bounds, above=st.integers(1, 30).map(float)),
        st.builds(Bounds, below=st.integers(1, 30).map(float)),
    )
    return st.one_of(
        keyword, regex, event,
        st.builds(ActCondition, act=st.sampled_from(["不文明用语", "客户/价格异议"]),
                  at_least=st.sampled_from([None, 0.5]), scope=scopes()),
        st.builds(EntityCondition, kinds=st.just(("phone",)), mode=st.sampled_from(["any", "none"]),
                  scope=scopes()),
        st.builds(RepetitionCondition, times=st.integers(2, 3), min_chars=st.integers(1, 4),
                  similarity=st.sampled_from([0.5, 0.8, 1.0]),
                  within=st.none() | st.integers(1, 3), scope=scopes()),
        st.builds(VolumeCondition, above=st.just(-20.0), count=st.integers(1, 3), scope=scopes()),
        st.builds(JudgeCondition, question=st.just("答应了吗？"),
                  role=st.sampled_from(["agent", "customer", "any"])),
        st.builds(TurnsCondition, bounds=bounds, of=st.sampled_from(["turns", "utterances"]),
                  role=st.sampled_from(["agent", "customer", "any"])),
        st.builds(SilenceCondition, min_s=st.sampled_from([0.5, 2.0, 4.0]),
                  count=st.integers(1, 2), ranges=_several()),
        st.builds(InterruptionCondition, role=st.sampled_from(["agent", "customer", "any"]),
                  min_overlap_ms=st.sampled_from([100, 500]), count=st.integers(1, 2),
                  ranges=_several()),
        st.builds(DurationCondition, bounds=bounds),
        st.builds(MetadataCondition, tests=tests_on_metadata().map(lambda test: (test,))),
    )  # fmt: skip


@st.composite
def rules(draw: st.DrawFn, rule_id: str = "r") -> Rule:
    """A rule of up to three plain conditions and two that relate them."""
    conditions: dict[str, Condition] = {
        name: draw(simple_conditions()) for name in "abc"[: draw(st.integers(1, 3))]
    }
    placed = [name for name, c in conditions.items() if not isinstance(c, _PLACELESS)]
    if placed:
        conditions |= draw(relations(placed, sorted(conditions)))
    veto = draw(st.booleans())
    return Rule(
        id=rule_id, name="规则", category="类", severity="minor", reason="因为",
        hit_if=draw(lines(sorted(conditions))), conditions=conditions,
        score=draw(st.sampled_from([0.0, -5.0, 2.5])), veto=veto,
        veto_if=None if veto else draw(st.none() | lines(sorted(conditions))),
        applies=tuple(draw(st.lists(tests_on_metadata(), max_size=1))),
        applies_if=draw(st.none() | lines(sorted(conditions))),
        unheard_ms=draw(st.sampled_from([0, 1000, 2000])),
    )  # fmt: skip


@st.composite
def relations(draw: st.DrawFn, placed: list[str], every: list[str]) -> dict[str, Condition]:
    """Some conditions that look at others."""
    makers, found = _relations_over(tuple(placed), tuple(every)), dict[str, Condition]()
    for name in draw(st.lists(st.sampled_from(sorted(makers)), max_size=3, unique=True)):
        found[name] = draw(makers[name])
    if len(placed) > 1 and draw(st.booleans()):
        found["p"] = draw(processes(draw(st.permutations(placed))))
    return found


@lru_cache
def _relations_over(
    placed: tuple[str, ...], every: tuple[str, ...]
) -> dict[str, st.SearchStrategy[Condition]]:
    names = st.sampled_from(placed)
    reach = st.builds(Reach, utterances=st.integers(0, 4))
    return {
        "o": st.builds(OrderCondition, first=names, then=names),
        "w": st.builds(
            WithinCondition, find=names, of=names, reach=reach, lacking=st.booleans(),
            direction=st.sampled_from(["after", "before", "around"]),
        ),
        "t": st.builds(TimesCondition, of=names, at_least=st.integers(1, 3),
                       at_most=st.none() | st.integers(0, 3)),
        "l": st.builds(LogicCondition, of=_lines_over(every)),
        "n": st.builds(
            lambda e, s, a: KeywordCondition(
                words=e[0], mode=e[1], at_least=e[2], scope=replace(s, anchor=a), polarity="any"
            ),
            entries(WORDS), scopes(), anchors(names),
        ),
    }  # fmt: skip


@st.composite
def processes(draw: st.DrawFn, names: list[str]) -> ProcessCondition:
    """A process over the conditions in that order, with branches that only lead on."""
    steps = []
    for at, name in enumerate(names):
        later = names[at + 1 :]
        following = later[:1] if later else []
        if len(later) > 1 and draw(st.booleans()):
            following = later[:2]
        steps.append(Step(
            step=name, next=tuple(following), optional=bool(at) and draw(st.booleans()),
            reach=draw(st.builds(Reach, utterances=st.none() | st.integers(0, 4))),
        ))  # fmt: skip
    return ProcessCondition(steps=tuple(steps))


def lines(names: list[str]) -> st.SearchStrategy[Line]:
    """Boolean lines over the given names."""
    return _lines_over(tuple(names))


@lru_cache
def _lines_over(names: tuple[str, ...]) -> st.SearchStrategy[Line]:
    def grow(inner: st.SearchStrategy[Line]) -> st.SearchStrategy[Line]:
        pairs = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(
            inner.map(Not), pairs.map(And), pairs.map(Or), pairs.map(lambda p: AtLeast(2, p))
        )

    return st.recursive(st.sampled_from(names).map(Name), grow, max_leaves=5)
