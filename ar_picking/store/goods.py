"""Goods for a made-up store: what stands on the shelves of `o2o store init`.

A category is an aisle's theme with its temperature zone; a good is its Chinese name and how it is packed
(`bottle`, `can`, `box`, `bag`, `tub`), which the simulator needs to draw it. Names are everyday kinds of
goods without brands.
"""

from __future__ import annotations

from dataclasses import dataclass

FORMS = ("bottle", "can", "box", "bag", "tub")


@dataclass(frozen=True, slots=True)
class Category:
    """One aisle's theme: Chinese and English title, zone 0 ambient, 1 chilled, 2 frozen, and (form,
    kinds).
    """

    zh: str
    en: str
    zone: int
    kinds: tuple[tuple[str, str], ...]
    sizes: tuple[str, ...]


_DRINKS = Category(
    "饮料 冲调",
    "Drinks",
    0,
    (
        (
            "bottle",
            "矿泉水 柠檬水 绿茶 乌龙茶 茉莉花茶 冰红茶 橙汁 苹果汁 葡萄汁 酸梅汤 运动饮料 苏打水",
        ),
        ("can", "可乐 无糖可乐 汽水 凉茶 椰汁 咖啡 啤酒 杏仁露"),
        ("box", "豆奶粉 燕麦片 藕粉 速溶咖啡 蜂蜜柚子茶 黑芝麻糊"),
    ),
    ("330ml", "500ml", "1L", "家庭装"),
)
_SNACKS = Category(
    "休闲零食",
    "Snacks",
    0,
    (
        (
            "bag",
            "薯片 虾条 锅巴 瓜子 花生 话梅 牛肉干 海苔 果冻 棉花糖 坚果仁 猪肉脯 山楂片 红薯干",
        ),
        ("box", "苏打饼干 夹心饼干 曲奇 威化 巧克力 蛋黄派 华夫饼 绿豆糕"),
        ("tub", "口香糖 奶糖 开心果 腰果"),
    ),
    ("70g", "120g", "200g", "分享装"),
)
_PANTRY = Category(
    "粮油调味",
    "Pantry",
    0,
    (
        ("bottle", "酱油 香醋 料酒 蚝油 花生油 菜籽油 芝麻油 辣椒油 米醋"),
        ("bag", "东北大米 糯米 挂面 面粉 白糖 食盐 木耳 香菇 红豆 绿豆 粉丝"),
        ("can", "番茄罐头 豆豉鱼 午餐肉 黄桃罐头 玉米罐头"),
        ("tub", "辣椒酱 豆瓣酱 芝麻酱 腐乳"),
    ),
    ("250g", "500g", "1kg", "实惠装"),
)
_HOUSE = Category(
    "日化百货",
    "Household",
    0,
    (
        ("bottle", "洗发水 沐浴露 洗洁精 洗衣液 洗手液 护发素 消毒液 柔顺剂"),
        ("box", "牙膏 香皂 抽纸 创可贴 保鲜膜 垃圾袋 电池 蚊香"),
        ("bag", "洗衣粉 卷纸 湿巾 一次性手套 棉签 海绵擦"),
    ),
    ("小号", "标准装", "大号", "组合装"),
)
_CHILLED = Category(
    "乳品 冷藏",
    "Chilled",
    1,
    (
        ("bottle", "鲜牛奶 酸奶饮 乳酸菌 鲜榨橙汁 豆浆 低脂奶"),
        ("box", "纯牛奶 豆腐 鸡蛋 黄油 奶酪片 三明治 培根 蛋糕"),
        ("tub", "老酸奶 果粒酸奶 布丁 奶油奶酪 泡菜 水果杯"),
        ("bag", "火腿片 香肠 面包 鲜面条"),
    ),
    ("200g", "450g", "950ml", "家庭装"),
)
_FROZEN = Category(
    "冷冻食品",
    "Frozen",
    2,
    (
        ("bag", "猪肉水饺 韭菜饺子 鲜虾馄饨 汤圆 手抓饼 鸡翅中 虾仁 薯条 毛豆 玉米粒 鱼丸 牛肉丸"),
        ("box", "披萨 雪糕 鸡块 春卷 葱油饼 冰淇淋蛋糕 带鱼段"),
        ("tub", "香草冰淇淋 巧克力冰淇淋 草莓冰淇淋"),
    ),
    ("300g", "500g", "1kg", "家庭装"),
)

_AMBIENT = (_DRINKS, _SNACKS, _PANTRY, _HOUSE)


def categories(aisles: int) -> list[Category]:
    """One category per aisle, 1 or more.

    The last aisle is frozen and the one before it chilled when there are >= 3.
    """
    cold = [_CHILLED, _FROZEN] if aisles >= 3 else [_CHILLED] if aisles == 2 else []
    dry = aisles - len(cold)
    return [_AMBIENT[i % len(_AMBIENT)] for i in range(dry)] + cold


def names(category: Category) -> list[str]:
    """Every good of a category in shelf order: kinds side by side, then the next size."""
    kinds = [kind for _, listed in category.kinds for kind in listed.split()]
    return [f"{kind} {size}" for size in category.sizes for kind in kinds]


_FORM_OF = {
    kind: form
    for category in (*_AMBIENT, _CHILLED, _FROZEN)
    for form, listed in category.kinds
    for kind in listed.split()
}
_FORM_HINTS = (
    ("罐", "can"), ("听", "can"), ("瓶", "bottle"), ("盒", "box"), ("袋", "bag"), ("桶", "tub"),
    ("水", "bottle"), ("汁", "bottle"), ("油", "bottle"), ("ml", "bottle"), ("粉", "box"),
)  # fmt: skip


def form_of(name: str) -> str:
    """How a good is packed, by its name; a name we do not know is guessed from its words, else a box."""
    known = _FORM_OF.get(name.partition(" ")[0])
    if known:
        return known
    return next((form for hint, form in _FORM_HINTS if hint in name), "box")


def ean13(number: int) -> str:
    """A 13-digit article number with its check digit (GS1 General Specifications 7.9), 0 <= number
    < 10**9.

    The prefix 690 is China's; the numbers are made up.
    """
    body = f"690{number % 10**9:09d}"
    check = -sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(body)) % 10
    return f"{body}{check}"
