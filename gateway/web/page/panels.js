// The two lists: who is there and how they are, and what happened. Everything in them is outside
// input and reaches the document through textContent only.

import { degrees, isOutside, reference } from "./chart.js";
import { ACT, COLDS, EVENT_STREAMS, FIX_SILENT_MS, RISKS, coldOf, isAlarm, levelOf, sensing, when } from "./picture.js";
import { ageText, clock } from "./time.js";

const COMPASS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
const MOTIONS = { still: "standing", foot: "on foot", ride: "riding" };
const [PINNED, STOPS] = [3, 4]; // alarms on top, stops that are said: at most so many
const timeOf = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const $ = (id) => document.getElementById(id);

// Writing only what changed keeps the lists calm and a text selection alive. Characters that turn the
// direction of what follows are shown as a sign: they could make one id read as another.
export function setText(element, text) {
  const shown = String(text).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  if (element.textContent !== shown) element.textContent = shown;
}

// Make `wanted` the children of `parent` and move nothing that already stands right.
function arrange(parent, wanted) {
  let place = parent.firstElementChild;
  for (const element of wanted) {
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  while (place) {
    const next = place.nextElementSibling;
    place.remove();
    place = next;
  }
}

function fromTemplate(id) {
  const row = $(id).content.firstElementChild.cloneNode(true);
  return { row, parts: Object.fromEntries([...row.querySelectorAll("[data-f]")].map((part) => [part.dataset.f, part])) };
}

function chips(parent, list) {
  while (parent.childElementCount > list.length) parent.lastElementChild.remove();
  list.forEach(([text, tone], i) => {
    const chip = parent.children[i] ?? parent.appendChild(document.createElement("bdi"));
    setText(chip, text);
    chip.className = tone ?? "";
  });
}

const toneOf = (rank) => (rank >= ACT ? "bad" : rank ? "warn" : "");
const plain = (word) => String(word ?? "").replaceAll("_", " ");
// The parts that are there, in one line.
const line = (...parts) => parts.filter((part) => part !== undefined && part !== null && part !== "").join(" ");
const dots = (...parts) => parts.filter(Boolean).join(" · ");

// -- riders and pickers -------------------------------------------------------------------------

export class People {
  constructor(onPick) {
    this.onPick = onPick;
    this.rows = new Map();
    this.titles = new Map();
  }

  // list: what picture.standing() says of each.
  show(list, now, chosen, isDown) {
    const groups = [["help", isDown ? "Needed help when last known" : "Need help"], ["silent", isDown ? "Not known now: last values of" : "Silent"], ["live", "Live"], ["gone", "Off"]];
    const wanted = [];
    for (const [word, title] of groups) {
      const members = list.filter((each) => groupOf(each) === word);
      if (!members.length) continue;
      // The greatest need first, then the longest silence; those who are live by name, or the list would never
      // stand still.
      const bySilence = (a, b) => (word === "silent" || word === "gone" ? Math.sign(b.age - a.age) || 0 : 0);
      members.sort((a, b) => b.rank - a.rank || bySilence(a, b) || (a.person.name < b.person.name ? -1 : 1));
      wanted.push(this.title(word, `${title} ${members.length}`));
      for (const each of members) wanted.push(this.row(each, now, chosen));
    }
    arrange($("people"), wanted);
    for (const name of this.rows.keys()) if (!this.rows.get(name).row.isConnected) this.rows.delete(name);
    const count = (...words) => list.filter((each) => words.includes(each.word)).length;
    const counts = `${count("live", "rough")} live · ${count("silent")} silent · ${count("gone")} off`;
    setText($("people-count"), isDown ? "last known" : list.length ? counts : "");
    $("people-empty").hidden = list.length > 0;
  }

  title(word, text) {
    if (!this.titles.has(word)) {
      const row = document.createElement("li");
      row.className = "group";
      this.titles.set(word, row);
    }
    setText(this.titles.get(word), text);
    return this.titles.get(word);
  }

  row(each, now, chosen) {
    const { person, word, age, need, rank, isDown } = each;
    if (!this.rows.has(person.name)) {
      const made = fromTemplate("person-row");
      made.row.firstElementChild.addEventListener("click", () => this.onPick(person.name));
      this.rows.set(person.name, made);
    }
    const { row, parts } = this.rows.get(person.name);
    row.dataset.standing = word;
    row.firstElementChild.setAttribute("aria-pressed", person.name === chosen);
    parts.mark.className = `mark mark-${word}`;
    setText(parts.name, person.name);
    setText(parts.kind, person.kind);
    setText(parts.presence, person.presence === "unknown" ? "presence ?" : plain(person.presence));
    chips(parts.need, need.slice(0, 1).map(([, sign, said]) => [`${sign} ${said}${need.length > 1 ? ` +${need.length - 1}` : ""}`, toneOf(rank)]));
    parts.need.title = need.map(([, , said]) => said).join(", ");
    setText(parts.age, line(word === "silent" && !isDown && age > FIX_SILENT_MS ? "silent" : "", ageText(age)));
    chips(parts.facts, this.facts(each));
    chips(parts.orders, [...person.orders].map(orderChip));
    chips(parts.stops, stopChips(person.stops));
    chips(parts.sensors, [...person.sensors.values()].map((sensor) => {
      const { name, points, temp_cc, age: old, isSilent, isLost, silence } = sensing(sensor, now);
      if (isSilent) return [`${name} ✕ ${silence}`, isLost ? "bad" : "warn"];
      const outside = isOutside(reference(points), temp_cc);
      return [`${name} ${outside ? "▲ " : ""}${degrees(temp_cc)} · ${ageText(old)}`, outside ? "warn" : ""];
    }));
    return row;
  }

  facts({ person, word, age, heard, rough, isBehind }) {
    const { fix } = person;
    if (!fix) return person.kind === "rider" ? [["no position known here", "warn"]] : [];
    const list = [];
    if (Number.isFinite(fix.speed_mm_s)) {
      const was = word === "silent" || word === "gone" ? "was" : "";
      const moves = fix.speed_mm_s > 500 && Number.isFinite(fix.course_cdeg);
      list.push([line(was, Math.round(fix.speed_mm_s * 0.0036), "km/h", moves ? COMPASS[Math.round(fix.course_cdeg / 4500) % 8] : "")]);
    }
    if (fix.sats_used !== undefined || fix.stream === "fix") list.push([`${fix.sats_used ?? "?"} sats · ${fix.bds_used ?? "?"} BeiDou`]);
    if (Object.hasOwn(MOTIONS, fix.motion ?? "")) list.push([MOTIONS[fix.motion]]);
    if (fix.source === "rtk") list.push(["RTK"]);
    if (rough) list.push([rough, "warn"]);
    if (isBehind) list.push(["sending its backlog", "warn"]);
    else if (Math.abs(age - heard) > FIX_SILENT_MS) list.push([`last record ${ageText(heard)} ago`, "dim"]);
    return list;
  }
}

function groupOf({ word, rank }) {
  if (word === "gone") return word;
  return rank >= ACT ? "help" : word === "rough" ? "live" : word;
}

// An order with its delay risk and its cold chain.
function orderChip([order, held]) {
  const [late, sign, said] = levelOf(RISKS, held.risk.level);
  const [cold, shape, word] = coldOf(held);
  const risk = said && line("·", sign, said, Number.isFinite(held.risk.late_pct) ? `${held.risk.late_pct} %` : "");
  return [line(order, plain(held.state) || "?", risk, word && line("·", shape, word)), toneOf(Math.max(late, cold))];
}

// The next stops; "+A17,-A17" is: pick A17 up, hand it over.
function stopChips(stops) {
  const all = String(stops?.sequence ?? "").split(",").filter(Boolean);
  if (!all.length) return [];
  const next = all.slice(0, STOPS).map((stop) => line(stop[0] === "+" ? "pick up" : "hand over", stop.slice(1)));
  const chip = [[line("next:", next.join(" → "), all.length > STOPS ? `and ${all.length - STOPS} more` : ""), "dim"]];
  return stops.late > 0 ? [...chip, [`◆ ${stops.late} will miss their time`, "warn"]] : chip;
}

// -- events -------------------------------------------------------------------------------------

export class Events {
  constructor(onPick) {
    this.onPick = onPick;
    this.hidden = new Set();
    this.rows = new WeakMap();
    for (const stream of EVENT_STREAMS) this.addToggle(stream);
  }

  addToggle(stream) {
    const toggle = document.createElement("button");
    toggle.type = "button";
    toggle.dataset.stream = stream;
    toggle.setAttribute("aria-pressed", "true");
    toggle.addEventListener("click", () => {
      if (!this.hidden.delete(stream)) this.hidden.add(stream);
      toggle.setAttribute("aria-pressed", !this.hidden.has(stream));
      if (this.picture) this.show(this.picture);
    });
    $("toggles").append(toggle);
  }

  // picture: whose events are feed messages, oldest first.
  show(picture) {
    this.picture = picture;
    const all = picture.events;
    const now = clock.now();
    // The newest alarms stay on top for a while: a busy store's picks must not push them away.
    const pinned = all.filter((message) => picture.stands(message, now)).slice(-PINNED);
    const shown = all.filter((message) => !this.hidden.has(message.stream) && !pinned.includes(message));
    arrange($("events"), [...shown, ...pinned].reverse().map((message) => this.row(message)));
    for (const message of all) this.rows.get(message)?.classList.toggle("pinned", pinned.includes(message));
    for (const toggle of $("toggles").children) {
      const { stream } = toggle.dataset;
      setText(toggle, `${stream} ${all.filter((message) => message.stream === stream).length}`);
    }
    $("events-empty").hidden = shown.length + pinned.length > 0;
  }

  row(message) {
    if (!this.rows.has(message)) this.rows.set(message, this.makeRow(message));
    return this.rows.get(message);
  }

  makeRow(message) {
    const { row, parts } = fromTemplate("event-row");
    const { main, more, tone } = wording(message);
    const t = Date.parse(message.t ?? message.received);
    row.dataset.stream = message.stream;
    row.dataset.tone = tone ?? "";
    setText(parts.time, Number.isNaN(t) ? "–" : timeOf.format(t));
    parts.time.title = message.t ?? `received ${message.received}`;
    setText(parts.stream, `${tone === "bad" ? "▲ " : ""}${message.stream}`);
    setText(parts.who, message.subject);
    parts.who.addEventListener("click", () => this.onPick(message.subject));
    if (message.replay) setText(parts.late, `came ${ageText(Date.parse(message.received) - t)} late`);
    setText(parts.main, main);
    setText(parts.more, more ?? "");
    if (message.text_zh) parts.main.lang = "zh-Hans";
    return row;
  }
}

// What an event says: main line, second line, and a tone. Chinese first where the record has it.
function wording(m) {
  const tone = isAlarm(m) ? "bad" : "";
  const both = (text, more) => ({ main: m.text_zh || text, more: line(m.text_zh && text, more), tone });
  const of = m.order && `· ${m.order}`;
  switch (m.stream) {
    case "alert": return both(m.text_en || plain(m.alert) || "alert", of);
    case "risk": return riskWording(m, both);
    case "excursion": return excursionWording(m, both);
    case "integrity": return m.event === "verdict" ? verdictWording(m) : boxWording(m, both);
    case "exception": return m.code === "overspeed"
      ? { main: line("rode above 25 km/h", m.seconds_s && `for ${m.seconds_s} s`), more: line(m.speed_mm_s && `up to ${Math.round(m.speed_mm_s * 0.0036)} km/h`, of), tone: "warn" }
      : { main: plain(m.code) || "exception", more: of, tone: "warn" };
    case "order": return { main: line(m.order, plain(m.state)), more: m.reason, tone: m.state === "refused" || m.state === "failed" ? "warn" : "" };
    case "presence": return { main: plain(m.state), more: line(m.implementation, m.firmware), tone: m.state === "offline" ? "warn" : "" };
    case "pick": return pickWording(m);
    default: return healthWording(m);
  }
}

function riskWording(m, both) {
  const [rank, sign, word] = levelOf(RISKS, m.level);
  const slack = Number.isFinite(m.slack_s) && `${ageText(Math.abs(m.slack_s) * 1000)} ${m.slack_s < 0 ? "late" : "to spare"}`;
  const said = both(m.text_en ?? "", "");
  const more = dots(said.more, m.order, `${plain(m.was)} → ${plain(m.level)}`, slack);
  return { main: line(sign, `${rank ? word : "on time again"}${said.main ? ":" : ""}`, said.main), more, tone: toneOf(rank) };
}

function excursionWording(m, both) {
  const [rank, sign, word] = levelOf(COLDS, m.state);
  const said = both(line(m.order, rank ? `${m.side === "low" ? "too cold" : "too warm"}: ${word}` : "back in its range"), "");
  const temps = [["air", m.temp_cc], ["goods", m.product_cc], ["limit", m.limit_cc]].map(([name, cc]) => Number.isFinite(cc) && `${name} ${degrees(cc)}`);
  const more = dots(said.more, m.profile, ...temps, m.unknown_s > 0 && `${ageText(m.unknown_s * 1000)} unknown`);
  return { main: line(sign, said.main), more, tone: toneOf(rank) };
}

function verdictWording(m) {
  const [sign, tone] = { pass: ["✓", ""], fail: ["■", "bad"] }[m.verdict] ?? ["◆", "warn"];
  const range = Number.isFinite(m.min_cc) && Number.isFinite(m.max_cc) ? `${degrees(m.min_cc)} to ${degrees(m.max_cc)}` : "";
  const unknown = m.unknown_s ? `${ageText(m.unknown_s * 1000)} of ${ageText(m.total_s * 1000)} unknown` : "";
  return { main: line(sign, m.order, "cold chain:", String(m.verdict ?? "?").toUpperCase()), more: dots(m.profile, range, unknown, m.reason), tone };
}

function boxWording(m, both) {
  const said = both(m.text_en || plain(m.what) || "box", m.order && `· ${m.order}`);
  return { ...said, tone: { sensor_lost: "bad", sensor_found: "", door_closed: "" }[m.what] ?? "warn" };
}

function healthWording(m) {
  if (m.event === "gap") return { main: `records ${m.from_seq} to ${m.to_seq} are lost`, more: line(m.of_log, m.why), tone: "warn" };
  if (m.event === "unreadable") return { main: "a record could not be read", more: m.why, tone: "warn" };
  if (m.event === "restart") return { main: line("restarted a part:", plain(m.subsystem)), more: m.silent_ms && `silent for ${ageText(m.silent_ms)}`, tone: "warn" };
  if (m.event !== "boot") return { main: plain(m.event ?? "health"), more: line(m.implementation, m.firmware) };
  return { main: line("board started, boot", m.boot), more: dots(m.reset_cause && `after: ${plain(m.reset_cause)}`, m.config && `new configuration refused: ${m.config}`, line(m.implementation, m.firmware)) };
}

function pickWording(m) {
  const goods = line(m.qty && `${m.qty} ×`, m.sku, m.bin && `at ${m.bin}`);
  const metres = (dm) => `${Math.round(dm / 10)} m`;
  if (m.event === "list_started") {
    const order = m.list_order_dm ? `, in the list's order ${metres(m.list_order_dm)}` : "";
    return { main: `${m.list} started: ${m.lines ?? "?"} lines`, more: m.walk_dm ? `walk ${metres(m.walk_dm)} (${m.method ?? "?"})${order}` : "" };
  }
  if (m.event === "list_done") {
    return { main: `${m.list} done: ${m.picked ?? "?"} picked, ${m.short ?? 0} short`, more: m.walked_dm ? `walked ${metres(m.walked_dm)}` : "" };
  }
  if (m.event === "list_refused") return { main: `${m.list} refused`, more: m.reason, tone: "warn" };
  if (m.event === "short") return { main: line(m.list, "short: found", m.found ?? 0, "of", goods), more: m.reason, tone: "warn" };
  return { main: line(m.list, plain(m.event), goods), more: m.reason };
}
