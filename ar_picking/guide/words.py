"""Every hint and every reason of the guide, in Chinese and in English, and the clips that say it.

`WORDS[code]` is (zh, en); {bin}, {qty}, {name}, {slot}, {list} stand for what `values` says. A clip id
is a word for ever: recordings are named by it (/clips/<lang>/<id>.ogg). `CLIPS[id]` is what it says.
"""

WORDS = {
    # what to do now
    "no_list": ("等待拣货单", "Waiting for a pick list"),
    "planning": ("正在规划路线", "Planning the walk"),
    "go_to": ("去 {bin}", "Go to {bin}"),
    "way_blocked": (
        "{bin} 的路不通：通了按恢复，否则报缺货",
        "No way to {bin}: open the aisle, or report short",
    ),
    "take": ("拿 {qty} 件 {name}", "Take {qty} x {name}"),
    "count": ("点数：{qty} 件", "Count: {qty}"),
    "put_to": ("放入 {slot} 号格", "Put into slot {slot}"),
    "take_instead": ("换拿：{name}，{qty} 件，在 {bin}？", "Instead: {qty} x {name} from {bin}?"),
    "go_to_exit": ("去出口交货", "Go to the exit"),
    "list_done": ("拣货单完成", "List done"),
    # what was wrong, or why nothing happened
    "wrong_bin": ("货位不对，应为 {bin}", "Wrong bin: it is {bin}"),
    "wrong_item": ("商品不对，应为 {name}", "Wrong article: it is {name}"),
    "wrong_slot": ("格子不对，应为 {slot} 号", "Wrong slot: it is {slot}"),
    "unknown_code": ("不认识这个条码", "This code is not known"),
    "bin_first": ("请先确认货位 {bin}", "Confirm bin {bin} first"),
    "look_first": ("请先对准货位 {bin} 的标签", "look at the label of bin {bin} first"),
    "answer_first": ("请先回答是否换货", "Accept or decline the substitute first"),
    "scanned_before": ("已经扫过了", "Scanned already"),
    "nothing_to_confirm": ("现在没有要确认的", "there is nothing to confirm"),
    "too_fast": ("点得太快", "Tapped too fast"),
    "bad_count": ("数量不对，应少于 {qty}", "The number must be less than {qty}"),
    "count_less": ("少于 {qty} 件：请报缺货", "Fewer than {qty}: report it short"),
    "count_more": ("多了，应为 {qty} 件", "Too many: it is {qty}"),
    "no_line": ("现在没有要拣的", "there is nothing to pick"),
    "no_proposal": ("现在没有换货建议", "Nothing is proposed"),
    "last_line": ("这是最后一行", "this is the last line"),
    "nothing_to_undo": ("没有可撤销的", "Nothing to undo"),
    "no_position": (
        "还不知道您在哪里：请看货架标签",
        "Your place is not known: look at shelf labels",
    ),
    "no_way_ahead": ("前面没有要走的通道", "There is no aisle ahead"),
    "nothing_blocked": ("没有封闭的通道", "No aisle is blocked"),
    "journal_full": ("记录已满：请连接网络", "The event log is full: connect to the network"),
    "list_known": ("拣货单 {list} 已经收过", "List {list} was handed in before"),
    "list_bad": ("拣货单有误，已退回", "The pick list is wrong and was refused"),
    "queue_full": ("等待的拣货单太多", "Too many lists are waiting"),
    "lists_full": (
        "存不下这张拣货单：先完成已有的",
        "No room to keep this list: finish others first",
    ),
    "store_mixed": (
        "门店数据正在更新：请重新打开页面",
        "The store's data are of two versions: open the page again",
    ),
    "bad_event": ("操作无法识别", "This is no event of the guide"),
}

_SPOKEN = {
    "no_list": ("等待拣货单", "Waiting for a list"),
    "planning": ("正在规划", "Planning"),
    "go_to": ("去", "Go to"),
    "way_blocked": ("路不通", "The way is blocked"),
    "take": ("拿", "Take"),
    "pieces": ("件", "pieces"),
    "count": ("请点数", "Count"),
    "put_to": ("放入格子", "Put into slot"),
    "take_instead": ("要换货吗", "Take another instead?"),
    "go_to_exit": ("请去出口", "Go to the exit"),
    "list_done": ("拣货单完成", "List done"),
    "confirmed": ("好", "OK"),
    "undone": ("已撤销", "Undone"),
    "wrong_bin": ("货位不对", "Wrong bin"),
    "wrong_item": ("商品不对", "Wrong article"),
    "wrong_slot": ("格子不对", "Wrong slot"),
    "unknown_code": ("条码不认识", "Unknown code"),
    "look_first": ("请先看标签", "Look at the label first"),
    "bin_first": ("请先确认货位", "Confirm the bin first"),
    "answer_first": ("请先回答", "Answer first"),
    "count_less": ("数量不够", "Too few"),
    "count_more": ("数量太多", "Too many"),
    "journal_full": ("记录已满", "The log is full"),
    "no_position": ("请看货架标签", "Look at shelf labels"),
    "not_possible": ("现在不行", "Not now"),
    "dash": ("杠", "dash"),
    "ten": ("十", "ten"),
    "hundred": ("百", "hundred"),
}
_DIGITS_ZH = "零一二三四五六七八九"
_DIGITS_EN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _clips():
    out = dict(_SPOKEN)
    for d in range(10):
        out["digit_{}".format(d)] = (_DIGITS_ZH[d], _DIGITS_EN[d])
    for letter in _LETTERS:
        out["letter_" + letter] = (letter, letter)
    return out


CLIPS = _clips()

_KEYS = ("bin", "qty", "name", "slot", "list")


def text(code: str, values=None) -> tuple:
    """(zh, en) of a code; values: what the names in braces stand for, a missing one is left out."""
    zh, en = WORDS.get(code, WORDS["bad_event"])
    for key in _KEYS:
        mark = "{" + key + "}"
        said = str(values[key]) if values and values.get(key) is not None else ""
        zh, en = zh.replace(mark, said), en.replace(mark, said)
    return zh, en


def clips(code: str, values=None) -> list:
    """The clips that say a code, in a row: [ids]."""
    out = [code if code in CLIPS else "not_possible"]
    if values:
        if code in ("go_to", "way_blocked", "wrong_bin", "bin_first"):
            out += spelled(values.get("bin", ""))
        elif code in ("take", "count", "count_more"):
            out += number(values.get("qty", 0)) + ["pieces"]
        elif code in ("put_to", "wrong_slot"):
            out += number(values.get("slot", 0))
    return out


def hint(code, values, view=None):
    """{code, zh, en, clip} of what to do now; values: the line at hand; view: with the proposal."""
    if view is not None and view.get("propose"):
        values = view["propose"]
    elif values is None and view is not None:
        values = {"list": view.get("list")}
    zh, en = text(code, values)
    return {"code": code, "zh": zh, "en": en, "clip": clips(code, values)}


def spelled(name):
    """The clips that spell a bin's name; what has none (a Chinese character) is left out."""
    out = []
    for c in name.upper():
        if c in _LETTERS:
            out.append("letter_" + c)
        elif c in "0123456789":
            out.append("digit_" + c)
        elif c in "-_./":
            out.append("dash")
    return out


def number(n):
    """The clips that say a number of 0 to 999, digit by digit where it is larger."""
    if not isinstance(n, int) or n < 0:
        return []
    if n > 999:
        return ["digit_" + c for c in str(n)]
    out = []
    if n >= 100:
        out += ["digit_{}".format(n // 100), "hundred"]
    tens, ones = n % 100 // 10, n % 10
    if tens:
        # Chinese says 12 as ten-two; English digit by digit, which a picker hears better than "twelve"
        if tens > 1 or n >= 100:
            out.append("digit_{}".format(tens))
        out.append("ten")
    elif n >= 100 and ones:
        out.append("digit_0")
    if ones or n == 0:
        out.append("digit_{}".format(ones))
    return out
