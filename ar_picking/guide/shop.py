"""The shop as the guide sees it: its walkways, its bins, what lies there, which markers show it.

    shop, reason = Shop.from_json({"store": "demo", "bins": {...}}, graph)

Pure, MicroPython subset: the same object is made from a store folder on a PC (`of_store`) and from
what the box serves to a tablet's page (`from_json`).
"""

from firmware.picker import mapfile
from protocols.storemap import id_text, printable

MAX_BINS = 5000
MAX_MARKERS = 8  # of one bin
MAX_MARKER = 586  # of the family 36h11
FAR_MM = 10000000  # 10 km, as firmware.picker.maps

EDGE = 0
OFFSET_DM = 1
MARKERS = 2
X_MM = 3
Y_MM = 4
ZONE = 5
SKU = 6
BARCODE = 7
_ITEMS = 8

FROZEN = 2  # of the zones 0 ambient, 1 chilled, 2 frozen
# name -> (least, most, what holds when nothing is said) of the shop's own rules for a walk
SETTINGS = {
    "frozen_dm": (0, 10000000, 0),  # how far frozen goods may be carried; 0: no such rule
    "handling_dm": (0, 10000, 0),  # added to that for each further frozen stop
}


class Shop:
    """Bins of one store on its graph. Treat as read-only.

    graph: firmware.picker.graph.StoreGraph; bins: name -> (edge, offset_dm, marker ids, x_mm, y_mm,
    zone 0..2, sku, barcode), x and y the middle of its front; settings: see SETTINGS; map_crc: the
    CRC-32 of the graph's file (firmware.picker.mapfile) as the store has it, by which data of two
    versions of a store are told apart, None where nobody knows. ValueError for a bin that is not on the
    graph: what comes from outside goes through `from_json`.
    """

    def __init__(self, graph, bins: dict, store_id=None, settings=None, map_crc=None) -> None:
        self.graph = graph
        self.map_crc = map_crc
        self.bins = bins
        self.id = store_id
        self.settings = {}
        for key in SETTINGS:
            self.settings[key] = (settings or {}).get(key, SETTINGS[key][2])
        self._by_sku: dict = {}
        self._by_code: dict = {}  # barcode or article -> article
        self._by_marker: dict = {}
        for name in sorted(bins):
            row = bins[name]
            if not graph.is_stop(row[:2]):
                raise ValueError("bin '{}' is not on the graph".format(name))
            if row[SKU]:
                self._by_sku.setdefault(row[SKU], []).append(name)
                self._by_code[row[SKU]] = row[SKU]
                if row[BARCODE]:
                    self._by_code.setdefault(_plain(row[BARCODE]), row[SKU])
            for marker in row[MARKERS]:
                self._by_marker.setdefault(marker, []).append(name)

    @staticmethod
    def of_store(store, settings=None) -> "Shop":
        """The shop of a loaded store folder (ar_picking.store.records.Store)."""
        bins = {}
        for name in store.stops:
            edge, offset_dm = store.stops[name]
            one = store.bins[name]
            bins[name] = (
                edge,
                offset_dm,
                tuple(store.bin_markers[name]),
                one.x_mm,
                one.y_mm,
                one.zone,
                one.sku,
                one.barcode,
            )
        return Shop(store.graph, bins, store.id, settings, map_crc(mapfile.pack(store.graph)))

    @staticmethod
    def from_json(obj: object, graph) -> tuple:
        """(Shop, None), or (None, reason) for anything that `as_json` does not give for this graph."""
        if not isinstance(obj, dict) or not isinstance(obj.get("bins"), dict):
            return None, "the shop is not an object with bins"
        name = obj.get("store")
        if name is not None and not _text(name, 1, 64):
            return None, "the shop's store is not a name"
        if len(obj["bins"]) > MAX_BINS:
            return None, "the shop has more than {} bins".format(MAX_BINS)
        settings = {}
        for key, (low, high, usual) in SETTINGS.items():
            settings[key] = obj.get(key, usual)
            if not is_whole(settings[key], low, high):
                return None, "{} of the shop is not {} to {}".format(key, low, high)
        bins = {}
        for each in obj["bins"]:
            row = obj["bins"][each]
            if not isinstance(each, str) or not id_text(each, 1, 24):
                return None, "bin '{}' is not a name of 1 to 24 bytes".format(str(each)[:24])
            if not _is_row(row) or not graph.is_stop((row[0], row[1])):
                return None, "bin '{}' of the shop is wrong".format(str(each)[:24])
            bins[each] = (row[0], row[1], tuple(row[2]), row[3], row[4], row[5], row[6], row[7])
        mark = obj.get("map_crc")
        if mark is not None and not _is_hex(mark):
            return None, "map_crc of the shop is not 8 digits of 0 to f"
        return Shop(graph, bins, name, settings, None if mark is None else int(mark, 16)), None

    def as_json(self) -> dict:
        """Plain values for JSON, from which `from_json` makes the same shop."""
        out = {"version": 1, "store": self.id, "bins": {}}
        if self.map_crc is not None:
            # a text: a page's numbers and a board's of 32 bits are not the same beyond 2^30
            out["map_crc"] = "{:08x}".format(self.map_crc)
        for key in SETTINGS:
            out[key] = self.settings[key]
        for name in self.bins:
            row = self.bins[name]
            out["bins"][name] = [row[0], row[1], list(row[2])] + list(row[3:])
        return out

    def place(self, name: str) -> tuple:
        """The stop (edge, offset_dm) of a bin."""
        row = self.bins[name]
        return row[EDGE], row[OFFSET_DM]

    def bins_of(self, sku: str) -> list:
        """The names of the bins that hold an article, sorted; [] when none is known to."""
        return self._by_sku.get(sku, [])

    def bins_at(self, marker: int) -> list:
        """The names of the bins that a marker confirms."""
        return self._by_marker.get(marker, [])

    def article_of(self, code: str) -> "str | None":
        """The article that a scanned code stands for, None when the shop has no such code."""
        return self._by_code.get(_plain(code))

    def barcode_of(self, sku: str, name: str) -> str:
        """The barcode of an article, of its bin `name` first; '' when none is known."""
        for each in [name] + self.bins_of(sku):
            row = self.bins.get(each)
            if row is not None and row[SKU] == sku and row[BARCODE]:
                return row[BARCODE]
        return ""


def map_crc(store_map):
    """The CRC-32 that a store's map file, which mapfile.unpack has found whole, carries at its end."""
    return int.from_bytes(bytes(store_map[-4:]), "little")


def _is_hex(text):
    return isinstance(text, str) and len(text) == 8 and all(c in "0123456789abcdef" for c in text)


def _plain(code):
    """A UPC-A of 12 digits is the EAN-13 with a 0 before it (GS1 General Specifications 5.2.1)."""
    return code[1:] if len(code) == 13 and code[0] == "0" and code.isdigit() else code


def same_code(a, b):
    """Whether two scanned or written codes are the same article's number."""
    return bool(a) and _plain(a) == _plain(b)


def _is_row(row):
    if not isinstance(row, (list, tuple)) or len(row) != _ITEMS:
        return False
    edge, offset_dm, markers, x_mm, y_mm, zone, sku, barcode = row
    if (
        not is_whole(edge, -1, 4095)
        or not is_whole(offset_dm, 0, 65534)
        or not is_whole(zone, 0, 2)
    ):
        return False
    if not is_whole(x_mm, -FAR_MM, FAR_MM) or not is_whole(y_mm, -FAR_MM, FAR_MM):
        return False
    if not isinstance(markers, (list, tuple)) or len(markers) > MAX_MARKERS:
        return False
    for marker in markers:
        if not is_whole(marker, 0, MAX_MARKER):
            return False
    for code in (sku, barcode):
        if not isinstance(code, str) or not printable(code, 0, 64):
            return False
    return True


def is_whole(value: object, low: int, high: int) -> bool:
    """Whether a value from outside is an integer of `low` to `high`; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _text(value, low, high):
    return isinstance(value, str) and printable(value, low, high, False)
