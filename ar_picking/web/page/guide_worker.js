// The guide's thread: MicroPython on WebAssembly with the modules of /code.json, its flash in the browser's
// private storage. In: {start}, {events, id}. Out: {ready}, {view}, {way}, {net}, {answer}, {fault}.

import { attach } from "./board.js";

const STEP_MS = 25;
const HEAP_BYTES = 16 * 1024 * 1024;
const LOCKED_TRIES = 12; // a page that was killed lets go of its file within a second or two
const FAULTS_MAX = 5; // in a row: then the guide is stopped, and its records are safe

let page = null;
let timer = null;
let faults = 0;
let early = [];

function tell(message) { self.postMessage(message); }

async function openFlash(device) {
  const folder = await navigator.storage.getDirectory();
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
  try {
    flash = await openFlash(device);
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
  tell({ ready: { kept } });
  for (const each of early) act(each);
  early = [];
  turn();
}

function guarded(work) {
  try {
    const done = work();
    faults = 0;
    return done;
  } catch (fault) {
    faults += 1;
    console.error(String(fault.message ?? fault).slice(0, 2000));
    if (faults === FAULTS_MAX) { tell({ fault: "broken" }); page = null; }
    return null;
  }
}

function pushed() {
  const text = guarded(() => page?.take() ?? "");
  if (text) tell(JSON.parse(text));
}

function turn() {
  clearTimeout(timer);
  timer = null;
  const busy = page && guarded(() => page.step());
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
  const text = guarded(() => page?.events(JSON.stringify(events)) ?? "");
  tell({ answer: id, reason: text ? JSON.parse(text) : null });
  pushed();
  kick();
}

self.onmessage = ({ data }) => {
  if (data.start) {
    start(data.start).catch((fault) => {
      console.error(String(fault?.message ?? fault).slice(0, 2000));
      tell({ fault: fault instanceof TypeError ? "no_box" : "broken" });
    });
  } else if (page) act(data);
  else early.push(data);
};
