// What the page gives the MicroPython in its worker: flash that survives, a byte pipe to the broker, time.
// firmware/boards/page.py is the other half. Bytes go through two device files, which costs no copy and no proxy;
// everything else is a small number or a short text. No function here throws: MicroPython could not catch it.

export const FLASH = "/dev/o2o_flash";
export const LINE = "/dev/o2o_line";
const FLASH_BYTES = 352 * 4096; // all partitions of firmware/boards/flash.py
const ROOM_BYTES = 65536; // more than this is not handed to a socket that takes nothing
const WAITING_BYTES = 262144; // a broker that sends faster than we read is let go
const EIO = 29; // as Emscripten numbers it

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 2;

// The pipe. openSocket(): a WebSocket, or something with its manners; wake(): bytes or the end have come.
class Line {
  constructor(openSocket, wake) {
    this.openSocket = openSocket;
    this.wake = wake;
    this.socket = null;
    this.state = CLOSED;
    this.chunks = [];
    this.waiting = 0;
  }

  open() {
    this.close();
    let socket;
    try {
      socket = this.openSocket();
    } catch {
      return; // state stays CLOSED: the client comes back after its pause
    }
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.state = CONNECTING;
    const mine = (then) => (event) => { if (this.socket === socket) { then(event); this.wake(); } };
    socket.onopen = mine(() => { this.state = OPEN; });
    socket.onclose = mine(() => { this.state = CLOSED; });
    socket.onerror = mine(() => { this.state = CLOSED; });
    socket.onmessage = mine((event) => {
      if (!(event.data instanceof ArrayBuffer)) return; // text is nothing that MQTT knows
      const bytes = new Uint8Array(event.data);
      if (this.waiting + bytes.length > WAITING_BYTES) { this.close(); return; }
      if (bytes.length) { this.chunks.push(bytes); this.waiting += bytes.length; }
    });
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    this.state = CLOSED;
    this.chunks = [];
    this.waiting = 0;
    try { socket?.close(); } catch { /* it is closed already */ }
  }

  room() {
    if (this.state !== OPEN) return 0;
    return Math.max(0, ROOM_BYTES - this.socket.bufferedAmount);
  }

  take(into) {
    let done = 0;
    while (done < into.length && this.chunks.length) {
      const chunk = this.chunks[0];
      const part = chunk.subarray(0, into.length - done);
      into.set(part, done);
      done += part.length;
      if (part.length === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(part.length);
    }
    this.waiting -= done;
    return done;
  }

  put(bytes) {
    const size = Math.min(bytes.length, this.room());
    if (size) this.socket.send(bytes.slice(0, size));
    return size;
  }
}

// flash: getSize(), read(view, {at}), write(view, {at}), flush() of a FileSystemSyncAccessHandle.
// Fills what is missing of a new flash with ones, as the real part comes from the factory.
function fill(flash) {
  const size = flash.getSize();
  if (size >= FLASH_BYTES) return;
  const blank = new Uint8Array(FLASH_BYTES - size).fill(0xff);
  const written = flash.write(blank, { at: size });
  flash.flush();
  if (written !== blank.length) throw new Error("no room for the records");
}

// Gives `mp` (of loadMicroPython) its hardware. Throws when the flash cannot be filled; nothing throws later.
export function attach(mp, flash, openSocket, wake, agent) {
  fill(flash);
  const line = new Line(openSocket, wake);
  const FS = mp.FS;
  const guarded = (act) => {
    try {
      return act();
    } catch (fault) {
      throw new FS.ErrnoError(fault?.errno ?? EIO); // an OSError to Python
    }
  };
  const device = (minor, path, operations) => {
    const number = FS.makedev(70, minor);
    FS.registerDevice(number, operations);
    FS.mkdev(path, number);
  };
  device(0, FLASH, {
    open(stream) { stream.seekable = true; },
    llseek(stream, offset, whence) {
      return guarded(() => offset + [0, stream.position, flash.getSize()][whence]);
    },
    read(stream, heap, start, size, at) {
      return guarded(() => flash.read(heap.subarray(start, start + size), { at }));
    },
    // slice: a browser may refuse a view of memory that can grow
    write(stream, heap, start, size, at) {
      return guarded(() => {
        const written = flash.write(heap.slice(start, start + size), { at });
        if (written !== size) throw new Error("the storage is full");
        return written;
      });
    },
    fsync() { return guarded(() => { flash.flush(); return 0; }); },
  });
  device(1, LINE, {
    open(stream) { stream.seekable = false; },
    read(stream, heap, start, size) { return guarded(() => line.take(heap.subarray(start, start + size))); },
    write(stream, heap, start, size) { return guarded(() => line.put(heap.subarray(start, start + size))); },
  });
  const host = {
    ticks: () => Math.floor(performance.now()) & 0x3fffffff,
    // one text: day since 2020-01-01 and ms of day must be of the same moment, and a ms count needs 41 bits
    utc: () => { const ms = Date.now(); return `${Math.floor(ms / 86400000) - 18262} ${ms % 86400000}`; },
    random30: () => crypto.getRandomValues(new Uint32Array(1))[0] & 0x3fffffff,
    agent: () => agent,
    flush: () => { try { flash.flush(); return true; } catch { return false; } },
    line_open: () => line.open(),
    line_state: () => line.state,
    line_room: () => line.room(),
    line_waiting: () => line.waiting,
    line_close: () => line.close(),
  };
  mp.registerJsModule("page_host", host);
  return line;
}
