// What happened, newest first: by level, by stream, by what somebody looks for.

import { EVENT_STREAMS } from "./picture.js";
import { $, arrange, fromTemplate, setText } from "./rows.js";
import { ageText, timeText } from "./time.js";
import { t } from "./words.js";
import { wording } from "./wording.js";

const PINNED = 3; // alarms on top: at most so many
export const LEVELS = [["bad", "▲", "act"], ["warn", "◆", "look"], ["", "·", "usual"]];

export class Events {
  // onPick(name): a rider was chosen; onOrder(order): an order.
  constructor({ onPick, onOrder }) {
    Object.assign(this, { onPick, onOrder });
    this.hidden = new Set();
    this.without = new Set(); // levels that are not shown
    this.wanted = "";
    this.rows = new WeakMap();
    for (const [tone] of LEVELS) this.addToggle("level", tone, this.without, $("levels"));
    for (const stream of EVENT_STREAMS) this.addToggle("stream", stream, this.hidden, $("toggles"));
    $("events-find").addEventListener("input", (event) => {
      this.wanted = event.target.value.trim().toLowerCase();
      this.again();
    });
  }

  addToggle(kind, value, without, parent) {
    const toggle = document.createElement("button");
    toggle.type = "button";
    toggle.dataset[kind] = value;
    toggle.setAttribute("aria-pressed", "true");
    toggle.addEventListener("click", () => {
      if (!without.delete(value)) without.add(value);
      toggle.setAttribute("aria-pressed", !without.has(value));
      this.again();
    });
    parent.append(toggle);
  }

  // Another language, another filter: what stands there is made anew.
  again(isReworded = false) {
    if (isReworded) this.rows = new WeakMap();
    if (this.picture) this.show(this.picture, this.now);
  }

  // picture: whose events are feed messages, oldest first.
  show(picture, now) {
    [this.picture, this.now] = [picture, now];
    const all = picture.events;
    for (const message of all) this.row(message);
    // The newest alarms stay on top for a while: a busy store's picks must not push them away.
    const pinned = all.filter((message) => picture.stands(message, now)).slice(-PINNED);
    const shown = all.filter((message) => !pinned.includes(message) && this.isWanted(message));
    arrange($("events"), [...shown, ...pinned].reverse().map((message) => this.row(message).row));
    for (const message of all) this.row(message).row.classList.toggle("pinned", pinned.includes(message));
    for (const toggle of $("toggles").children) {
      const { stream } = toggle.dataset;
      setText(toggle, `${t(stream)} ${all.filter((message) => message.stream === stream).length}`);
    }
    [...$("levels").children].forEach((toggle, i) => {
      const [tone, sign, word] = LEVELS[i];
      setText(toggle, `${sign} ${t(word)} ${all.filter((message) => this.row(message).tone === tone).length}`);
    });
    $("events-empty").hidden = shown.length + pinned.length > 0;
  }

  isWanted(message) {
    const { tone, text } = this.row(message);
    return !this.hidden.has(message.stream) && !this.without.has(tone) && (!this.wanted || text.includes(this.wanted));
  }

  row(message) {
    if (!this.rows.has(message)) this.rows.set(message, this.makeRow(message));
    return this.rows.get(message);
  }

  makeRow(message) {
    const { row, parts } = fromTemplate("event-row");
    const tone = fillEvent(row, parts, message);
    setText(parts.who, message.subject);
    parts.who.addEventListener("click", () => this.onPick(message.subject));
    const { order } = message;
    parts.order.hidden = typeof order !== "string";
    if (typeof order === "string") {
      setText(parts.order, t("open"));
      parts.order.title = order;
      parts.order.addEventListener("click", () => this.onOrder(order));
    }
    return { row, tone, text: row.textContent.toLowerCase() };
  }
}

// Write a message into a row of the template event-row; returns its tone.
export function fillEvent(row, parts, message) {
  const { main, more, tone = "" } = wording(message);
  const at = Date.parse(message.t ?? message.received);
  row.dataset.stream = message.stream;
  row.dataset.tone = tone;
  setText(parts.time, timeText(at));
  parts.time.title = message.t ?? t("received {0}", message.received);
  const sign = LEVELS.find(([name]) => name === tone)?.[1] ?? "";
  setText(parts.stream, `${tone ? `${sign} ` : ""}${t(message.stream)}`);
  if (message.replay) setText(parts.late, t("came {0} late", ageText(Date.parse(message.received) - at)));
  setText(parts.main, main);
  setText(parts.more, more ?? "");
  if (message.text_zh) parts.main.lang = "zh-Hans";
  return tone;
}
