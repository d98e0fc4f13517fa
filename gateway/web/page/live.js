// The link to the gateway: streams the feed, and watches whether the gateway answers.

import { clock } from "./time.js";

const BEAT_MS = 2_000;
const HUNG_MS = 5_000;
const RETRY_MS = 1_000;
const DEAF_MS = 20_000; // the stream has a beat every 5 s
const WAITING_MAX = 5_000;

// EventSource cannot see a gateway that hangs, nor a stream that a sleeping laptop lost: /readyz every
// 2 s and the gateway's record counter can.
export class Live {
  // onState(state): all anew. onMessage(message): one feed message. onFigures(figures): fresh ones.
  // onReady(why): '' when the gateway can take records, else why not. onHealth(list): its thresholds.
  constructor({ onState, onMessage, onFigures, onReady, onHealth }) {
    Object.assign(this, { onState, onMessage, onFigures, onReady, onHealth });
    this.loaded = false;
    this.heardAt = performance.now();
    this.beatAt = this.downAt = performance.now();
    this.messages = this.misses = 0;
    this.open();
    this.beat();
    setTimeout(() => this.poll(), BEAT_MS);
  }

  // Milliseconds since the page lost touch, 0 while it has it.
  downMs() {
    const now = performance.now();
    if (!this.loaded) return Math.max(1, now - this.downAt);
    return now - this.beatAt > HUNG_MS ? now - this.beatAt : 0;
  }

  // Milliseconds since the stream gave a sign.
  quietMs() {
    return performance.now() - this.heardAt;
  }

  open() {
    this.close();
    this.waiting = [];
    const source = new EventSource("/api/events");
    this.source = source;
    source.onopen = () => this.load(source);
    source.onmessage = (event) => {
      const message = JSON.parse(event.data);
      this.heardAt = performance.now();
      this.messages += 1;
      if (this.loaded) this.onMessage(message);
      // The stream is opened first and the state read after it: nothing falls between the two.
      else if (this.waiting.push(message) > WAITING_MAX) this.lost(source);
    };
    source.addEventListener("beat", () => { this.heardAt = performance.now(); });
    source.addEventListener("reload", () => this.lost(source)); // too slow: load anew, but not at once
    source.onerror = () => this.lost(source);
  }

  close() {
    clearTimeout(this.retry);
    this.source?.close();
    if (this.loaded) this.downAt = performance.now();
    this.loaded = false;
  }

  lost(source) {
    if (source !== this.source) return;
    this.close();
    this.retry = setTimeout(() => this.open(), RETRY_MS);
  }

  async load(source) {
    try {
      const state = await this.get("/api/state", 20_000);
      if (source !== this.source) return;
      this.onState(state);
      this.waiting.forEach((message) => this.onMessage(message));
      this.waiting = [];
      this.loaded = true;
      this.beatAt = this.heardAt = performance.now();
    } catch {
      this.lost(source);
    }
  }

  async get(path, ms) {
    const sent = Date.now();
    const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(ms) });
    clock.note(response, sent);
    if (response.status === 401) location.assign("/login"); // the session is over
    // 503 is how /readyz says no; it has a body that says why.
    if (!response.ok && response.status !== 503) throw new Error(`${path}: ${response.status}`);
    return response.json();
  }

  async beat() {
    try {
      const { why } = await this.get("/readyz", 3_000);
      this.beatAt = performance.now();
      this.onReady(why);
    } catch { /* downMs() tells */ }
    setTimeout(() => this.beat(), BEAT_MS);
  }

  async poll() {
    const { messages } = this;
    try {
      const figures = await this.get("/api/figures", 10_000);
      this.onFigures(figures);
      const isDeaf = this.loaded && figures.records > this.records && messages === this.messagesThen;
      [this.records, this.messagesThen] = [figures.records, messages];
      this.misses = isDeaf ? this.misses + 1 : 0;
      if (this.misses > 1 || this.quietMs() > DEAF_MS) this.open(); // records arrive there, nothing arrives here
      this.onHealth((await this.get("/api/health", 10_000)).health);
    } catch { /* the figures grow old, and say so */ }
    setTimeout(() => this.poll(), BEAT_MS);
  }
}
