"""Random patterns over two letters, as trees that can be written and counted."""

from functools import lru_cache

from hypothesis import strategies as st

Node = tuple
_LETTERS = st.sampled_from("ab").map(lambda letter: ("letter", letter))


def _grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map(lambda pair: ("then", *pair)),
        pairs.map(lambda pair: ("or", *pair)),
        inner.map(lambda part: ("loop", part)),
        inner.map(lambda part: ("maybe", part)),
    )


def written(node: Node) -> str:
    match node:
        case ("letter", letter):
            return letter
        case ("then", one, other):
            return written(one) + written(other)
        case ("or", one, other):
            return f"(?:{written(one)}|{written(other)})"
        case ("loop", part):
            return f"(?:{written(part)})*"
        case ("maybe", part):
            return f"(?:{written(part)})?"
    raise AssertionError(node)


@lru_cache
def bodies(leaves: int) -> st.SearchStrategy[Node]:
    """Patterns of up to so many letters."""
    return st.recursive(_LETTERS, _grown, max_leaves=leaves)
