"""Exact layers: keyword expressions, regular expressions, and keywords by sound."""

from collections.abc import Callable, Iterable, Iterator, KeysView, Sequence, Set
from dataclasses import dataclass

import re2

from core.errors import AppError
from core.evidence import Form, Layer
from events.cues import negated, quoted
from events.keywords import (
    CharSpan,
    Expression,
    find,
    map_terms,
    needed,
    parse_expression,
    terms,
)
from events.tree import EventNode
from nlp.normalise import TextForms, forms
from nlp.phonetics import SoundCodes, syllables, toned_syllables
from nlp.tokenizer import default_tokenizer
from nlp.word_search import WordSearch

_FUZZY_MIN = 4  # From here on, merged sounds (zh/z, n/l, ...) count as equal.
_SOUND_MIN = 3  # From here on, syllables agree without their tones.
_EXACT_MIN = 2  # These must agree in tone and lie on word boundaries.


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """Where an exact layer matched: a half-open span of the form's code points."""

    layer: Layer
    form: Form
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Expression:
    """An expression of a node, and sets of terms of which one each must occur for it to hold."""

    expression: Expression
    needed: tuple[frozenset[str], ...]

    def may_hold(self, present: KeysView[str]) -> bool:
        return not any(map(present.isdisjoint, self.needed))


@dataclass(frozen=True, slots=True)
class _Rules:
    expressions: tuple[_Expression, ...]
    patterns: tuple[re2._Regexp, ...]
    by_sound: bool
    negation: bool


_Places = dict[str, tuple[CharSpan, ...]]
_Index = dict[str, list[tuple[str, int]]]


class ExactMatcher:
    """The exact layers of all nodes of a tree, compiled once.

    One pass over a text finds every term in it, and only expressions whose terms occur are
    evaluated.
    """

    def __init__(self, nodes: tuple[EventNode, ...]) -> None:
        self._rules = {node.path: _compile(node) for node in nodes}
        self._written: _Index = {}
        self._heard: _Index = {}
        for path, rules in self._rules.items():
            for at, one in enumerate(rules.expressions):
                for term in one.needed[0]:
                    self._written.setdefault(term, []).append((path, at))
                for term in terms(one.expression) if rules.by_sound else ():
                    self._heard.setdefault(term, []).append((path, at))
        self._words = WordSearch(
            term
            for rules in self._rules.values()
            for one in rules.expressions
            for term in terms(one.expression)
        )
        self._sounds = _Sounds([term for term in self._heard if _speakable(term)])
        self._patterns = _PatternSet(
            [
                (path, pattern.pattern)
                for path, rules in self._rules.items()
                for pattern in rules.patterns
            ]
        )

    def match(self, text: TextForms, allowed: Set[str]) -> dict[str, ExactMatch]:
        """The first exact match of each of the `allowed` nodes in one text."""
        found: dict[str, ExactMatch] = {}
        present: _Places = {}
        for form, content, sentences in _texts(text):
            present = self._words.spans_in(content)
            due = self._maybe(self._written, present, present, allowed - found.keys())
            places = _by_sentence(present, sentences) if due else ()
            for path, which in due.items():
                span = self._first(path, which, content, sentences, places)
                if span:
                    found[path] = ExactMatch("keyword", form, *span)
            for path in self._patterns.candidates(content, sentences) & (allowed - found.keys()):
                span = self._matched(path, content, sentences)
                if span:
                    found[path] = ExactMatch("regex", form, *span)
        sounding = self._sounds.find(text)
        if sounding:
            # The last form is the heard one: other terms may stand there as they are written.
            either = {**present, **sounding}
            due = self._maybe(self._heard, sounding, either, allowed - found.keys())
            places = _by_sentence(either, text.heard_sentences) if due else ()
            for path, which in due.items():
                span = self._first(path, which, text.heard, text.heard_sentences, places)
                if span:
                    found[path] = ExactMatch("pinyin", "pinyin", *span)
        return found

    def _maybe(
        self, index: _Index, due: _Places, present: _Places, allowed: Set[str]
    ) -> dict[str, list[int]]:
        """The expressions of each node that may hold: a term is due, and all they need is there."""
        touched = {place for term in due for place in index.get(term, ()) if place[0] in allowed}
        found: dict[str, list[int]] = {}
        there = present.keys()
        for path, at in sorted(touched):
            if self._rules[path].expressions[at].may_hold(there):
                found.setdefault(path, []).append(at)
        return found

    def _first(
        self,
        path: str,
        which: Sequence[int],
        content: str,
        sentences: Sequence[CharSpan],
        places: Sequence[_Places],
    ) -> CharSpan | None:
        """Where the first of some expressions of a node holds, in the first sentence it does.

        `places` are those of the terms in each sentence, counted from its beginning.
        """
        rules = self._rules[path]
        for (start, end), inside in zip(sentences, places, strict=True):
            if not inside:
                continue
            for at in which:
                spans = find(rules.expressions[at].expression, inside.get)
                span = _said(content[start:end], spans, rules.negation) if spans else None
                if span:
                    return start + span[0], start + span[1]
        return None

    def _matched(self, path: str, content: str, sentences: Sequence[CharSpan]) -> CharSpan | None:
        """Where the first of a node's patterns matches, in the first sentence one does."""
        rules = self._rules[path]
        for start, end in sentences:
            sentence = content[start:end]
            for pattern in rules.patterns:
                spans = tuple(match.span() for match in pattern.finditer(sentence))
                span = _said(sentence, spans, rules.negation)
                if span and span[0] < span[1]:
                    return start + span[0], start + span[1]
        return None


def _by_sentence(places: _Places, sentences: Sequence[CharSpan]) -> list[_Places]:
    """The places of terms in each sentence, counted from its beginning."""
    if len(sentences) == 1:
        return [places]
    found: list[_Places] = []
    for start, end in sentences:
        inside: _Places = {}
        for term, spans in places.items():
            within = tuple([(a - start, b - start) for a, b in spans if start <= a and b <= end])
            if within:
                inside[term] = within
        found.append(inside)
    return found


def compile_expression(source: str) -> Expression:
    """An expression whose terms are folded as texts are: lower case, no punctuation.

    Raises:
        AppError: `bad-expression`.
    """
    return map_terms(parse_expression(source), lambda term: forms(term).heard or term)


def compile_pattern(pattern: str) -> "re2._Regexp":
    """An RE2 pattern, compiled without writing to standard error.

    Raises:
        re2.error: when the pattern is not valid.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def _compile(node: EventNode) -> _Rules:
    try:
        patterns = tuple(compile_pattern(pattern) for pattern in node.match.regex)
    except re2.error as error:
        raise AppError(
            "bad-tree", f"节点 {node.path} 有无效的正则表达式：{error}。请运行 tree lint 查看。"
        ) from error
    try:
        compiled = [compile_expression(source) for source in node.match.keywords]
    except AppError as error:
        raise AppError("bad-tree", f"节点 {node.path}：{error.message}") from error
    expressions = tuple(_Expression(one, needed(one)) for one in compiled)
    return _Rules(expressions, patterns, node.match.pinyin, node.match.negation)


def _texts(text: TextForms) -> Iterator[tuple[Form, str, tuple[CharSpan, ...]]]:
    yield "normalised", text.normalised, text.sentences
    if text.heard != text.normalised:
        yield "raw", text.heard, text.heard_sentences


def _said(sentence: str, spans: tuple[CharSpan, ...], negation: bool) -> CharSpan | None:
    """The first span that the sentence says itself: neither denied nor repeated."""
    for start, end in spans:
        if negation and (negated(sentence, start) or quoted(sentence, start)):
            continue
        return start, end
    return None


def _speakable(term: str) -> bool:
    return len(term) >= _EXACT_MIN and all("一" <= character <= "鿿" for character in term)


class _PatternSet:
    """One pass of RE2 over a text that says which nodes have a pattern that occurs."""

    def __init__(self, patterns: list[tuple[str, str]]) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 64 << 20
        self._set = re2.Set.SearchSet(options)
        self._always = frozenset(path for path, pattern in patterns if not _by_line(pattern))
        self._paths = [path for path, pattern in patterns if _by_line(pattern)]
        for _, pattern in patterns:
            if _by_line(pattern):
                self._set.Add(f"(?m){pattern}")  # Every sentence is a line: anchors hold there.
        self._set.Compile()

    def candidates(self, content: str, sentences: tuple[CharSpan, ...]) -> Set[str]:
        """Nodes to look at."""
        if not self._paths:
            return self._always
        if len(sentences) > 1:
            content = "\n".join([content[start:end] for start, end in sentences])
        matched = self._set.Match(content)
        return {self._paths[at] for at in matched} | self._always if matched else self._always


def _by_line(pattern: str) -> bool:
    """Whether a pattern that is found in a line is also found when searching many lines."""
    plain = pattern.replace("(?:", "").replace("(?P<", "")
    return not any(special in plain for special in (r"\A", r"\z", "(?"))


class _Sounds:
    """Keyword terms by sound; the shorter a term, the more exactly it must agree."""

    def __init__(self, words: list[str]) -> None:
        self._long = _Sounding(
            SoundCodes(), [word for word in words if len(word) >= _FUZZY_MIN], syllables
        )
        self._medium = _Sounding(
            SoundCodes(fuzzy=False), [word for word in words if len(word) == _SOUND_MIN], syllables
        )
        self._short = _Sounding(
            SoundCodes(fuzzy=False),
            [word for word in words if len(word) == _EXACT_MIN],
            toned_syllables,
        )

    def find(self, text: TextForms) -> _Places:
        """Terms that occur in `heard` by sound and nowhere as written, with their spans."""
        found = self._long.find(text.heard, text.pinyin)
        found.update(self._medium.find(text.heard, text.pinyin))
        places = self._short.find(text.heard, text.toned)
        if places:
            edges = default_tokenizer().boundaries(text.heard)
            for word, near in places.items():
                whole = tuple(span for span in near if edges.issuperset(span))
                if whole:
                    found[word] = whole
        return found


class _Sounding:
    """Terms that are looked for by the codes of their sounds."""

    def __init__(
        self, codes: SoundCodes, words: Sequence[str], read: Callable[[str], Iterable[str]]
    ) -> None:
        self._codes = codes
        self._words: dict[str, list[str]] = {}
        for word in words:
            self._words.setdefault(codes.encode(read(word)), []).append(word)
        self._search = WordSearch(self._words)

    def find(self, heard: str, sounds: Iterable[str]) -> _Places:
        """The terms that occur in the sounds of a text and nowhere in its characters."""
        if not self._words:
            return {}
        coded = self._search.spans_in(self._codes.encode(sounds))
        return {
            word: spans
            for code, spans in coded.items()
            for word in self._words[code]
            if word not in heard
        }
