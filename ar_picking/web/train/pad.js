// Walking by thumbs or arrow keys: while a button is held, small steps go out; let go, and one stands.
import { language } from "./words.js";

const EVERY_MS = 100;
// what one step of each button is: cm ahead, degrees to the left, degrees up
const STEPS = {
  ahead: [16, 0, 0], back: [-10, 0, 0], left: [0, 9, 0], right: [0, -9, 0], up: [0, 0, 5], down: [0, 0, -5],
};
const ORDER = ["left", "ahead", "back", "right", "up", "down"];
const SIGNS = { ahead: "▲", back: "▼", left: "◀", right: "▶", up: "△", down: "▽" };
const NAMES = {
  ahead: ["前进", "ahead"], back: ["后退", "back"], left: ["左转", "turn left"], right: ["右转", "turn right"],
  up: ["抬头", "look up"], down: ["低头", "look down"],
};
const KEYS = { ArrowUp: "ahead", ArrowDown: "back", ArrowLeft: "left", ArrowRight: "right", PageUp: "up", PageDown: "down" };

export class Pad {
  constructor(host, send) {
    this.send = send;
    this.held = new Set();
    this.timer = null;
    this.on = false;
    this.box = document.createElement("div");
    this.box.className = "pad";
    this.box.hidden = true;
    for (const name of ORDER) {
      const button = document.createElement("button");
      button.className = `pad-${name}`;
      const small = document.createElement("small");
      small.textContent = NAMES[name][language() === "en" ? 1 : 0];
      button.append(SIGNS[name], small);
      button.addEventListener("pointerdown", (event) => { event.preventDefault(); button.setPointerCapture(event.pointerId); this.hold(name); });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(end, () => this.free(name));
      button.addEventListener("click", (event) => event.stopPropagation());
      button.addEventListener("contextmenu", (event) => event.preventDefault());
      this.box.append(button);
    }
    host.after(this.box);
    window.addEventListener("keydown", (event) => {
      const name = KEYS[event.key];
      if (!name || !this.on || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      if (!event.repeat) this.hold(name);
    });
    window.addEventListener("keyup", (event) => { if (KEYS[event.key]) this.free(KEYS[event.key]); });
    window.addEventListener("blur", () => { for (const name of [...this.held]) this.free(name); });
  }

  show(on) {
    this.on = on;
    this.box.hidden = !on;
    if (!on) { this.held.clear(); clearInterval(this.timer); this.timer = null; }
  }

  hold(name) {
    if (!this.on || this.held.has(name)) return;
    this.held.add(name);
    this.step();
    this.timer ??= setInterval(() => this.step(), EVERY_MS);
  }

  free(name) {
    if (!this.held.delete(name) || this.held.size) return;
    clearInterval(this.timer);
    this.timer = null;
    this.send({ type: "halt" });
  }

  step() {
    const sum = [0, 0, 0];
    for (const name of this.held) STEPS[name].forEach((v, i) => { sum[i] += v; });
    this.send({ type: "move", walk_cm: sum[0], turn_deg: sum[1], look_deg: sum[2] });
  }
}
