"""What the tablet's page starts from without the box, and its guide's thread, under node.

Whatever comes or does not come, a page is served from files of one version.
"""

from page_script import run

_WORKER = """
import { readFileSync } from "node:fs";
import vm from "node:vm";
const code = readFileSync(new URL("PAGE/sw.js"), "utf8").replace("WAIT_MS = 4000", "WAIT_MS = 150");
// the browser's storage and the network of one tablet; `box`: path -> text, a promise, or a fault
const tablet = {
  room: Infinity, stores: new Map(), box: null, version: (name) => (path) => `${name} ${path}`,
};
const used = () => [...tablet.stores.values()].reduce((sum, each) => sum + each.size, 0);
const keyOf = (key) => (typeof key === "string" ? key : new URL(key.url).pathname);
const caches = {
  open: async (name) => {
    if (!tablet.stores.has(name)) tablet.stores.set(name, new Map());
    const store = tablet.stores.get(name);
    return {
      put: async (key, answer) => {
        const fits = store.has(keyOf(key)) || used() < tablet.room;
        if (!fits) throw new DOMException("full", "QuotaExceededError");
        store.set(keyOf(key), [await answer.text(), [...answer.headers]]);
      },
      match: async (key) => {
        const kept = store.get(keyOf(key));
        return kept && new Response(kept[0], { headers: kept[1] });
      },
      delete: async (key) => store.delete(keyOf(key)),
    };
  },
  keys: async () => [...tablet.stores.keys()],
  delete: async (name) => tablet.stores.delete(name),
};
// a service worker as the browser starts it; it may do so at any time
function started() {
  const on = {};
  const fetched = async (request) => {
    const path = keyOf(request);
    const text = await tablet.box(path);
    return new Response(text, { headers: { etag: "x", "content-length": "9" } });
  };
  vm.runInNewContext(code, {
    self: {
      addEventListener: (name, act) => { on[name] = act; }, skipWaiting() {}, clients: { claim() {} },
    },
    caches, location: { origin: "https://box" }, fetch: fetched, console: { info() {} },
    URL, Response, Promise, setTimeout, crypto, TextEncoder, AbortSignal, Uint8Array,
  });
  const waits = [];
  const event = (more) => ({ waitUntil: (work) => waits.push(work), ...more });
  const rest = async () => { while (waits.length) await waits.pop(); };
  const get = async (path, mode = "cors") => {
    let answer = null;
    on.fetch(event({
      request: { method: "GET", url: "https://box" + path, mode },
      respondWith: (work) => { answer = work; },
    }));
    return answer ? (await answer).text().catch(() => "no text") : "not handled";
  };
  const FILES = ["/store.json", "/store.o2om", "/code.json", "/micropython.wasm", "/pose.js", "/app.js"];
  const load = async () => { // the versions that one load of the page is made of
    const names = new Set();
    for (const [path, mode] of [["/?glasses", "navigate"], ...FILES.map((each) => [each, "cors"])]) {
      names.add((await get(path, mode).catch(() => "fault")).split(" ")[0]);
    }
    return [...names].join("+");
  };
  const call = async (name) => { on[name](event({ data: { keep: true } })); await rest(); };
  return { get, load, rest, call };
}
const gone = async () => { throw new TypeError("net"); };
"""


def test_a_page_is_whole_of_one_version_though_some_of_its_files_stall() -> None:
    script = (
        _WORKER
        + """
    tablet.box = tablet.version("old");
    const worker = started();
    await worker.call("install"); await worker.call("activate");
    say(await worker.load()); await worker.rest();
    let go;
    const late = new Promise((done) => { go = done; });
    tablet.box = async (path) => {
      if (["/store.o2om", "/pose.js"].includes(path)) await late;
      return `new ${path}`;
    };
    say(await worker.load());
    tablet.box = gone; say(await started().load()); // killed in between
    go(); await worker.rest();
    say(await worker.load());
    """
    )
    assert run(script) == [["old"], ["old"], ["old"], ["new"]]


def test_a_load_takes_the_new_version_and_the_old_one_goes() -> None:
    script = (
        _WORKER
        + """
    tablet.box = tablet.version("old");
    const worker = started();
    await worker.call("install"); await worker.load(); await worker.rest();
    tablet.box = tablet.version("new");
    say(await worker.load()); await worker.rest();
    say([...tablet.stores.keys()].filter((name) => name.startsWith("picking-set-")).length);
    tablet.box = gone; say(await started().load());
    tablet.box = async (path) => {
      if (path === "/words.js") throw new TypeError("net");
      return `odd ${path}`;
    };
    say(await started().load()); // the box is being restarted
    """
    )
    assert run(script) == [["new"], [1], ["new"], ["new"]]


def test_a_full_storage_breaks_no_page_that_has_a_network_and_holds_none_at_its_version() -> None:
    script = (
        _WORKER
        + """
    tablet.room = 20; tablet.box = tablet.version("old");
    const worker = started();
    await worker.call("install"); say(await worker.load()); await worker.rest();
    for (const path of ["/session", "/clips/zh/take.ogg"]) say(await worker.get(path));
    tablet.room = 50; await worker.call("message"); // there is room for one set, not for two
    tablet.box = tablet.version("new"); say(await worker.load()); await worker.rest();
    tablet.box = gone; say(await started().load());
    """
    )
    assert run(script) == [["old"], ["old /session"], ["old /clips/zh/take.ogg"], ["new"], ["new"]]


def test_what_the_install_did_not_get_is_kept_when_the_page_runs_with_its_session() -> None:
    script = (
        _WORKER
        + """
    tablet.box = gone;
    const worker = started();
    await worker.call("install"); await worker.call("activate");
    tablet.box = tablet.version("old");
    await worker.call("message"); await worker.get("/session");
    tablet.box = gone;
    const again = started();
    say(await again.load(), await again.get("/session"));
    """
    )
    assert run(script) == [["old", "old /session"]]


_THREAD = """
import { readFileSync } from "node:fs";
const files = new Map();
class Handle { // a file of the browser's private storage
  constructor(name) { this.name = name; if (!files.has(name)) files.set(name, []); }
  getSize() { return 1e9; }
  read(into, { at }) {
    const part = files.get(this.name).slice(at, at + into.length);
    into.set(part);
    return part.length;
  }
  write(from, { at }) { files.get(this.name).splice(at, from.length, ...from); return from.length; }
  flush() {} close() {}
}
const folder = {
  keys: async function* () { yield* files.keys(); },
  getFileHandle: async (name, { create = false } = {}) => {
    if (!create && !files.has(name)) throw new DOMException("none", "NotFoundError");
    return {
      createSyncAccessHandle: async () => new Handle(name),
      getFile: async () => ({ text: async () => String.fromCharCode(...files.get(name)) }),
    };
  },
};
Object.defineProperty(globalThis, "navigator", {
  value: { storage: { getDirectory: async () => folder } }, configurable: true });
const sent = [];
let page = { step() { return false; }, events() { return ""; }, take() { return ""; } };
let begin = () => {};
globalThis.loaded = async () => ({
  FS: { mkdirTree() {}, writeFile() {}, makedev() {}, registerDevice() {}, mkdev() {} },
  registerJsModule() {}, runPython() { begin(); }, globals: { get: () => page } });
globalThis.self = { postMessage: (told) => sent.push(told), location: { protocol: "http:", host: "x" } };
const nothing = { ok: true, json: async () => ({}), arrayBuffer: async () => new ArrayBuffer(0) };
globalThis.fetch = async () => nothing;
console.error = () => {}; console.info = () => {};
const source = readFileSync(new URL("PAGE/guide_worker.js"), "utf8")
  .replace('import("/micropython.mjs")', "Promise.resolve({ loadMicroPython: globalThis.loaded })")
  .replaceAll(/from "\\.\\/(\\w+\\.js)"/g, 'from "PAGE/$1"');
const start = async (device) => {
  await import("data:text/javascript," + encodeURIComponent(source));
  self.onmessage({ data: { start: { device, config: {}, shop: {}, agent: "a" } } });
  await pause(100);
};
const event = (type) => self.onmessage({ data: { id: 1 + sent.length, events: [{ type }] } });
const marked = (device) => String.fromCharCode(...files.get(`unsent-${device}`) ?? []);
"""


def test_a_guide_that_fails_at_every_step_stops_and_says_so() -> None:
    script = (
        _THREAD
        + """
    page.step = () => { throw new Error("OSError: 29"); };
    await start("picker-0001"); await pause(400);
    event("scan"); event("tap");
    say(...sent.filter((each) => each.fault).map((each) => each.fault));
    say(...sent.filter((each) => each.answer).map((each) => each.reason?.code));
    """
    )
    assert run(script) == [["broken"], ["not_taken", "not_taken"]]


def test_an_event_that_failed_is_never_answered_as_taken() -> None:
    script = (
        _THREAD
        + """
    await start("picker-0001");
    event("tap");
    page.events = () => { throw new Error("OSError: 29"); };
    for (let i = 0; i < 6; i++) { event("scan"); await pause(40); } // steps in between work
    say(...sent.filter((each) => each.answer).map((each) => each.reason?.code ?? null));
    say(...sent.filter((each) => each.fault).map((each) => each.fault));
    """
    )
    assert run(script) == [[None, *["not_taken"] * 6], ["broken"]]


def test_a_store_and_a_map_of_two_versions_are_told_as_that() -> None:
    script = (
        _THREAD
        + """
    const why = "Traceback:\\n  File x\\nValueError: store_mixed: two versions\\n";
    begin = () => { throw new Error(why); };
    await start("picker-0001");
    say(...sent.map((each) => each.fault));
    """
    )
    assert run(script) == [["mixed"]]


def test_records_left_under_another_name_are_told_until_that_name_has_sent_them() -> None:
    script = (
        _THREAD
        + """
    const { leftBehind } = await import("PAGE/unsent.js");
    for (const name of ["flash-a.img", "flash-b.img", "flash-c.img", "other.txt"]) files.set(name, [1]);
    files.set("unsent-b", [48]); files.set("unsent-a", [49]);
    say(...await leftBehind(folder, null));
    await start("c");
    say(...sent.find((each) => each.ready).ready.left);
    """
    )
    assert run(script) == [["a", "c"], ["a"]]


def test_a_tablet_is_marked_before_its_first_record_and_until_the_last_is_delivered() -> None:
    script = (
        _THREAD
        + """
    let net = null;
    const tell = (pending) => { net = JSON.stringify({ net: { up: true, pending } }); };
    page.take = () => { const text = net ?? ""; net = null; return text; };
    tell(0); await start("a"); say(marked("a"));
    page.events = () => { say("in", marked("a")); tell(1); return ""; };
    event("seen"); say("all sent", marked("a") === "1");
    tell(0); await pause(60); say(marked("a"));
    event("tap"); say(marked("a"));
    tell(0); await pause(60); say(marked("a"));
    page.events = () => "{}"; event("tap"); say(marked("a")); // refused: it left no record
    page.events = () => { throw new Error("OSError"); }; event("tap"); say(marked("a")); // nobody knows
    """
    )
    assert run(script) == [
        ["0"],
        ["in", "0"],
        ["all sent", True],
        ["0"],
        ["in", "1"],
        ["1"],
        ["0"],
        ["0"],
        ["1"],
    ]
