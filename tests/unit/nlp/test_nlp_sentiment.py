"""What the words of an utterance show of feeling, with denials and questions."""

import pytest

from nlp.normalise import forms
from nlp.sentiment import sentiment_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("太差了", "negative"),
        ("我很担心", "negative"),
        ("气死我了", "negative"),
        ("骗子", "negative"),
        ("这东西没用", "negative"),
        ("不满意", "negative"),
        ("不太满意", "negative"),
        ("并不满意", "negative"),
        ("谈不上满意", "negative"),
        ("没有很满意", "negative"),
        ("不是很好", "negative"),
        ("没那么厉害", "negative"),
        ("毫无期待", "negative"),
        ("不靠谱", "negative"),
        ("不怎么专业", "negative"),
        ("不值得信任", "negative"),
        ("我不放心", "negative"),
        ("非常满意", "positive"),
        ("不错", "positive"),
        ("特别喜欢", "positive"),
        ("挺好的，就是太后悔了", "mixed"),
        # A denial of something bad is no praise, and comforts.
        ("不着急", "neutral"),
        ("别担心", "neutral"),
        ("没什么好后悔的", "neutral"),
        ("我没有不满意", "neutral"),
        ("不能说不满意", "neutral"),
        ("我不是不相信你", "neutral"),
        # Questions, comfort, courtesies, other words.
        ("满意吗", "neutral"),
        ("你满不满意", "neutral"),
        ("喜不喜欢", "neutral"),
        ("您放心", "neutral"),
        ("放心吧", "neutral"),
        ("谢谢", "neutral"),
        ("不好意思", "neutral"),
        ("没用过", "neutral"),
        ("垃圾分类", "neutral"),
        ("他有病史", "neutral"),
        ("投诉电话是多少", "neutral"),
        ("我看看", "neutral"),
        ("", "neutral"),
    ],
)
def test_sentiment(text: str, shown: str) -> None:
    assert sentiment_of(forms(text)) == shown
