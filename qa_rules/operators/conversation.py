"""Operators on the conversation: questions without an answer, and other rules of the set."""

from collections.abc import Collection, Mapping, Sequence

from asr.timing import is_backchannel
from asr.transcript import ROLE_NAMES, Utterance
from core.span import Span
from nlp.questions import count_questions
from qa_rules.conditions.relations import UnansweredCondition
from qa_rules.conditions.scope import SaidBy, Scope
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.model import Rule
from qa_rules.operators.relations import RelationOperator, reaches
from qa_rules.verdicts.judging import RuleJudge
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, Verdicts, absent, found, precedes, unsettled


class UnansweredOperator(RelationOperator):
    """Runs an `UnansweredCondition`; the slots are those of its question and its answer, if any."""

    def __init__(
        self,
        condition: UnansweredCondition,
        question: int | None,
        answer: int | None,
        unheard_ms: int,
        missing: str,
    ) -> None:
        leading = () if question is None else (question,)
        super().__init__(tuple(s for s in (question, answer) if s is not None), missing, leading)
        self._condition = condition
        self._question = question
        self._answer = answer
        self._unheard_ms = unheard_ms
        self._asker: SaidBy = "agent" if condition.role == "agent" else "customer"
        self._other: SaidBy = "customer" if condition.role == "agent" else "agent"

    def stirs(self, awake: Collection[int]) -> bool:
        """Whether there may be a question."""
        return self._question is None or self._question in awake

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call."""
        if self._condition.reach.seconds is not None and not facts.hearing.timed:
            return unsettled(Gap(Truth.NOT_APPLICABLE, "没有时间信息，无法按秒计算距离"))
        answering = facts.hearing.select(Scope(role=self._other), self._unheard_ms)
        if answering.is_unknown and answering.gap is not None:
            return unsettled(answering.gap)
        questions, gap = self._questions(facts, verdicts)
        answers = verdicts[self._answer] if self._answer is not None else None
        open_ones = [q for q in questions if not self._answered(facts, q, answers)]
        sure = tuple(q for q in open_ones if self._heard(facts, q, answers))
        if sure:
            return found(sure, gap)
        if open_ones:
            name = ROLE_NAMES[self._other]
            return unsettled(
                Gap(Truth.UNDECIDABLE, f"提问之后{name}有语音没有转写文本，可能回答了")
            )
        return unsettled(gap) if gap is not None else absent(self.searched(facts))

    def _questions(
        self, facts: CallFacts, verdicts: Verdicts
    ) -> tuple[Sequence[Found], Gap | None]:
        if self._question is not None:
            asked = verdicts[self._question]
            return asked.occurrences, asked.gap
        selection = facts.hearing.select(Scope(role=self._asker), self._unheard_ms)
        return [
            quote(utterance, 0, len(utterance.text), "keyword", "raw")
            for utterance in selection.utterances
            if count_questions(utterance.text)
        ], selection.gap

    def _answered(self, facts: CallFacts, question: Found, answers: Verdict | None) -> bool:
        reach = self._condition.reach
        if answers is not None:
            return any(
                precedes(question, item) and reaches(reach, question, item)
                for item in answers.occurrences
            )
        return any(
            self._is_answer(utterance) and reaches(reach, question, _whole(utterance))
            for utterance in facts.transcript.utterances
            if _after(question, utterance)
        )

    def _is_answer(self, utterance: Utterance) -> bool:
        return utterance.role == self._other and not is_backchannel(utterance.text)

    def _heard(self, facts: CallFacts, question: Found, answers: Verdict | None) -> bool:
        """Whether an answer could not have gone unheard: any speech without text may be one."""
        if answers is not None:
            return answers.gap is None
        end = facts.hearing.spoken.end_ms
        window = Span(min(question.end_ms, end), end)
        return facts.hearing.unheard(self._other, [window], 0) is None


def _after(question: Found, utterance: Utterance) -> bool:
    if question.utterance is None:
        return utterance.start_ms >= question.end_ms
    return utterance.index > question.utterance


def _whole(utterance: Utterance) -> Found:
    return quote(utterance, 0, len(utterance.text), "timing", "raw")


class RuleOperator(RelationOperator):
    """Runs a `RuleCondition`: `rule` with its conditions at `named` slots."""

    def __init__(self, rule: Rule, named: Mapping[str, int]) -> None:
        super().__init__(tuple(named.values()))
        self._name = rule.name
        self._judge = RuleJudge(rule, named)

    def stirs(self, _awake: Collection[int]) -> bool:
        """Always: a rule may hit on what is absent."""
        return True

    def __call__(self, facts: CallFacts, verdicts: Verdicts) -> Verdict:
        """The verdict on one call: a rule as a whole happens nowhere in it."""
        judgement = self._judge.judge(facts, verdicts)
        if not judgement.truth.known:
            return unsettled(Gap(judgement.truth, f"规则“{self._name}”：{judgement.reason}"))
        return Verdict(judgement.truth, judgement.evidence)
