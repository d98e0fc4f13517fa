// Runs a script in the 32-bit MicroPython with the hardware that the tablet's page gives it (web/page/board.js):
//   node page_run.mjs MICROPYTHON.MJS REPO FLASH_FILE SCRIPT.py [BROKER_PORT]
// A file stands for the browser's private storage, a TCP connection for the WebSocket to the box. The script may
// define turn(): it is called again and again, between the network's events, until it returns True.
import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, readdirSync, statSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modulePath, repo, flashPath, script, port] = process.argv.slice(2);
const { loadMicroPython } = await import(pathToFileURL(modulePath).href);
const { attach } = await import(pathToFileURL(join(repo, "ar_picking/web/page/board.js")).href);
const mp = await loadMicroPython({ heapsize: 16 * 1024 * 1024, stdout: (line) => console.log(line), linebuffer: true });

function copy(from, to) {
  mp.FS.mkdirTree(to);
  for (const entry of readdirSync(from)) {
    const source = join(from, entry);
    if (statSync(source).isDirectory()) {
      if (entry !== "__pycache__") copy(source, `${to}/${entry}`);
    } else if (entry.endsWith(".py")) mp.FS.writeFile(`${to}/${entry}`, readFileSync(source));
  }
}
for (const folder of ["protocols", "firmware", "ar_picking/guide"]) copy(join(repo, folder), `/repo/${folder}`);
mp.FS.writeFile("/repo/ar_picking/__init__.py", "");

// The manners of a FileSystemSyncAccessHandle. FULL_AT: bytes that the storage has room for.
class Flash {
  constructor(path) { this.fd = openSync(path, existsSync(path) ? "r+" : "w+"); }
  getSize() { return fstatSync(this.fd).size; }
  read(into, { at }) { return readSync(this.fd, into, 0, into.length, at); }
  write(from, { at }) {
    if (process.env.FULL_AFTER && at + from.length > Number(process.env.FULL_AFTER)) return 0;
    return writeSync(this.fd, from, 0, from.length, at);
  }
  flush() { fsyncSync(this.fd); }
  close() { closeSync(this.fd); }
}

// The manners of a WebSocket.
class Socket {
  constructor() {
    this.tcp = connect(Number(port), "127.0.0.1");
    this.tcp.setNoDelay(true);
    this.tcp.on("connect", () => this.onopen?.({}));
    this.tcp.on("data", (data) => this.onmessage?.({ data: new Uint8Array(data).buffer }));
    this.tcp.on("close", () => this.onclose?.({}));
    this.tcp.on("error", () => this.onerror?.({}));
  }
  get bufferedAmount() { return this.tcp.writableLength; }
  send(bytes) { this.tcp.write(bytes); }
  close() { this.tcp.destroy(); }
}

let kick = () => {};
attach(mp, new Flash(flashPath), () => new Socket(), () => kick(), "node");
mp.runPython(`import sys\nsys.path.append("/repo")\n${readFileSync(script, "utf8")}`);
const turn = mp.globals.get("turn");
while (turn && !turn()) {
  await new Promise((done) => { const timer = setTimeout(done, 20); kick = () => { clearTimeout(timer); setTimeout(done, 0); }; });
}
process.exit(0);
