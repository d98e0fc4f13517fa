// The guide, as the page sees it: events in, views out; it lives in a worker.

export class Guide {
  // on: {ready, view, way, net, fault}, called with what the worker says
  constructor(on) {
    this.on = on;
    this.view = null;
    this.way = { path: [], tour: [] };
    this.net = { up: false, pending: 0 };
    this.asked = new Map();
    this.number = 0;
    this.presses = []; // ms from an event to its answer, without those of every picture
    this.worker = new Worker(new URL("guide_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.take(data);
    this.worker.onerror = () => this.on.fault("broken");
  }

  start(session, shop) {
    const agent = /Android [\d.]+|Linux|Windows|Mac OS/.exec(navigator.userAgent)?.[0] ?? "browser";
    this.worker.postMessage({ start: { ...session, shop, agent } });
  }

  // One event or several of one moment; the answer is null, or {code, zh, en} of the first that was refused.
  send(...events) {
    const id = ++this.number;
    const began = performance.now();
    return new Promise((done) => {
      this.asked.set(id, (reason) => {
        if (!["at", "seen"].includes(events[0].type)) this.presses.push(performance.now() - began);
        if (this.presses.length > 1000) this.presses.shift();
        done(reason);
      });
      this.worker.postMessage({ id, events });
    });
  }

  take(message) {
    if (message.answer) {
      const done = this.asked.get(message.answer);
      this.asked.delete(message.answer);
      done?.(message.reason);
      return;
    }
    if (message.ready) this.on.ready(message.ready);
    if (message.fault) this.on.fault(message.fault);
    if (message.way) this.way = message.way;
    if (message.net) { this.net = message.net; this.on.net(this.net); }
    if (message.view) { this.view = message.view; this.on.view(this.view); }
    if (message.way) this.on.way(this.way);
  }
}
