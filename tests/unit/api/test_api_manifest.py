import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.v1.calls.manifest import MAX_ROWS, parse_manifest
from api.v1.calls.metadata import UploadMetadata, parse_metadata
from core.errors import AppError

CSV = "file,agent,方向,等级\n一.wav,张敏,呼出,A\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_any_encoding_that_spreadsheets_write(encoding: str) -> None:
    (row,) = parse_manifest(CSV.encode(encoding), "m.csv")
    assert row.error is None
    assert row.files == ("一.wav",)
    assert row.metadata == UploadMetadata(agent="张敏", direction="outbound", fields={"等级": "A"})


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_with_any_delimiter(delimiter: str) -> None:
    (row,) = parse_manifest(CSV.replace(",", delimiter).encode(), "m.csv")
    assert row.metadata.agent == "张敏"


def test_rows_are_numbered_as_the_spreadsheet_shows_them() -> None:
    text = 'file,备注\n\na.wav,"一\n二"\nb.wav,x\n,y\nc.wav\n'
    rows = parse_manifest(text.encode(), "m.csv")
    assert [(row.row, row.files) for row in rows] == [
        (3, ("a.wav",)),
        (5, ("b.wav",)),
        (6, ()),
        (7, ("c.wav",)),
    ]
    assert rows[0].metadata.fields == {"备注": "一\n二"}
    assert rows[2].error is not None
    assert rows[2].error.detail == {"row": 6, "column": "file"}


def test_jsonl_keeps_types_and_reports_bad_lines() -> None:
    text = (
        '{"file": "a.wav", "ring_s": 3, "fields": {"n": 1}, "field.vip": true, "extra": [1]}\n'
        "{broken\n"
        "[1, 2]\n"
        '{"agent": "没有文件"}\n'
    )
    rows = parse_manifest(text.encode(), "m.jsonl")
    assert rows[0].metadata.ring_s == 3.0
    assert rows[0].metadata.fields == {"n": 1, "vip": True, "extra": [1]}
    assert [row.error is None for row in rows] == [True, False, False, False]
    assert [row.row for row in rows] == [1, 2, 3, 4]


def test_a_file_named_twice_is_told_at_the_second_place() -> None:
    rows = parse_manifest(b"file\na.wav\nb.wav\na.wav\n", "m.csv")
    assert [row.error is None for row in rows] == [True, True, False]
    assert rows[2].error is not None
    assert "第 2 行" in rows[2].error.message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"", "没有数据行"),
        (b"file\n", "没有数据行"),
        (b"name\na.wav\n", "file 列"),
        ("file,agent,坐席\na.wav,x,y\n".encode(), "重复"),
        (b"file\n" + b"a.wav\n" * (MAX_ROWS + 1), "拆分"),
        (b"\xff\xff\xff\x81", "编码"),
    ],
)
def test_a_manifest_that_cannot_be_used(content: bytes, expected: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_manifest(content, "m.csv")
    assert caught.value.code == "bad-manifest"
    assert expected in caught.value.message


def test_too_many_values_in_a_row() -> None:
    (row,) = parse_manifest("file,agent\na.wav,张,敏\n".encode(), "m.csv")
    assert row.error is not None
    assert "双引号" in row.error.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-01-06 09:30:05", "2025-01-06T09:30:05+08:00"),
        ("2025/1/6 9:30", "2025-01-06T09:30:00+08:00"),
        ("2025-01-06", "2025-01-06T00:00:00+08:00"),
        ("2025-01-06T01:30:00Z", "2025-01-06T01:30:00+00:00"),
        ("20250106T093000", "2025-01-06T09:30:00+08:00"),
    ],
)
def test_times(value: str, expected: str) -> None:
    moment = parse_metadata({"started_at": value}).started_at
    assert moment == dt.datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("value", "expected"), [("12", 12.0), (1.5, 1.5), ("00:01:30", 90.0), ("2:05", 125.0)]
)
def test_seconds(value: object, expected: float) -> None:
    assert parse_metadata({"talk_s": value}).talk_s == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("started_at", "昨天"),
        ("started_at", "2025-13-01"),
        ("started_at", "0001-01-01"),
        ("started_at", "2025-01-06 25:00"),
        ("ring_s", "-1"),
        ("ring_s", "nan"),
        ("ring_s", "inf"),
        ("talk_s", "abc"),
        ("方向", "打出"),
        ("channels", "agent,agent"),
        ("channels", "agent,customer,agent"),
        ("channels", "left,right"),
        ("agent", "x" * 501),
        ("agent", ["张敏"]),
        ("fields", "A"),
    ],
)
def test_bad_values_name_their_column(column: str, value: object) -> None:
    with pytest.raises(AppError) as caught:
        parse_metadata({column: value})
    assert caught.value.code == "bad-metadata"
    assert caught.value.detail["column"] == column
    assert column in caught.value.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("agent,customer", ("agent", "customer")),
        ("客户，坐席", ("customer", "agent")),
        (["customer", "agent"], ("customer", "agent")),
        ("unknown", ("unknown",)),
    ],
)
def test_channels(value: object, expected: tuple[str, ...]) -> None:
    assert parse_metadata({"声道": value}).channels == expected


def test_a_row_goes_over_what_holds_for_all() -> None:
    base = parse_metadata({"agent": "甲", "team": "一组", "fields": {"a": 1, "b": 1}})
    row = parse_metadata({"agent": "乙", "team": "", "field.b": 2})
    merged = row.over(base)
    assert (merged.agent, merged.team) == ("乙", "一组")
    assert merged.fields == {"a": 1, "b": 2}


@given(st.binary(max_size=200), st.sampled_from(["m.csv", "m.jsonl", "m"]))
def test_any_bytes_are_rows_or_one_error(content: bytes, name: str) -> None:
    try:
        rows = parse_manifest(content, name)
    except AppError as error:
        code = error.code
    else:
        code = "bad-manifest"
        assert rows
        assert all(row.error or row.files for row in rows)
    assert code == "bad-manifest"
