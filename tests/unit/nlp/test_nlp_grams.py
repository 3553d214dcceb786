import zlib

from hypothesis import given
from hypothesis import strategies as st

from nlp.grams import SIZES, gram_slots


@given(
    st.lists(st.text(alphabet="您好吗加微信aé1%^$𠮷兙", max_size=12), max_size=6),
    st.sampled_from([3, 13, 14, 24]),
)
def test_slots_are_those_of_every_n_gram_hashed_alone(texts: list[str], bits: int) -> None:
    slots, starts = gram_slots(texts, bits)
    assert len(starts) == len(texts)
    ends = [*starts[1:], len(slots)][: len(texts)]
    for text, start, end in zip(texts, starts, ends, strict=True):
        padded = f"^{text}$"
        wanted = {
            zlib.crc32(padded[at : at + size].encode()) & ((1 << bits) - 1)
            for size in SIZES
            for at in range(len(padded) - size + 1)
        }
        assert slots[start:end].tolist() == sorted(wanted)


def test_thousands_of_different_characters_are_kept_apart() -> None:
    texts = [chr(code) for code in range(0x4E00, 0x4E00 + 6000)]
    slots, starts = gram_slots(texts, 30)
    assert len(starts) == len(texts)
    own = zlib.crc32(texts[-1].encode()) & ((1 << 30) - 1)
    assert own in slots[starts[-1] :].tolist()
