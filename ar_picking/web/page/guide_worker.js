// The guide's thread: MicroPython on WebAssembly with the modules of /code.json, its flash in the browser's
// private storage. In: {start}, {events, id}. Out: {ready}, {view}, {way}, {net}, {answer}, {fault}.

import { attach } from "./board.js";
import { Unsent, leftBehind, mark } from "./unsent.js";
import { WORDS } from "./words.js";

const STEP_MS = 25;
const HEAP_BYTES = 16 * 1024 * 1024;
const LOCKED_TRIES = 12; // a page that was killed lets go of its file within a second or two
const FAULTS_MAX = 5; // in a row of one kind: then the guide is stopped, and its records are safe
const MANY = new Set(["at", "seen"]); // events of every picture: they leave no record
// What is said of an event that failed: it may have been taken before it failed, and the card shows whether.
const NOT_TAKEN = { code: "not_taken", zh: WORDS.not_taken[0], en: WORDS.not_taken[1], clip: [] };

let page = null;
let timer = null;
let early = [];
let unsent = null; // what the next one who uses this tablet is told
let pending = -1; // records, as told last
const faults = { step: 0, events: 0, take: 0 }; // one that works says nothing of the others

function tell(message) { self.postMessage(message); }

async function openFlash(folder, device) {
  const file = await folder.getFileHandle(`flash-${device}.img`, { create: true });
  for (let tries = 0; ; tries++) {
    try {
      return await file.createSyncAccessHandle();
    } catch (fault) {
      if (fault.name !== "NoModificationAllowedError" && fault.name !== "InvalidStateError") throw fault;
      if (tries === LOCKED_TRIES) return null;
      await new Promise((done) => setTimeout(done, 250));
    }
  }
}

async function openMark(folder, device) {
  try {
    return new Unsent(await (await folder.getFileHandle(mark(device), { create: true })).createSyncAccessHandle());
  } catch (fault) {
    console.info(`storage: ${fault.name}`);
    return null; // then it counts as not delivered
  }
}

// Where the browser refuses storage: the same, until the page is closed; the page says so all the time.
class MemoryFlash {
  constructor() { this.bytes = new Uint8Array(0); }
  getSize() { return this.bytes.length; }
  read(into, { at }) {
    const part = this.bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  }
  write(from, { at }) {
    if (at + from.length > this.bytes.length) {
      const grown = new Uint8Array(at + from.length);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(from, at);
    return from.length;
  }
  flush() {}
}

async function fetched(path, kind) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer[kind]();
}

async function start({ device, config, shop, agent }) {
  const loading = Promise.all([
    import("/micropython.mjs").then((module) => module.loadMicroPython({
      heapsize: HEAP_BYTES, linebuffer: true, stdout: (line) => console.info(line) })),
    fetched("/code.json", "json"),
    fetched("/store.o2om", "arrayBuffer"),
  ]);
  let flash;
  let kept = true;
  let left = [];
  try {
    const folder = await navigator.storage.getDirectory();
    flash = await openFlash(folder, device);
    if (flash) {
      left = await leftBehind(folder, device).catch(() => []);
      unsent = await openMark(folder, device);
    }
  } catch (fault) {
    console.info(`storage: ${fault.name}`);
    flash = new MemoryFlash();
    kept = false;
  }
  if (flash === null) { tell({ fault: "other_tab" }); return; }
  const [mp, code, map] = await loading;
  for (const [path, text] of Object.entries(code)) {
    const whole = `/code/${path}`;
    mp.FS.mkdirTree(whole.slice(0, whole.lastIndexOf("/")));
    mp.FS.writeFile(whole, text);
  }
  mp.FS.writeFile("/store.o2om", new Uint8Array(map));
  mp.FS.writeFile("/start.json", JSON.stringify({ config, shop }));
  const url = `${self.location.protocol === "https:" ? "wss" : "ws"}://${self.location.host}/mqtt`;
  const open = () => new WebSocket(url);
  try {
    attach(mp, flash, open, kick, agent);
  } catch (fault) {
    console.info(`storage: ${fault.message}`);
    if (kept) flash.close();
    tell({ fault: "storage" });
    return;
  }
  mp.runPython('import sys\nsys.path.append("/code")\nfrom ar_picking.guide import page as _page\n_page.start()\n');
  page = mp.globals.get("_page");
  tell({ ready: { kept, left } });
  const first = early;
  early = null; // from here on nothing waits, not behind the end either
  for (const each of first) act(each);
  turn();
}

// What `work` gives; undefined when it failed.
function guarded(kind, work) {
  try {
    const done = work();
    faults[kind] = 0;
    return done;
  } catch (fault) {
    faults[kind] += 1;
    console.error(String(fault.message ?? fault).slice(0, 2000));
    if (faults[kind] === FAULTS_MAX) { page = null; tell({ fault: "broken" }); }
    return undefined;
  }
}

function pushed() {
  const text = page && guarded("take", () => page.take());
  if (!text) return;
  const told = JSON.parse(text);
  if (told.net) {
    pending = told.net.pending;
    unsent?.set(pending > 0);
  }
  tell(told);
}

function turn() {
  clearTimeout(timer);
  timer = null;
  const busy = page && guarded("step", () => page.step());
  pushed();
  if (page) timer = setTimeout(turn, busy ? 0 : STEP_MS);
}

// Bytes came: not at the next step but now, once for all that are there.
function kick() {
  if (page === null) return;
  clearTimeout(timer);
  timer = setTimeout(turn, 0);
}

function act({ id, events }) {
  const is_press = !events.every((each) => MANY.has(each?.type));
  if (is_press) unsent?.set(true); // before there is a record: whoever pulls the plug now is not told "delivered"
  const text = page ? guarded("events", () => page.events(JSON.stringify(events))) : undefined;
  tell({ answer: id, reason: text === undefined ? NOT_TAKEN : text ? JSON.parse(text) : null });
  pushed();
  if (is_press && text !== undefined && pending === 0) unsent?.set(false); // it left none
  kick();
}

self.onmessage = ({ data }) => {
  if (data.start) {
    start(data.start).catch((fault) => {
      console.error(String(fault?.message ?? fault).slice(0, 2000));
      // ValueError: what the box gave does not fit together (ar_picking/guide/page.py)
      const is_mixed = /^ValueError: /m.test(String(fault?.message));
      tell({ fault: is_mixed ? "mixed" : fault instanceof TypeError ? "no_box" : "broken" });
    });
  } else if (page || early === null) act(data);
  else early.push(data);
};
