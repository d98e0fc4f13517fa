"""The guide behind a page: JSON texts in and out, called by ar_picking/web/page/guide_worker.js.

`start()` builds the tablet from what the worker laid into /start.json and /store.o2om; `events(text)`,
`step()` and `take()` drive it. A page is told what is new, not everything at every step.
"""

import json

from ar_picking.guide import screen, words
from ar_picking.guide.shop import Shop, map_crc
from ar_picking.guide.tablet import Tablet
from firmware.boards.page import PageBoard
from firmware.picker import mapfile
from firmware.system import config

MIXED = "store_mixed"  # begins the text of the ValueError, for the page to tell it in its words
START = "/start.json"
STORE_MAP = "/store.o2om"
_LOOK_MS = 200  # lists come in by themselves: so often it is looked whether something is new
_TELL_MAX = 400  # points of a path or a tour that a page draws
_MANY = ("at", "seen")  # events of every picture: nothing is looked at for them alone

_page = None


class Page:
    """A tablet as texts. hardware, settings (as config.json), shop (Shop.as_json()), store map (bytes).

    ValueError says what of them is wrong: the box serves them, and a page cannot mend them.
    """

    def __init__(self, hardware, settings, shop, store_map):
        graph, reason = mapfile.unpack(store_map)
        if graph is None:
            raise ValueError(reason)
        checked, reason = Shop.from_json(shop, graph)
        if checked is None:
            raise ValueError(reason)
        if checked.map_crc is not None and checked.map_crc != map_crc(store_map):
            raise ValueError(MIXED + ": " + words.text(MIXED)[1])
        self._hardware = hardware
        self._last_ticks = hardware.ticks_ms()
        self._now_ms = 0
        self._looked_ms = -_LOOK_MS
        self._told = {"view": "", "way": "", "net": ""}
        self._new: list = []
        self._sign = None  # of the view that was told last
        self._tour = "[]"
        self.tablet = Tablet(hardware, config.check(settings), checked)

    def events(self, text):
        """Take events, a JSON list; "" or the JSON of the first refusal {"code", "zh", "en", "clip"}.

        What the tablet took is on its flash on return.
        """
        refused = ""
        is_press = False
        for each in json.loads(text):
            reason = self.tablet.event(each)
            is_press = is_press or not isinstance(each, dict) or each.get("type") not in _MANY
            if reason and not refused:
                told = {"code": reason[0], "zh": reason[1], "en": reason[2]}
                told["clip"] = words.clips(reason[0])
                refused = json.dumps(told)
        if is_press:
            self._look()
        return refused

    def step(self):
        """Do what is to be done now; True when it should be called again at once (planning)."""
        ticks = self._hardware.ticks_ms()
        self._now_ms += self._hardware.ticks_diff(ticks, self._last_ticks)
        self._last_ticks = ticks
        busy = self.tablet.step(self._now_ms)
        if self._now_ms - self._looked_ms >= _LOOK_MS:
            self._look()
        return bool(busy)

    def take(self):
        """What is new for the screen since the last call: JSON of {"view"?, "way"?, "net"?}, or ""."""
        if not self._new:
            return ""
        text = "{" + ",".join(['"{}":{}'.format(key, self._told[key]) for key in self._new]) + "}"
        self._new = []
        return text

    def _look(self):
        self._looked_ms = self._now_ms
        guide = self.tablet.guide
        sign = screen.sign(guide)
        if sign != self._sign:
            # a list of 200 lines takes a tablet 50 ms and more to write out: not at every step walked
            self._sign = sign
            view = guide.view()
            # Both change with every step that is walked: the card does not.
            view["to_go_dm"] = view["walked_dm"] = None
            self._tell("view", json.dumps(view))
            self._tour = json.dumps(guide.tour()[:_TELL_MAX])
        path = guide.path()
        to_go = json.dumps(screen.length_dm(path) if path else None)
        points = json.dumps(path[:_TELL_MAX])
        way = '"path":{},"tour":{},"to_go_dm":{}'.format(points, self._tour, to_go)
        net = {"up": bool(self.tablet.is_up), "pending": self.tablet.pending}
        self._tell("net", json.dumps(net))
        self._tell("way", "{" + way + "}")

    def _tell(self, key, text):
        if text != self._told[key]:
            self._told[key] = text
            if key not in self._new:
                self._new.append(key)


def start():
    """Begin with what the worker laid ready."""
    global _page
    import page_host  # type: ignore[import-not-found]  # what board.js gives

    with open(START) as file:
        told = json.load(file)
    with open(STORE_MAP, "rb") as file:
        store_map = file.read()
    _page = Page(PageBoard(page_host), told["config"], told["shop"], store_map)


def events(text):
    """See Page.events."""
    return _page.events(text)


def step():
    """See Page.step."""
    return _page.step()


def take():
    """See Page.take."""
    return _page.take()
