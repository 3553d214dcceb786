"""Industries of the corpus, grouped for leave-one-industry-out measurement."""

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("保险", ("保险", "车险续保", "重疾", "年金", "医疗险", "意外险", "银保", "车险")),
    ("贷款与理财", ("贷", "信用卡", "理财", "分期")),
    ("汽车", ("车",)),
    ("医美与口腔", ("医美", "口腔", "植发", "牙")),
    ("健康与养老", ("健康", "保健", "体检", "养老", "养生", "月子", "净水")),
    ("家装家电", ("家装", "家电", "装修")),
    ("房产", ("房", "公寓", "商铺")),
    ("通信", ("电信", "宽带", "套餐")),
    ("企业服务", ("SaaS", "财税", "代账", "记账", "招聘", "加盟", "企业", "商标", "运营", "网站")),
    ("旅游", ("旅游", "签证")),
    ("农业", ("农机", "农资", "种子")),
    ("少儿教育", ("少儿", "K12")),
    ("职业教育", ("职业教育", "考研", "技能")),
    ("法律与出国", ("律所", "法律", "留学", "移民")),
    ("经营采购", ("会展", "安防", "配件", "物流", "快递", "酒水")),
    ("回收与收藏", ("黄金", "回收", "收藏")),
)  # fmt: skip
_REST = "生活服务"


def industry_group(industry: str) -> str:
    """The group of an industry as a dialogue names it; 生活服务 for what no other group holds."""
    for group, words in _GROUPS:
        if any(word in industry for word in words):
            return group
    return _REST
