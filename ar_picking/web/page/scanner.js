// Keys that are not typed: a ring or HID scanner is a burst of keys with Enter behind it, much faster than fingers;
// Enter, space and the volume keys alone are a tap. What a person types is neither. Half a code must never become a
// tap: radio scanners stall, and the Enter of a code may come late (ar_picking/keys.py has the same rules).

const GAP_MS = 50; // between two keys of a scanner; a fast typist leaves 80
const QUIET_MS = 300; // keys nearer than this belong together
const MUTE_MS = 2000; // behind a piece of a code
const LENGTH_MIN = 4;
const LENGTH_MAX = 64;

export class Scanner {
  // on: {scan(code), tap()}; now(): ms
  constructor(on, now = () => performance.now()) {
    this.on = on;
    this.now = now;
    this.keys = "";
    this.last = -Infinity;
    this.slow = false;
    this.noTap = -Infinity; // until then
    this.noScan = -Infinity; // until then: what comes may be the rest of a code
    this.timer = null;
  }

  listen(target) {
    target.addEventListener("keydown", (event) => this.key(event), true);
    // a button is pressed by the space key when it goes up
    target.addEventListener("keyup", (event) => {
      if (event.key === " " && !typing(event.target)) event.preventDefault();
    }, true);
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (typing(event.target)) return;
    // when the key went down, not when this busy page came to it
    const now = event.timeStamp > 0 ? event.timeStamp : this.now();
    const gap = now - this.last;
    const { key } = event;
    if (key === "Enter") {
      event.preventDefault(); // never the click of a button that happens to have the focus
      const code = this.keys;
      const burst = !this.slow && gap < GAP_MS && code.length >= LENGTH_MIN && code.length <= LENGTH_MAX;
      this.clear();
      if (burst && now >= this.noScan) {
        this.on.scan(code);
        this.noTap = now + QUIET_MS; // some end their code with two keys
      } else if (code) this.noTap = this.last + MUTE_MS;
      if (!code || gap >= MUTE_MS) this.tap(now);
      return;
    }
    if (key === "AudioVolumeUp" || key === "AudioVolumeDown") {
      event.preventDefault();
      if (gap >= QUIET_MS) this.tap(now);
      return;
    }
    if (key.length !== 1) return;
    event.preventDefault();
    clearTimeout(this.timer);
    if (gap >= QUIET_MS) {
      if (this.keys.length > 1) this.noTap = this.noScan = this.last + MUTE_MS;
      this.clear();
    } else if (this.keys && gap >= GAP_MS) this.slow = true;
    if (this.keys.length <= LENGTH_MAX) this.keys += key;
    this.last = now;
    // a space may be the first character of a code: it is a tap when nothing follows
    if (this.keys === " ") this.timer = setTimeout(() => { this.clear(); this.tap(now); }, QUIET_MS + 10);
  }

  tap(now) {
    if (now >= this.noTap) this.on.tap();
  }

  clear() {
    clearTimeout(this.timer);
    this.keys = "";
    this.slow = false;
  }
}

function typing(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

// Codes that the camera reads stay in view for a while: each counts once, until it was gone for a moment.
export class Codes {
  constructor(scan, now = () => performance.now()) {
    this.scan = scan;
    this.now = now;
    this.seen = new Map();
  }

  take(codes) {
    const now = this.now();
    for (const [code, at] of this.seen) if (now - at > 1500) this.seen.delete(code);
    for (const code of codes.slice(0, 8)) {
      const text = String(code).slice(0, LENGTH_MAX);
      const is_new = !this.seen.has(text);
      this.seen.set(text, now);
      if (is_new) this.scan(text);
    }
  }
}
