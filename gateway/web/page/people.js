// Who is there and how they are: one row each, of a list that has as many as the fleet.

import { bandOf, degrees, isOutside } from "./bands.js";
import { orderChip, stopChips } from "./carried.js";
import { $, chips, fromTemplate, line, setText } from "./rows.js";
import { ACT, FIX_SILENT_MS, sensing } from "./standing.js";
import { ageText } from "./time.js";
import { VirtualList } from "./list.js";
import { toneOf, word as said } from "./wording.js";
import { t } from "./words.js";

const COMPASS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
const MOTIONS = { still: "standing", foot: "on foot", ride: "riding" };

export class People {
  // onPick(name): a rider was chosen; onOrder(order): an order.
  constructor({ onPick, onOrder }) {
    Object.assign(this, { onPick, onOrder });
    this.list = new VirtualList($("people"), (key) => (key.startsWith("#") ? this.makeTitle() : this.makeRow(key.slice(1))));
    this.names = [];
  }

  // list: what standing() says of each.
  show(list, now, chosen, isDown) {
    const titles = { help: isDown ? "Needed help when last known" : "Need help", silent: isDown ? "Not known now: last values of" : "Silent", live: "Live", gone: "Off" };
    const items = [];
    this.names = [];
    for (const [group, title] of Object.entries(titles)) {
      const members = list.filter((each) => groupOf(each) === group);
      if (!members.length) continue;
      // The greatest need first, then the longest silence; those who are live by name, or the list would never
      // stand still.
      const bySilence = (a, b) => (group === "silent" || group === "gone" ? Math.sign(b.age - a.age) || 0 : 0);
      members.sort((a, b) => b.rank - a.rank || bySilence(a, b) || (a.person.name < b.person.name ? -1 : 1));
      items.push({ key: `#${group}`, fill: ({ row }) => setText(row, `${t(title)} ${members.length}`) });
      for (const each of members) {
        this.names.push(each.person.name);
        items.push({ key: `-${each.person.name}`, fill: (made) => this.fill(made, each, now, chosen) });
      }
    }
    this.list.show(items);
    const count = (...words) => list.filter((each) => words.includes(each.word)).length;
    const counts = t("{0} live · {1} silent · {2} off", count("live", "rough"), count("silent"), count("gone"));
    setText($("people-count"), isDown ? t("last known") : list.length ? counts : "");
    $("tab-people").title = $("people-count").textContent;
    $("people-empty").hidden = list.length > 0;
  }

  // The name `step` rows on from `name`, for the arrow keys.
  next(name, step) {
    const at = this.names.indexOf(name);
    return this.names[at < 0 ? (step > 0 ? 0 : this.names.length - 1) : Math.min(Math.max(at + step, 0), this.names.length - 1)];
  }

  reveal(name) {
    this.list.reveal(`-${name}`);
  }

  makeTitle() {
    const row = document.createElement("li");
    row.className = "group";
    return { row };
  }

  makeRow(name) {
    const made = fromTemplate("person-row");
    made.row.firstElementChild.addEventListener("click", () => this.onPick(name));
    made.parts.orders.addEventListener("click", (event) => {
      const order = event.target.dataset?.order;
      if (order === undefined) return;
      event.stopPropagation();
      this.onOrder(order);
    });
    return made;
  }

  fill({ row, parts }, each, now, chosen) {
    const { person, word, age, need, rank, isDown } = each;
    row.dataset.standing = word;
    row.firstElementChild.setAttribute("aria-pressed", person.name === chosen);
    parts.mark.className = `mark mark-${word}`;
    setText(parts.name, person.name);
    setText(parts.kind, t(person.kind));
    setText(parts.presence, person.presence === "unknown" ? t("presence ?") : said(person.presence));
    chips(parts.need, need.slice(0, 1).map(([, sign, what]) => [`${sign} ${t(what)}${need.length > 1 ? ` +${need.length - 1}` : ""}`, toneOf(rank)]));
    parts.need.title = need.map(([, , what]) => t(what)).join(", ");
    setText(parts.age, line(word === "silent" && !isDown && age > FIX_SILENT_MS ? t("silent") : "", ageText(age)));
    chips(parts.facts, facts(each));
    const orders = [...person.orders];
    chips(parts.orders, orders.map(orderChip));
    orders.forEach(([order], i) => { parts.orders.children[i].dataset.order = order; });
    chips(parts.stops, stopChips(person.stops, person.orders));
    chips(parts.sensors, [...person.sensors.values()].map((sensor) => sensorChip(sensor, now)));
  }
}

function sensorChip(sensor, now) {
  const { name, temp_cc, age: old, isSilent, isLost, silence } = sensing(sensor, now);
  if (isSilent) return [`${name} ✕ ${silence}`, isLost ? "bad" : "warn"];
  const outside = isOutside(bandOf(sensor), temp_cc);
  return [`${name} ${outside ? "▲ " : ""}${degrees(temp_cc)} · ${ageText(old)}`, outside ? "warn" : ""];
}

function facts({ person, word, age, heard, rough, isBehind }) {
  const { fix } = person;
  if (!fix) return person.kind === "rider" ? [[t("no position known here"), "warn"]] : [];
  const list = [];
  if (Number.isFinite(fix.speed_mm_s)) {
    const was = word === "silent" || word === "gone" ? t("was") : "";
    const moves = fix.speed_mm_s > 500 && Number.isFinite(fix.course_cdeg);
    list.push([line(was, Math.round(fix.speed_mm_s * 0.0036), "km/h", moves ? t(COMPASS[Math.round(fix.course_cdeg / 4500) % 8]) : "")]);
  }
  if (fix.sats_used !== undefined || fix.stream === "fix") list.push([t("{0} sats · {1} BeiDou", fix.sats_used ?? "?", fix.bds_used ?? "?")]);
  if (Object.hasOwn(MOTIONS, fix.motion ?? "")) list.push([t(MOTIONS[fix.motion])]);
  if (fix.source === "rtk") list.push(["RTK"]);
  if (rough) list.push([t(rough), "warn"]);
  if (isBehind) list.push([t("sending its backlog"), "warn"]);
  else if (Math.abs(age - heard) > FIX_SILENT_MS) list.push([t("last record {0} ago", ageText(heard)), "dim"]);
  return list;
}

function groupOf({ word, rank }) {
  if (word === "gone") return word;
  return rank >= ACT ? "help" : word === "rough" ? "live" : word;
}
