// The dispatcher's form: give an order to a rider, end it, call it off; and what the gateway answered.

import { ask, tell } from "./ask.js";
import { $, made, setText } from "./rows.js";
import { clock } from "./time.js";
import { t } from "./words.js";

const PROMISE_MS = 30 * 60_000;
const PLACE = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,，\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/;

// '31.2304, 121.4737' as degrees x 1e7, WGS-84; null for anything else.
export function placeOf(text) {
  const found = PLACE.exec(text);
  if (!found) return null;
  const [lat, lon] = [Number(found[1]), Number(found[2])];
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180) return null;
  return { lat_e7: Math.round(lat * 1e7), lon_e7: Math.round(lon * 1e7) };
}

export class Desk {
  constructor(me, profiles) {
    this.me = me;
    this.dialog = $("desk");
    for (const name of Object.keys(profiles)) $("desk-profile").append(Object.assign(made("option", "", t(name)), { value: name }));
    $("desk-action").addEventListener("change", () => this.shape());
    $("desk-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    $("desk-close").addEventListener("click", () => this.dialog.close());
  }

  async open(order = "", action = "assign") {
    $("desk-order").value = order;
    $("desk-action").value = action;
    const local = new Date(clock.now() + PROMISE_MS - new Date().getTimezoneOffset() * 60_000);
    $("desk-promised").value = local.toISOString().slice(0, 16);
    this.say("");
    this.shape();
    if (!this.dialog.open) this.dialog.showModal();
    if (this.me.role !== "admin") return;
    const { body } = await ask("/api/devices"); // only an admin may know them by name
    const options = (body?.devices ?? []).map(({ device }) => Object.assign(document.createElement("option"), { value: device }));
    $("desk-devices").replaceChildren(...options);
  }

  // Only what the action needs is asked for.
  shape() {
    const action = $("desk-action").value;
    for (const row of document.querySelectorAll("#desk-form [data-for]")) row.hidden = !row.dataset.for.split(" ").includes(action);
    $("desk-device").required = action === "assign";
    $("desk-drop").required = action === "assign";
    $("desk-reason").required = action === "failed";
  }

  message() {
    const action = $("desk-action").value;
    const message = { order: $("desk-order").value.trim(), action };
    if (action === "assign") {
      message.device = $("desk-device").value.trim();
      message.drop = placeOf($("desk-drop").value);
      if (!message.drop) return { error: t("the place is written as: latitude, longitude in degrees") };
      if ($("desk-pickup").value.trim()) {
        message.pickup = placeOf($("desk-pickup").value);
        if (!message.pickup) return { error: t("the place is written as: latitude, longitude in degrees") };
      }
      const promised = new Date($("desk-promised").value);
      if (!Number.isNaN(promised.getTime())) message.promised = promised.toISOString();
      if ($("desk-profile").value) message.profile = $("desk-profile").value;
    }
    const reason = $("desk-reason").value.trim();
    if (reason && (action === "failed" || action === "cancel")) message.reason = reason;
    return { message };
  }

  async send() {
    const { message, error: wrong } = this.message();
    if (wrong) return this.say(wrong, "bad");
    $("desk-send").disabled = true;
    this.say("…");
    const { body, error } = await tell("/orders", message);
    $("desk-send").disabled = false;
    if (error) return this.say(error, "bad");
    return this.say(body.repeated ? t("✓ was taken before; nothing changed") : t("✓ taken: it is on the disk and goes to the board"), "good");
  }

  say(text, tone = "") {
    $("desk-answer").className = tone;
    setText($("desk-answer"), text);
  }
}
