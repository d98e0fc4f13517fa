// For admins: the devices by their real names, and every counter of the gateway.

import { ask } from "./ask.js";
import { $, made, plain, setText } from "./rows.js";
import { ageText } from "./time.js";
import { t } from "./words.js";
import { word } from "./wording.js";

const SHOWN_MAX = 500;
const DUE_S = 30 * 86_400;
const COLUMNS = ["device", "kind", "presence", "firmware", "runs on", "boot", "open orders", "site", "certificate", "today called"];

export class Devices {
  constructor() {
    this.dialog = $("devices");
    this.all = [];
    $("devices-find").addEventListener("input", () => this.fill());
    $("devices-close").addEventListener("click", () => this.dialog.close());
  }

  async open() {
    this.dialog.showModal();
    setText($("devices-told"), t("loading …"));
    const [devices, figures] = await Promise.all([ask("/api/devices"), ask("/api/figures")]);
    if (devices.error) return setText($("devices-told"), devices.error);
    this.all = devices.body.devices;
    this.fill();
    return this.counters(figures.body ?? {});
  }

  fill() {
    const wanted = $("devices-find").value.trim().toLowerCase();
    const found = this.all.filter((each) => !wanted || JSON.stringify(Object.values(each)).toLowerCase().includes(wanted));
    const on = this.all.filter((each) => each.presence === "online").length;
    setText($("devices-told"), t("{0} devices, {1} on line; {2} shown", this.all.length, on, Math.min(found.length, SHOWN_MAX)));
    const head = made("tr");
    for (const name of COLUMNS) head.append(made("th", "", t(name)));
    $("devices-table").replaceChildren(head, ...found.slice(0, SHOWN_MAX).map(rowOf));
  }

  counters(figures) {
    const list = Object.entries(figures).filter(([, value]) => typeof value !== "object");
    $("counters").replaceChildren(...list.flatMap(([name, value]) => [made("dt", "", name), made("dd", "", String(value))]));
  }
}

function rowOf(each) {
  const row = made("tr");
  const due = each.due_s === null ? "–" : each.due_s < 0 ? t("✕ ended {0} ago", ageText(-each.due_s * 1000)) : t("in {0}", ageText(each.due_s * 1000));
  const isDue = each.due_s !== null && each.due_s < DUE_S;
  const state = each.state === "unknown" ? "–" : word(each.state);
  const cells = [
    [each.device], [t(plain(each.kind))], [`${each.presence === "online" ? "●" : "○"} ${word(each.presence)}`, each.presence === "online" ? "" : "dim"],
    [each.firmware || "–"], [each.implementation || "–"], [each.boot < 0 ? "–" : each.boot], [each.orders_open || "–"],
    [state, each.state === "revoked" ? "bad" : ""], [`${isDue ? "◆ " : ""}${due}`, isDue ? (each.due_s < 0 ? "bad" : "warn") : ""], [each.subject || "–"],
  ];
  for (const [text, tone] of cells) row.append(made("td", tone ?? "", text));
  return row;
}
