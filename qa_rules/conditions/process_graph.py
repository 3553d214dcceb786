"""The graph of a process: which steps may follow which."""

from collections.abc import Sequence

from qa_rules.conditions.relations import ProcessCondition, Step


class Graph:
    """The steps of a process, and which may follow which once optional ones are left out.

    `order` lists the steps so that each comes after all that may come before it.

    Raises:
        ValueError: naming steps that lead back to themselves.
    """

    def __init__(self, condition: ProcessCondition) -> None:
        self.steps: dict[str, Step] = {step.step: step for step in condition.steps}
        self.order = self._sorted(condition.steps[0].step)
        self.following = {name: self._past_optional(step.next) for name, step in self.steps.items()}
        self.entries = self._past_optional((condition.steps[0].step,))
        self.ends = {name for name in self.order if self._may_end(name)}

    def _sorted(self, first: str) -> tuple[str, ...]:
        done: list[str] = []
        path: list[str] = []

        def visit(name: str) -> None:
            if name in path:
                raise ValueError(" → ".join((*path[path.index(name) :], name)))
            if name in done:
                return
            path.append(name)
            for following in self.steps[name].next:
                visit(following)
            path.pop()
            done.append(name)

        visit(first)
        return tuple(reversed(done))

    def _past_optional(self, names: Sequence[str]) -> tuple[str, ...]:
        found: list[str] = []
        for name in names:
            found.append(name)
            if self.steps[name].optional:
                found += self._past_optional(self.steps[name].next)
        return tuple(dict.fromkeys(found))

    def _may_end(self, name: str) -> bool:
        following = self.steps[name].next
        return not following or any(
            self.steps[after].optional and self._may_end(after) for after in following
        )
