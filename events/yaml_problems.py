"""What is wrong with a text that is no YAML, and how to mend it, in Chinese."""

import re

import yaml

from core.errors import AppError

MAX_DEPTH = 100

# Patterns of PyYAML's own words, most telling first, with what people are told.
_TOLD = (
    (r"found character '\\t'", "缩进用了制表符（Tab），请换成空格"),
    (r"found character '(.+)' that cannot start", "值不能以 {} 开头，请把整个值加引号"),
    (r"mapping values are not allowed", "这里多了一个冒号，值里有冒号时请把整个值加引号"),
    (r"could not find expected ':'", "这一处缺少冒号，请写成“键: 值”，冒号后留一个空格"),
    (r"expected <block end>", "这一行的缩进与上面对不齐，同一层请用同样多的空格"),
    (r"sequence entries are not allowed", "这里不能写 - 开头的列表项，请另起一行并对齐缩进"),
    (r"mapping keys are not allowed", "这里不能写 ? 开头的键，请写成“键: 值”"),
    (r"found unexpected end of stream", "引号没有成对，请补上右引号"),
    (r"found unexpected document separator", "引号没有成对，请在 --- 之前补上右引号"),
    (r"expected ',' or '\]'", "方括号没有成对或少了逗号，请补上"),
    (r"expected ',' or '\}'", "花括号没有成对或少了逗号，请补上"),
    (r"found unknown escape character '(.+)'", "双引号里的 \\{} 不是转义，请把双引号换成单引号"),
    (r"expected escape sequence", "双引号里的转义不完整，请把双引号换成单引号"),
    (r"another document|<document start>", "一个文件只能有一份文档，请删去多出的内容与 ---"),
    (r"undefined alias|duplicate anchor|alphabetic or numeric",
     "不支持 YAML 锚点与别名，以 & 或 * 开头的值请加引号"),
    (r"tag|'!'|URI", "不支持 YAML 标签，以 ! 开头的值请加引号"),
    (r"expected the node content, but found '(.+)'", "这里缺少值，却出现了 {}，请补上或给值加引号"),
    (r"directive|version 1\.|'%'", "不支持 YAML 指令，请删去以 % 开头的行"),
    (r"chomping|indentation indicator|comment or a line break", "| 或 > 后面要直接换行，请改正"),
)  # fmt: skip


def told(error: yaml.MarkedYAMLError) -> str:
    """What a YAML error says and its fix, without a full stop."""
    problem = str(error.problem or error)
    for pattern, words in _TOLD:
        if found := re.search(pattern, problem):
            return words.format(*found.groups())
    return f"这一处读不了（{problem}），请检查缩进、冒号与引号"


def decoded(data: bytes, source: str, code: str) -> str:
    """The text of a document's bytes, which must be UTF-8.

    Raises:
        AppError: `code`, with the line and column of the first byte that is not.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = place(data[: error.start].decode("utf-8"), error.start)
        raise AppError(
            code,
            f"{source}:{line}:{column}: 这里不是 UTF-8 编码的文字（可能是 GBK 或 UTF-16），"
            "请用编辑器把文件另存为 UTF-8。",
            detail={"source": source, "line": line, "column": column},
        ) from error


def unread(error: OSError) -> str:
    """Why a file could not be read, in Chinese."""
    match error:
        case FileNotFoundError():
            return "没有这个文件"
        case IsADirectoryError():
            return "这是目录，不是文件"
        case PermissionError():
            return "没有读取权限"
        case _:
            return str(error.strerror)


def unprintable(text: str) -> tuple[int, int, str] | None:
    """Line and column, from 1, of the first character that YAML forbids, and what it is."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return None
    line, column = place(text, found.start())
    return line, column, f"这里有看不见的控制字符 U+{ord(found.group()):04X}，请删去"


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a code point of a text."""
    before = text[:offset].replace("\r\n", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def too_deep(text: str) -> tuple[int, int]:
    """Line and column, from 1, where a document is nested more than `MAX_DEPTH` deep."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH and event.start_mark is not None:
            return event.start_mark.line + 1, event.start_mark.column + 1
    return 1, 1
