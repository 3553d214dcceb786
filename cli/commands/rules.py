"""`tingjian rules`: check a rule set, and run its examples."""

from typing import Annotated

import typer
from qa_rules.lint import lint_ruleset

from cli.console import JsonFlag, out, print_json
from cli.exits import Exit
from cli.linting import Linted, read_document, show_linted
from cli.options import load_settings
from cli.packs import GENERAL, rules_named, tree_for_rules, tree_named
from core.errors import AppError
from core.serial import to_json
from events.matching import TreeMatcher
from events.tree import EventTree
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from qa_rules import document as rules
from qa_rules.evaluation import RuleEvaluator
from qa_rules.examples import ExampleFailure, ExamplesReport, run_examples

app = typer.Typer(help="质检规则：检查、跑样例。", no_args_is_help=True, add_completion=False)

Names = Annotated[
    list[str] | None, typer.Argument(help="YAML 文件、包名或行业；不给则为全部自带的包。")
]
TreeName = Annotated[
    str | None, typer.Option("--tree", help="事件树（文件、包名或行业）；默认按规则集的行业。")
]


@app.command("lint", help="检查规则集，逐条给出文件与行号；有错误时退出码为 1。")
def lint(names: Names = None, tree: TreeName = None, as_json: JsonFlag = False) -> None:
    """Run `rules lint`."""
    show_linted([_lint(name, tree) for name in names or rules.pack_names()], as_json)


def _lint(name: str, tree_name: str | None) -> Linted:
    document = read_document(name, "qa_rules", lambda wanted: rules.load_pack(wanted).name)
    nodes = [node.path for node in _tree_for_lint(name, tree_name).walk()]
    return Linted(document.source, tuple(lint_ruleset(document.text, document.source, nodes)))


@app.command("test", help="运行规则自带的样例（应命中、不应命中）；有不符时退出码为 1。")
def run(names: Names = None, tree: TreeName = None, as_json: JsonFlag = False) -> None:
    """Run `rules test`."""
    settings = load_settings()
    encoder = load_encoder(settings.nlp, settings.data_dir, offline=settings.offline)
    reports = {name: _run(name, tree, encoder) for name in names or rules.pack_names()}
    failed = [(name, failure) for name, report in reports.items() for failure in report.failed]
    if as_json:
        print_json(
            {
                "rules": sum(report.rules for report in reports.values()),
                "examples": sum(report.examples for report in reports.values()),
                "failed": [{"rule_set": name, **to_json(failure)} for name, failure in failed],
            }
        )
    else:
        for name, failure in failed:
            out().print(_told(name, failure), markup=False)
        for name, report in reports.items():
            out().print(
                f"{name}：{report.rules} 条规则，{report.examples} 个样例，"
                f"{len(report.failed)} 个不符",
                markup=False,
            )
    if failed:
        raise typer.Exit(Exit.FAILED)


def _run(name: str, tree_name: str | None, encoder: SentenceEncoder) -> ExamplesReport:
    ruleset = rules_named(name)
    matcher = TreeMatcher(tree_for_rules(name, tree_name), encoder)
    return run_examples(ruleset, RuleEvaluator(ruleset, encoder), matcher.match)


def _tree_for_lint(rules_name: str, tree_name: str | None) -> EventTree:
    try:
        return tree_for_rules(rules_name, tree_name)
    except AppError as error:
        if tree_name or error.code != "bad-rules":
            raise
        # The document cannot be read, so its domain is unknown; the linter says what is wrong.
        return tree_named(GENERAL)


def _told(name: str, failure: ExampleFailure) -> str:
    wanted = "应命中" if failure.expected == "must_fire" else "不应命中"
    return (
        f"{name}:{failure.line}: 规则 {failure.rule} 第 {failure.number} 个{wanted}样例的结论是 "
        f"{failure.outcome}（{failure.reason}）：{failure.text}"
    )
