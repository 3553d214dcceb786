"""`tingjian rules`: check a rule set, read it aloud, write it down, and run its examples."""

import sys
from typing import Annotated

import typer

from cli.changes import show_changes
from cli.console import JsonFlag, out, print_json
from cli.exits import Exit
from cli.linting import Linted, read_document, show_linted, unreadable
from cli.options import load_settings
from cli.packs import rules_named, tree_named, tree_of_domain
from core.errors import AppError
from core.serial import to_json
from events.matching import TreeMatcher
from nlp.encoders.base import SentenceEncoder
from nlp.encoders.loading import load_encoder
from qa_rules.documents import rule_sets as rules
from qa_rules.documents.diff import diff_rulesets
from qa_rules.documents.dumping import dump_rule
from qa_rules.documents.schema import rules_schema
from qa_rules.evaluation.evaluator import RuleEvaluator
from qa_rules.examples import ExampleFailure, ExamplesReport, run_examples
from qa_rules.linting.rule_sets import lint_ruleset
from qa_rules.model import Rule
from qa_rules.scoring.scorecard import on_card
from qa_rules.sentences.reading import read_rule
from qa_rules.sentences.rendering import rule_sentence
from qa_rules.sentences.writing import write_rule

app = typer.Typer(help="质检规则：检查、朗读、跑样例。", no_args_is_help=True, add_completion=False)

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
    try:
        document = read_document(name, "qa_rules", "bad-rules", lambda n: rules.load_pack(n).name)
        ruleset = rules.parse_ruleset(document.text, document.source)
    except AppError as error:
        if error.code != "bad-rules":
            raise
        return unreadable(error, name)
    tree = tree_named(tree_name) if tree_name else tree_of_domain(ruleset.domain)
    nodes = [node.path for node in tree.walk()]
    return Linted(document.source, lint_ruleset(ruleset, nodes, document.source))


@app.command("show", help="把每条规则写成一句话：什么情形下扣多少分。")
def show(
    name: Annotated[str, typer.Argument(help="YAML 文件、包名或行业。")],
    full: Annotated[
        bool, typer.Option("--full", help="写全每个词和正则；可以用 rules read 读回成规则。")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run `rules show`."""
    ruleset = rules_named(name)
    if full:
        sentences = [(rule, write_rule(rule)) for rule in ruleset.rules]
    else:
        # What a hit costs is what the card for all calls says, which may go by severity.
        carded = on_card(ruleset, ruleset.scorecard)
        sentences = [(rule, rule_sentence(rule)) for rule in carded.rules]
    if as_json:
        print_json(
            [{"id": rule.id, "name": rule.name, "sentence": said} for rule, said in sentences]
        )
        return
    for rule, said in sentences:
        out().print(f"{rule.name}（{rule.id}）：{said}", markup=False, soft_wrap=True)


@app.command("diff", help="比较两个规则集：新增、删除与修改的规则，逐字段列出。")
def diff(
    old: Annotated[str, typer.Argument(help="旧的：YAML 文件、包名或行业。")],
    new: Annotated[str, typer.Argument(help="新的：YAML 文件、包名或行业。")],
    as_json: JsonFlag = False,
) -> None:
    """Run `rules diff`."""
    show_changes(diff_rulesets(rules_named(old), rules_named(new)), as_json)


@app.command("read", help="把一句规则（rules show --full 的句式）读成 YAML，可直接粘进规则集。")
def read(
    sentence: Annotated[str, typer.Argument(help="规则句；写 - 则从标准输入读。")],
) -> None:
    """Run `rules read`."""
    text = sys.stdin.read() if sentence == "-" else sentence
    said = read_rule(text)
    rule = Rule(
        id="new-rule", name="新规则", category="未分类", severity="minor", reason="待填写",
        **said.fields(),
    )  # fmt: skip
    out().print(dump_rule(rule), markup=False, soft_wrap=True, end="")


@app.command("schema", help="打印规则集的 JSON Schema，供编辑器补全与检查。")
def schema() -> None:
    """Run `rules schema`."""
    print_json(rules_schema())


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
        for _, failure in failed:
            out().print(_told(failure), markup=False)
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
    tree = tree_named(tree_name) if tree_name else tree_of_domain(ruleset.domain)
    matcher = TreeMatcher(tree, encoder)
    return run_examples(ruleset, RuleEvaluator(ruleset, encoder), matcher.match)


def _told(failure: ExampleFailure) -> str:
    wanted = "应命中" if failure.expected == "must_fire" else "不应命中"
    return (
        f"{failure.source}:{failure.line}: "
        f"规则 {failure.rule} 第 {failure.number} 个{wanted}样例的结论是 "
        f"{failure.outcome}（{failure.reason}）：{failure.text}"
    )
