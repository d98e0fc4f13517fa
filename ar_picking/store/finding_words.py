"""What each kind of finding is called in Chinese, for the clerk who reads the list of a check."""

from __future__ import annotations

ZH = {
    "file": "文件",
    "changed": "文件已改动",
    "unreachable": "货位走不到",
    "too far": "货位离通道太远",
    "same name": "货位名相似",
    "two names": "同一商品两个名称",
    "under the floor": "低于地面",
    "above the ceiling": "高于屋顶",
    "outside": "在店外",
    "faces away": "背对通道",
    "in the air": "悬空",
    "inside": "互相重叠",
    "beside its shelf": "不在货架上",
    "beside its bin": "标签不在货位上",
    "through a shelf": "通道穿过货架",
    "narrow": "通道太窄",
    "blocked": "通道封闭",
    "not measured": "标签位置未测准",
    "no marker": "货位没有标签",
    "marker not visible": "看不到货位标签",
    "one marker": "只看得到一个标签",
    "blind": "定位盲区",
    "blind headings": "部分方向看不到标签",
    "still blind": "仍有盲区",
    "no number": "标签号用完",
    "put marker": "建议加标签",
    "worn": "标签需更换或重测",
}
