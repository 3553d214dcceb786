"""Exact layers: keyword expressions, regular expressions, and keywords by sound."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import re2

from core.errors import AppError
from core.evidence import Form, Layer
from events.cues import negated, quoted
from events.keywords import (
    CharSpan,
    Expression,
    Occurrences,
    find,
    map_terms,
    parse_expression,
    substring_spans,
    terms,
)
from events.tree import EventNode
from nlp.normalise import TextForms, forms
from nlp.phonetics import SoundCodes, syllables, toned_syllables
from nlp.tokenizer import default_tokenizer

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
class _Rules:
    expressions: tuple[Expression, ...]
    patterns: tuple[re2._Regexp, ...]
    by_sound: bool
    negation: bool


class ExactMatcher:
    """The exact layers of all nodes of a tree, compiled once.

    Every term is searched once per text, and only expressions with a term that occurs are
    evaluated.
    """

    def __init__(self, nodes: tuple[EventNode, ...]) -> None:
        self._rules = {node.path: _compile(node) for node in nodes}
        self._by_term: dict[str, list[str]] = {}
        for path, rules in self._rules.items():
            words = {term for expression in rules.expressions for term in terms(expression)}
            for word in words:
                self._by_term.setdefault(word, []).append(path)
        self._patterns = _PatternSet(
            [
                (path, pattern.pattern)
                for path, rules in self._rules.items()
                for pattern in rules.patterns
            ]
        )
        self._sounds = _Sounds([t for t, p in self._by_term.items() if self._audible(t, p)])

    def _audible(self, term: str, paths: list[str]) -> bool:
        return _speakable(term) and any(self._rules[path].by_sound for path in paths)

    def match(self, text: TextForms, allowed: set[str]) -> dict[str, ExactMatch]:
        """The first exact match of each of the `allowed` nodes in one text."""
        found: dict[str, ExactMatch] = {}
        for form, content, sentences in _texts(text):
            present = {term for term in self._by_term if term in content}
            touched = {path for term in present for path in self._by_term[term]}
            for path in touched & allowed - found.keys():
                self._add(found, path, self._keyword(path, form, content, sentences, present))
            for path in self._patterns.candidates(content) & allowed - found.keys():
                self._add(found, path, self._regex(path, form, content, sentences))
        sounding = self._sounds.find(text)
        audible = {path for term in sounding for path in self._by_term[term]}
        for path in audible & allowed - found.keys():
            if self._rules[path].by_sound:
                self._add(found, path, self._by_sound(path, text, sounding))
        return found

    @staticmethod
    def _add(found: dict[str, ExactMatch], path: str, match: ExactMatch | None) -> None:
        if match is not None:
            found[path] = match

    def _keyword(
        self,
        path: str,
        form: Form,
        content: str,
        sentences: tuple[CharSpan, ...],
        present: set[str],
    ) -> ExactMatch | None:
        rules = self._rules[path]
        for start, end in sentences:
            sentence = content[start:end]
            for expression in rules.expressions:
                spans = find(expression, _written_in(sentence, present))
                span = _said(sentence, spans, rules.negation)
                if span:
                    return ExactMatch("keyword", form, start + span[0], start + span[1])
        return None

    def _regex(
        self, path: str, form: Form, content: str, sentences: tuple[CharSpan, ...]
    ) -> ExactMatch | None:
        rules = self._rules[path]
        for start, end in sentences:
            sentence = content[start:end]
            for pattern in rules.patterns:
                spans = tuple(match.span() for match in pattern.finditer(sentence))
                span = _said(sentence, spans, rules.negation)
                if span and span[0] < span[1]:
                    return ExactMatch("regex", form, start + span[0], start + span[1])
        return None

    def _by_sound(
        self, path: str, text: TextForms, sounding: dict[str, tuple[CharSpan, ...]]
    ) -> ExactMatch | None:
        rules = self._rules[path]
        for start, end in text.heard_sentences:
            sentence = text.heard[start:end]
            occurrences = _sounding_in(sentence, start, end, sounding)
            for expression in rules.expressions:
                span = _said(sentence, find(expression, occurrences), rules.negation)
                if span:
                    return ExactMatch("pinyin", "pinyin", start + span[0], start + span[1])
        return None


def _sounding_in(
    sentence: str, start: int, end: int, sounding: dict[str, tuple[CharSpan, ...]]
) -> Occurrences:
    """Occurrences of terms in a sentence, as written or else by sound."""

    def occurrences(term: str) -> tuple[CharSpan, ...]:
        by_sound = tuple(
            (a - start, b - start) for a, b in sounding.get(term, ()) if a >= start and b <= end
        )
        return by_sound or substring_spans(term, sentence)

    return occurrences


def _written_in(sentence: str, present: set[str]) -> Occurrences:
    def occurrences(term: str) -> tuple[CharSpan, ...]:
        return substring_spans(term, sentence) if term in present else ()

    return occurrences


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
        expressions = tuple(compile_expression(source) for source in node.match.keywords)
    except AppError as error:
        raise AppError("bad-tree", f"节点 {node.path}：{error.message}") from error
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
        self._paths = [path for path, _ in patterns]
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 64 << 20
        self._set = re2.Set.SearchSet(options)
        for _, pattern in patterns:
            self._set.Add(pattern)
        self._anchored = {path for path, pattern in patterns if "^" in pattern or "$" in pattern}
        self._set.Compile()

    def candidates(self, content: str) -> set[str]:
        """Nodes to look at; anchors hold at sentence borders, which the whole text hides."""
        if not self._paths:
            return set()
        return {self._paths[index] for index in self._set.Match(content) or ()} | self._anchored


class _Sounds:
    """Keyword terms by sound; the shorter a term, the more exactly it must agree."""

    def __init__(self, words: list[str]) -> None:
        self._codes = SoundCodes()
        self._exact = SoundCodes(fuzzy=False)
        self._long = {
            word: self._codes.encode(syllables(word)) for word in words if len(word) >= _FUZZY_MIN
        }
        self._medium = {
            word: self._exact.encode(syllables(word)) for word in words if len(word) == _SOUND_MIN
        }
        self._short: dict[tuple[str, ...], list[str]] = {}
        for word in words:
            if len(word) == _EXACT_MIN:
                self._short.setdefault(toned_syllables(word), []).append(word)

    def find(self, text: TextForms) -> dict[str, tuple[CharSpan, ...]]:
        """Terms that occur in `heard` by sound and nowhere as written, with their spans."""
        found: dict[str, tuple[CharSpan, ...]] = {}
        for codes, coded in ((self._codes, self._long), (self._exact, self._medium)):
            sound = codes.encode(text.pinyin)
            for word, code in coded.items():
                if code in sound and word not in text.heard:
                    found[word] = substring_spans(code, sound)
        toned = text.toned
        places: dict[str, list[CharSpan]] = {}
        for start, pair in enumerate(pairwise(toned)):
            for word in self._short.get(pair, ()):
                if word not in text.heard:
                    places.setdefault(word, []).append((start, start + _EXACT_MIN))
        if places:
            edges = default_tokenizer().boundaries(text.heard)
            for word, spans in places.items():
                whole = tuple(span for span in spans if edges.issuperset(span))
                if whole:
                    found[word] = whole
        return found
