"""EventTree: the key events of one sales process, as plain values."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from asr.transcript import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Matchers:
    """How one node is recognised; any matcher that fires makes a hit.

    `keywords` are expressions of `events.keywords`, `regex` RE2 patterns; both see the text
    without punctuation, in lower case, with numbers as digits, and as heard. `examples` say the
    event in other words, `counter_examples` look like it and are not it. `threshold` in (0, 1)
    is the semantic score to reach, None = the matcher's default. `pinyin` also compares keyword
    terms by sound. `negation` drops exact hits that are negated ("不用加微信"); switch it off for
    nodes that are negations themselves. `act` names a built-in dialogue act (a path of
    `events.acts.labels.ACTS`) that the trained model recognises in any wording. `judge` is a
    yes-or-no question for the language model of `judge.base_url`; without one it never fires.
    """

    keywords: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    counter_examples: tuple[str, ...] = ()
    threshold: float | None = None
    pinyin: bool = True
    negation: bool = True
    act: str | None = None
    judge: str | None = None

    @property
    def empty(self) -> bool:
        """True when nothing could ever match."""
        return not (self.keywords or self.regex or self.examples or self.act or self.judge)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A place near another event: some hit of one of `nodes`, at most so far away.

    `within_utterances` counts utterances of both sides (1 = the adjacent one); `within_s` counts
    seconds between the end of the one and the start of the other. None = any distance.
    """

    nodes: tuple[str, ...]
    within_utterances: int | None = None
    within_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Where in a call a node may match; every limit that is given must hold.

    `first_utterances`/`last_utterances` count utterances of both sides; `first_s`/`last_s` count
    seconds from the start of the first utterance and to the end of the last one.
    """

    first_utterances: int | None = None
    last_utterances: int | None = None
    first_s: int | None = None
    last_s: int | None = None
    after: Anchor | None = None
    before: Anchor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How much likelier an event is after another one.

    `bonus` (-1 to 1) is added to the semantic score of utterances that follow `after`.
    """

    after: Anchor
    bonus: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNode:
    """One event of the tree, with its children.

    `path` joins the names from the root with `/` and is what hits and rules refer to; `key` is
    the stable identifier among its siblings, unchanged when a node is renamed. `sop` marks a
    step of the sales process; `expected` counts it in the coverage with `weight`, `required`
    reports it as a fault when missed. `applies_after` names events without which the step does
    not apply (an answer to an objection that nobody raised).
    """

    key: str
    name: str
    path: str
    role: Role
    description: str = ""
    sop: bool = False
    expected: bool = True
    required: bool = False
    weight: float = 1.0
    match: Matchers = field(default_factory=Matchers)
    scope: Scope | None = None
    context: Context | None = None
    applies_after: tuple[str, ...] = ()
    children: "tuple[EventNode, ...]" = ()

    def walk(self) -> "Iterator[EventNode]":
        """This node, then its descendants in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def anchors(self) -> tuple[str, ...]:
        """Paths of the other nodes that decide where this one may match."""
        found: list[str] = []
        if self.scope is not None:
            for anchor in (self.scope.after, self.scope.before):
                found.extend(anchor.nodes if anchor else ())
        if self.context is not None:
            found.extend(self.context.after.nodes)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallVocabulary:
    """Words that the calls of a tree are full of: names of companies, products, people.

    `terms` hold for every call, `campaigns` (pairs of campaign and terms) for the calls of one
    campaign. `correction`: recognised text that sounds like a term and is no wording of its own
    becomes the term. `hotwords`: the recogniser is told the terms before it listens.
    """

    terms: tuple[str, ...] = ()
    campaigns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    correction: bool = True
    hotwords: bool = True

    def terms_for(self, campaign: str | None) -> tuple[str, ...]:
        """The terms of a call of `campaign`, each once, those of the campaign first."""
        own = next((terms for name, terms in self.campaigns if name == campaign), ())
        return tuple(dict.fromkeys((*own, *self.terms)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """When a call is a conversation at all; in shorter calls no SOP step applies.

    `min_customer_utterances` counts the customer's utterances with text, `min_duration_s` the
    length of the recording.
    """

    min_customer_utterances: int = 3
    min_duration_s: int = 15


@dataclass(frozen=True, slots=True)
class Background:
    """A sentence that is none of the tree's events; semantic scores contrast with it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTree:
    """A versioned key-event tree. `domain` is the industry it is for (`general`, `edu`, ...)."""

    name: str
    version: str = "1"
    domain: str = "general"
    description: str = ""
    nodes: tuple[EventNode, ...] = ()
    background: tuple[Background, ...] = ()
    conversation: Conversation = field(default_factory=Conversation)
    vocabulary: CallVocabulary = field(default_factory=CallVocabulary)

    @property
    def ref(self) -> str:
        """`name@version`, as hits carry it."""
        return f"{self.name}@{self.version}"

    def walk(self) -> Iterator[EventNode]:
        """Every node in document order, parents before children."""
        for node in self.nodes:
            yield from node.walk()

    def leaves(self) -> tuple[EventNode, ...]:
        """The nodes without children, in document order."""
        return tuple(node for node in self.walk() if not node.children)

    def node(self, path: str) -> EventNode | None:
        """The node at `path`, None when the tree has no such node."""
        return next((node for node in self.walk() if node.path == path), None)

    def steps(self) -> tuple[EventNode, ...]:
        """The SOP steps, in the order in which the tree expects them."""
        return tuple(node for node in self.walk() if node.sop)
