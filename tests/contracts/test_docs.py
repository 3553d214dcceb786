"""The documentation speaks of things that exist: files, commands, options, addresses, settings."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
from pydantic import BaseModel

from api.app import create_app
from cli.main import app as cli_app
from core.settings import Settings
from events.document import parse_tree
from events.lint import lint_tree
from models.database import Database
from pipeline.storage import open_store
from qa_rules.documents.rule_sets import parse_ruleset

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
# Pages that speak both languages themselves.
BILINGUAL = {"acts.md", "metrics.md", "settings.md", "dependencies.md", "benchmarks.md"}
# Variables of the command line and of tests, beside those of the settings tree.
OTHER_VARIABLES = {"TINGJIAN_URL", "TINGJIAN_API_KEY"}

FENCE = re.compile(r"^[ ]*```(\w*)\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[/\s])tingjian[ ]+([a-z][a-z-]*)((?:[ ]+.*)?)$")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
ADDRESS = re.compile(r"/api/v1(/[^\s'\"`?)|，。；、]*)?")
VARIABLE = re.compile(r"TINGJIAN_[A-Z0-9_]*[A-Z0-9]")
OPERATION = re.compile(r"^(GET|POST|PATCH|PUT|DELETE) (/[^\s?]*)")


def ident(page: Path) -> str:
    return str(page.relative_to(ROOT))


def without_code(text: str) -> str:
    return INLINE.sub("", FENCE.sub("", text))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the usual Markdown renderers make them."""
    found = set()
    for line in FENCE.sub("", page.read_text(encoding="utf-8")).splitlines():
        if heading := re.match(r"#{1,6} (.+)", line):
            plain = re.sub(r"[^\w\- ]", "", heading[1].strip().lower())
            found.add(plain.replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def counterpart(page: Path) -> Path | None:
    """The page in the other language, None for pages that need none."""
    if page.parent == ROOT:
        return {"README.md": ROOT / "README.en.md", "README.en.md": ROOT / "README.md"}.get(
            page.name
        )
    if page.name in BILINGUAL or page.parent.name == "decisions":
        return None
    docs = ROOT / "docs"
    return docs / page.name if page.parent.name == "en" else docs / "en" / page.name


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_pages_come_in_chinese_and_english(page: Path) -> None:
    other = counterpart(page)
    if other is None:
        return
    assert other.is_file(), f"{ident(page)} has no counterpart {ident(other)}"
    links = LINK.findall(without_code(page.read_text(encoding="utf-8")))
    assert other in [(page.parent / link).resolve() for link in links]


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent == ROOT / "docs" and counterpart(p)], ids=ident
)
def test_the_languages_have_the_same_sections_and_examples(page: Path) -> None:
    def outline(text: str) -> list[int]:
        return [len(marks) for marks in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]

    other = counterpart(page)
    assert other is not None
    ours, theirs = (path.read_text(encoding="utf-8") for path in (page, other))
    assert outline(ours) == outline(theirs)
    assert [kind for kind, _ in FENCE.findall(ours)] == [kind for kind, _ in FENCE.findall(theirs)]
    assert sorted(set(VARIABLE.findall(ours))) == sorted(set(VARIABLE.findall(theirs)))


def commands_in(text: str) -> Iterator[tuple[str, str]]:
    """Each command line of `tingjian` in a page: its first word, and the rest."""
    lines = [line.split("  #")[0] for _, code in FENCE.findall(text) for line in code.splitlines()]
    prose = FENCE.sub("", text)
    lines += [" ".join(code.split()).replace("\\|", "|") for code in INLINE.findall(prose)]
    for line in lines:
        if line.lstrip().startswith("#"):
            continue
        if found := COMMAND.search(line.strip()):
            yield found[1], found[2]


@cache
def root_command() -> Any:
    return typer.main.get_command(cli_app)


def options_of(words: list[str]) -> set[str]:
    """The options of the command that the words begin with.

    Raises:
        KeyError: when there is no such command.
    """
    context = typer.Context(root_command())
    command = root_command().get_command(context, words[0])
    if command is None:
        raise KeyError(words[0])
    if hasattr(command, "commands"):
        command = command.commands[words[1]] if len(words) > 1 else command
    names = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    return names | {"--help", "--version"}


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_commands_and_options_exist(page: Path) -> None:
    wrong = []
    for name, rest in commands_in(page.read_text(encoding="utf-8")):
        words = [name, *re.findall(r"^ *([a-z][a-z-]*)", rest)]
        try:
            known = options_of(words)
        except KeyError as missing:
            wrong.append(f"tingjian {name}{rest}: {missing}")
            continue
        wrong += [f"tingjian {name}{rest}: {o}" for o in OPTION.findall(rest) if o not in known]
    assert not wrong


def test_every_command_is_in_the_command_line_page() -> None:
    told = {
        f"{name}{rest}" for name, rest in commands_in((ROOT / "docs/cli.md").read_text("utf-8"))
    }
    context = typer.Context(root_command())
    for name in root_command().list_commands(context):
        command = root_command().get_command(context, name)
        for full in [f"{name} {sub}" for sub in getattr(command, "commands", ())] or [name]:
            assert any(line == full or line.startswith(f"{full} ") for line in told), full


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    app = create_app(settings, Database("postgresql:///nowhere"), open_store(settings))
    found: dict[str, Any] = app.openapi()["paths"]
    return found


def known_methods(paths: dict[str, Any], address: str) -> set[str]:
    """The methods of an address, with its placeholders or values in any spelling; empty = none."""
    parts = address.rstrip("/").split("/")
    known: set[str] = set()
    for template, item in paths.items():
        wanted = template.split("/")
        if len(wanted) == len(parts) and all(
            w == p or w.startswith("{") for w, p in zip(wanted, parts, strict=True)
        ):
            known |= {method.upper() for method in item}
    return known


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_addresses_are_in_the_openapi_document(page: Path, paths: dict[str, Any]) -> None:
    text = page.read_text(encoding="utf-8")
    addresses = {match.group().rstrip("./") for match in ADDRESS.finditer(text)}
    addresses -= {"/api/v1", "/api/v1/openapi.json"}
    wrong = [address for address in addresses if not known_methods(paths, address)]
    for code in INLINE.findall(FENCE.sub("", text)):
        if found := OPERATION.match(code):
            method, address = found.groups()
            full = address if address.startswith("/api/v1") else f"/api/v1{address}"
            if method not in known_methods(paths, full):
                wrong.append(code)
    assert not wrong


@cache
def setting_variables() -> frozenset[str]:
    def names(model: type[BaseModel], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from names(kind, f"{prefix}{name.upper()}__")
            else:
                yield f"{prefix}{name.upper()}"

    return frozenset(names(Settings, "TINGJIAN_"))


@pytest.mark.parametrize("page", PAGES, ids=ident)
def test_variables_are_settings(page: Path) -> None:
    told = set(VARIABLE.findall(page.read_text(encoding="utf-8")))
    assert told <= setting_variables() | OTHER_VARIABLES


def yaml_examples(page: str, first_key: str) -> list[str]:
    blocks = FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
    return [code for kind, code in blocks if kind == "yaml" and code.startswith(f"{first_key}:")]


@pytest.mark.parametrize("page", ["docs/trees.md", "docs/en/trees.md"])
def test_the_example_trees_are_clean(page: str) -> None:
    examples = yaml_examples(page, "tree")
    assert examples
    for example in examples:
        assert not lint_tree(parse_tree(example, page))


@pytest.mark.parametrize("page", ["docs/rules.md", "docs/en/rules.md"])
def test_the_example_rules_are_rules(page: str) -> None:
    examples = yaml_examples(page, "ruleset")
    assert examples
    for example in examples:
        assert parse_ruleset(example, page).rules
