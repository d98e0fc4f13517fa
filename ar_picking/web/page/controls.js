// Buttons: one for every event that makes sense now, as the guide says it (view.can), and one question at a time.

import { chosen, other, say, also } from "./words.js";

const $ = (id) => document.getElementById(id);
// what is always at the same place, so that hands learn it; the rest comes below when it is of use
const FIXED = ["tap", "short", "skip", "undo"];
const MORE = ["blocked", "open", "manual_on", "manual_off"];
const STEADY_MS = 400; // nobody reads what has changed and presses it in less; a double touch is over by then
const ONCE = new Set(["tap", "put", "count", "short", "substitute", "skip", "undo"]);

// Holds back presses that were meant for something else: the second touch of a double touch, and a touch that was
// on its way to the glass when a code or the camera confirmed what stood there. The guide would take either of them
// for the next thing. A cart's box says itself what it is for, so the second rule is not its.
export class PressGuard {
  // now(): ms
  constructor(now = () => performance.now()) {
    this.now = now;
    this.step = null;
    this.pressedAt = this.changedAt = -Infinity;
  }

  // What stands on the screen from now on.
  show(view) {
    const step = `${view.list} ${view.line?.line} ${view.step}`;
    if (step !== this.step) this.changedAt = this.now();
    this.step = step;
  }

  // Whether an event may go to the guide.
  passes(event) {
    if (!ONCE.has(event.type)) return true;
    const now = this.now();
    if (now - this.pressedAt < STEADY_MS) return false;
    if (event.type === "tap" && now - this.changedAt < STEADY_MS) return false;
    this.pressedAt = now;
    return true;
  }
}

function labelled(button, key, values) {
  const small = document.createElement("small");
  small.textContent = also(key, values);
  button.replaceChildren(document.createTextNode(say(key, values)), small);
}

export class Controls {
  // send(event): hands an event to the guide
  constructor(send) {
    this.send = send;
    this.view = null;
    this.blind = false; // no camera or no box: no bin is confirmed by sight
    this.question = null; // "short" while the picker says how many there are
    this.count = 0;
    this.asked = ""; // the question on the screen
    this.steady = true; // and whether it has been there long enough to be meant
    this.steadyTimer = null;
    this.under = null; // the question that was there when the finger came down
    this.buttons = new Map();
    for (const name of [...FIXED, ...MORE]) {
      const button = document.createElement("button");
      button.id = name;
      button.className = name === "tap" ? "main" : FIXED.includes(name) ? "" : "extra";
      button.onclick = () => { button.blur(); this.press(name); };
      this.buttons.set(name, button);
      $(MORE.includes(name) ? "more-buttons" : "buttons").append(button);
    }
    $("less").onclick = () => this.step(-1);
    $("more").onclick = () => this.step(1);
    for (const [id, yes] of [["ask-yes", true], ["ask-no", false]]) {
      $(id).addEventListener("pointerdown", () => { this.under = this.asked; });
      $(id).onclick = () => {
        const { under } = this;
        this.under = null;
        if (under === null || under === this.asked) this.answer(yes); // null: a key, no finger
      };
    }
  }

  press(name) {
    if (name === "short") {
      this.question = "short";
      this.count = 0;
      this.draw();
    } else if (name === "manual_on" || name === "manual_off") this.send({ type: "manual", on: name === "manual_on" });
    else this.send({ type: name });
  }

  see(blind) {
    if (blind === this.blind) return;
    this.blind = blind;
    this.draw();
  }

  // Whether a button below is of use now.
  serves(name, can) {
    const { view } = this;
    if (name === "manual_on") return this.blind && !view.manual && view.step === "bin";
    if (name === "manual_off") return !this.blind && view.manual === true;
    return can.has(name) && (name !== "open" || view.blocked?.length > 0);
  }

  step(by) {
    this.count = Math.max(0, Math.min(this.most(), this.count + by));
    $("count").value = String(this.count);
  }

  most() {
    const line = this.view?.line;
    if (!line) return 0;
    return this.kind() === "short" ? line.qty - 1 : line.qty;
  }

  // The question on the screen now: a proposal, how many are there, how many were taken; or none.
  kind() {
    const { view } = this;
    if (!view) return null;
    if (view.propose && view.can.includes("substitute")) return "substitute";
    if (this.question === "short" && view.can.includes("short")) return "short";
    if (view.step === "qty" && view.can.includes("count")) return "count";
    return null;
  }

  answer(yes) {
    const kind = this.kind();
    const { count } = this;
    if (!this.steady && (yes || kind === "substitute")) return;
    this.question = null;
    this.count = this.kind() === "count" ? this.view.line.qty : 0; // of the question that is behind this one
    if (kind === "substitute") this.send({ type: "substitute", accept: yes });
    else if (kind === "short" && yes) this.send({ type: "short", found: count });
    else if (kind === "count" && yes) {
      // fewer than wanted is a short pick, and said so; never a silent one
      if (count < this.view.line.qty) this.send({ type: "short", found: count });
      else this.send({ type: "count", qty: count });
    }
    this.draw();
  }

  show(view) {
    const before = this.view;
    this.view = view;
    const another = before?.line?.line !== view.line?.line || before?.step !== view.step;
    if (another || before?.state !== view.state) {
      this.question = null;
      this.count = view.step === "qty" ? view.line?.qty ?? 0 : 0;
    }
    this.draw();
  }

  draw() {
    const { view } = this;
    if (!view) return;
    const can = new Set(view.can);
    const kind = this.kind();
    for (const [name, button] of this.buttons) {
      labelled(button, name);
      if (MORE.includes(name)) button.hidden = !this.serves(name, can);
      else button.disabled = !can.has(name) || (name === "tap" && kind !== null);
    }
    // a question takes the buttons' place: the map stays where it is
    $("buttons").hidden = $("more-buttons").hidden = kind === "short" || kind === "substitute";
    $("ask").hidden = kind === null;
    this.ask(kind);
    if (kind === null) return;
    $("stepper").hidden = kind === "substitute";
    const text = kind === "substitute" ? ["propose", view.propose] : [{ short: "how_many", count: "how_many_taken" }[kind]];
    $("ask-text").textContent = say(...text);
    $("count").value = String(this.count);
    const yes = { substitute: "accept", short: "report_short", count: "confirm_count" }[kind];
    labelled($("ask-yes"), yes);
    $("ask-yes").className = kind === "count" ? "main" : "warn";
    labelled($("ask-no"), kind === "substitute" ? "decline" : "cancel");
    $("ask-no").hidden = kind === "count";
    $("ask-yes").disabled = !this.steady;
    $("ask-no").disabled = !this.steady && kind === "substitute";
  }

  // Another question has no answer for a moment: the button that was under the finger has another meaning now.
  ask(kind) {
    const { view } = this;
    const asked = kind === null ? "" : `${kind} ${view.list} ${view.line?.line} ${view.propose?.sku} ${view.propose?.bin}`;
    if (asked === this.asked) return;
    this.asked = asked;
    this.steady = false;
    clearTimeout(this.steadyTimer);
    this.steadyTimer = setTimeout(() => { this.steady = true; this.draw(); }, STEADY_MS);
  }
}

const WRONG = new Set(["not_taken", "wrong_bin", "wrong_item", "wrong_slot", "unknown_code", "count_more"]);

// What was refused, and why. A wrong thing is red with a cross; everything else is a calm line.
export class Notices {
  constructor() { this.timer = null; }

  show(reason) {
    const wrong = WRONG.has(reason.code);
    this.clear();
    const box = $(wrong ? "wrong" : "notice");
    box.hidden = false;
    if (wrong) {
      box.querySelector("b").textContent = chosen(reason.zh, reason.en);
      box.querySelector("small").textContent = other(reason.zh, reason.en);
    } else box.textContent = `${reason.zh} · ${reason.en}`;
    this.timer = setTimeout(() => this.clear(), wrong ? 4000 : 3000);
    return wrong;
  }

  clear() {
    clearTimeout(this.timer);
    $("wrong").hidden = true;
    $("notice").hidden = true;
  }
}
