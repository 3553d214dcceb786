"""What counts as a question."""

import pytest

from insights.questions import count_questions


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("您现在方便吗？", 1),
        ("您现在方便吗", 1),
        ("您忙不忙？能聊个三五分钟吗？", 2),
        ("你们学费多少钱", 1),
        ("您是做什么工作的", 1),
        ("您之前有没有买过保险", 1),
        ("您觉得怎么样", 1),
        ("几点给您打电话合适", 1),
        ("您看周五可不可以", 1),
        ("那您的预算呢", 1),
        ("是这样的，我们有直播课。您想学哪一门？", 1),
        ("这个价格很划算，对吧？", 0),
        ("我跟您说，你知道吗，这个班很火", 0),
        ("您什么都不用准备", 0),
        ("没什么问题的话我给您报上名", 0),
        ("这么好的机会，哪怕听一节也好", 0),
        ("一共几十块钱", 0),
        ("我们公司做了十几年了。", 0),
        ("好的", 0),
        ("", 0),
        ("？", 0),
    ],
)
def test_questions(text: str, count: int) -> None:
    assert count_questions(text) == count
