import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.multipart import decode_file_name
from api.ranges import etag_matches, parse_range
from api.v1.calls.media import attachment, media_type_of
from core.errors import AppError


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 40))
def test_ranges_select_what_the_standard_says(size: int, first: int, last: int) -> None:
    content = list(range(size))
    for header, expected in (
        (f"bytes={first}-{last}", content[first : last + 1]),
        (f"bytes={first}-", content[first:]),
        (f"bytes=-{last}", content[max(0, size - last) :] if last else []),
    ):
        try:
            part = parse_range(header, size)
        except AppError as error:
            refusal = (error.code, error.detail)
            assert (expected, refusal) == ([], ("range-not-satisfiable", {"size_bytes": size}))
            continue
        if part is None:
            assert re.fullmatch(r"bytes=\d+-\d+", header)
            assert last < first
            continue
        assert content[part.start : part.end] == expected
        assert part.length == len(expected) > 0
        assert part.content_range == f"bytes {expected[0]}-{expected[-1]}/{size}"


@pytest.mark.parametrize("header", [None, "", "bytes", "bytes=", "bytes=a-b", "bytes=1-2,3-4"])
def test_what_is_no_single_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, 10) is None


def test_etags() -> None:
    assert etag_matches('W/"a", "b"', '"a"')
    assert etag_matches("*", '"a"')
    assert not etag_matches('"b"', '"a"')
    assert not etag_matches(None, '"a"')


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('form-data; name="files"; filename="张敏.wav"'.encode(), "张敏.wav"),
        ('form-data; name="files"; filename="张敏.wav"'.encode("gb18030"), "张敏.wav"),
        (b"form-data; name=files; filename*=UTF-8''%E5%BC%A0.wav", "张.wav"),
        (b'form-data; name="f"; filename="a.wav"; filename*=gbk\'\'%D5%C5.wav', "张.wav"),
        (b'form-data; name="f"; filename="C:\\dir\\a.wav"', "a.wav"),
        (b'form-data; name="f"; filename="../../etc/passwd"', "passwd"),
        (b'form-data; name="f"; filename="say %22hi%22.wav"', 'say "hi".wav'),
        (b'form-data; name="f"; filename="100%.wav"', "100%.wav"),
        (b'form-data; name="f"', ""),
    ],
)
def test_file_names(header: bytes, name: str) -> None:
    assert decode_file_name(header) == name


def test_media_types_come_from_the_name() -> None:
    assert media_type_of("a.WAV", "text/html") == "audio/wav"
    assert media_type_of("a", "audio/mpeg; codecs=mp3") == "audio/mpeg"
    assert media_type_of("a.html", "text/html") == "application/octet-stream"


@given(st.text(max_size=30))
def test_attachment_names_are_safe_headers(name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
