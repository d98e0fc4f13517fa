// The picture: everything the gateway told, bounded, without repeats; and what it means now.

import { SILENT_MS } from "./chart.js";
import { roughAge } from "./time.js";

export const EVENT_STREAMS = ["alert", "order", "pick", "presence", "health"];
export const ALARM_MS = 300_000;
export const FIX_SILENT_MS = 10_000;
// The same bounds as gateway/hub.py, and two that it lacks (sensors and orders of one subject).
const MOST = { trail: 900, curve: 400, events: 200, subjects: 2000, sensors: 16, orders: 24, ids: 8192 };
const OVER = ["handed_over", "cancelled", "refused"];
const QUIET_MS = 60_000; // somebody without positions counts as silent after this much
const GONE_MS = 600_000; // off line, no open order, and silent for so long: at the end of the list
const SOURCES = { hold: "held position", cell: "cell position" };
const QUALITIES = { 6: "dead reckoning", 7: "manual position", 8: "simulated position" };
const DATUMS = { gcj02: "GCJ-02 position", other: "another datum" };
// Bits of a fix's flags that make it one not to rely on (docs/records.md).
const DOUBTS = [[1, "estimated"], [4, "position jumped"], [8, "under 4 satellites"], [32, "receiver in doubt"], [128, "sentences disagree"]];

// Why a position is not one to rely on, in words; "" when it is.
function doubtOf(fix) {
  return SOURCES[fix.source] ?? QUALITIES[fix.quality] ?? DATUMS[fix.datum] ?? DOUBTS.find(([bit]) => fix.flags & bit)?.[1] ?? "";
}

// When something was true, in ms: never later than when it was received, so that a board whose clock
// is ahead cannot look fresh; NaN when nobody knows.
export function when(message) {
  return Math.min(Date.parse(message.t), Date.parse(message.received));
}

// Put [t, ...] where it belongs by time (a backlog comes after newer points); a repeat changes nothing.
function insert(list, point, most) {
  if (!point.every(Number.isFinite)) return;
  let i = list.length;
  while (i > 0 && list[i - 1][0] > point[0]) i--;
  if (i > 0 && list[i - 1][0] === point[0]) return;
  list.splice(i, 0, point);
  if (list.length > most) list.shift();
}

function bounded(map, key, value, most) {
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
  return value;
}

export class Picture {
  constructor() {
    this.people = new Map();
    this.events = []; // oldest first
    this.ids = new Set();
  }

  // Start again from /api/state.
  load(state) {
    Object.assign(this, new Picture());
    for (const [name, view] of Object.entries(state.subjects)) {
      const person = this.person(name, view.kind);
      person.presence = view.presence;
      for (const [t, lat, lon] of view.trail) insert(person.trail, [Date.parse(t), lat, lon], MOST.trail);
      for (const [sensor, curve] of Object.entries(view.temps)) {
        for (const [t, temp] of curve) this.reading(person, sensor, Date.parse(t), temp);
      }
      for (const [order, word] of Object.entries(view.orders)) bounded(person.orders, order, word, MOST.orders);
      if (view.fix) this.fix(person, view.fix);
      // `seen` also moves when the gateway writes about somebody: it counts where nothing better is known.
      person.seen = Date.parse(view.seen);
    }
    for (const message of state.events) this.take(message);
  }

  person(name, kind) {
    return this.people.get(name) ?? bounded(this.people, name, {
      name, kind, presence: "unknown", fix: null, trail: [], sensors: new Map(), orders: new Map(),
      heard: 0, seen: NaN, alarm: NaN,
    }, MOST.subjects);
  }

  // Take one feed message; a repeat changes nothing.
  take(message) {
    const { id, stream, kind, subject } = message;
    // The roster says who is behind a pseudonym: this page must not know.
    if (kind === "gateway" || stream === "roster" || !subject || this.ids.has(id)) return;
    this.ids.add(id);
    if (this.ids.size > MOST.ids) this.ids.delete(this.ids.values().next().value);
    const person = this.person(subject, kind);
    // What the gateway itself writes about somebody is no sign of life.
    if (message.log !== "gateway") person.heard = Math.max(person.heard, Date.parse(message.received) || 0);
    if (stream === "fix") this.fix(person, message);
    else if (stream === "now") this.place(person, message); // of a board whose backlog still drains
    else if (stream === "temp" && message.sensor) this.temp(person, message);
    else if (stream === "presence") person.presence = message.state;
    else if (stream === "order" && message.order) {
      if (OVER.includes(message.state)) person.orders.delete(message.order);
      else bounded(person.orders, message.order, message.state, MOST.orders);
    } else if (isAlarm(message)) person.alarm = Math.max(person.alarm || 0, when(message));
    if (EVENT_STREAMS.includes(stream) && message.event !== "report" && message.event !== "time") {
      this.events.push(message);
      if (this.events.length > MOST.events) this.events.shift();
    }
  }

  fix(person, message) {
    const { lat_e7: lat, lon_e7: lon } = message;
    if (!Number.isFinite(lat) || !Number.isFinite(lon)) return;
    insert(person.trail, [when(message), lat, lon], MOST.trail);
    this.place(person, message);
  }

  place(person, message) {
    const t = when(message);
    person.heard = Math.max(person.heard, Date.parse(message.received) || 0);
    if (!person.fix || !(t < person.fix.t)) person.fix = { ...message, t };
  }

  temp(person, message) {
    const t = message.t ? when(message) : Date.parse(message.received);
    if (message.state === "lost") this.sensor(person, message.sensor).lost = t;
    else this.reading(person, message.sensor, t, message.temp_cc);
  }

  sensor(person, name) {
    return person.sensors.get(name)
      ?? bounded(person.sensors, name, { name, points: [], lost: NaN }, MOST.sensors);
  }

  reading(person, name, t, temp_cc) {
    const sensor = this.sensor(person, name);
    insert(sensor.points, [t, temp_cc], MOST.curve);
    if (t > sensor.lost) sensor.lost = NaN;
  }
}

// 'near' is what the customer is told; every other alert is for the one who reads this page.
export function isAlarm(message) {
  return message.stream === "alert" && message.alert !== "near";
}

// How somebody stands: word 'live', 'rough' (a fresh position that was not measured), 'silent' or
// 'gone'; ages in ms. Nobody is live on a page that has lost the gateway (isDown).
export function standing(person, now, isDown) {
  const { fix } = person;
  const heard = now - (person.heard || person.seen);
  const age = fix ? now - fix.t : heard;
  const rough = fix ? doubtOf(fix) : "";
  const isFresh = age <= (fix ? FIX_SILENT_MS : QUIET_MS) && person.presence !== "offline" && !isDown;
  const isGone = person.presence !== "online" && !person.orders.size && !(heard < GONE_MS);
  const word = isFresh ? (rough ? "rough" : "live") : isGone ? "gone" : "silent";
  const isBehind = fix !== null && age > FIX_SILENT_MS && heard < FIX_SILENT_MS && fix.replay;
  const isAlarmed = now - person.alarm < ALARM_MS;
  return { person, word, age: Number.isNaN(age) ? Infinity : age, heard, rough, isBehind, isAlarmed, isDown };
}

// A sensor now: its points, its last value with its age, and 'no signal ...' when it has fallen silent.
export function sensing(sensor, now) {
  const last = sensor.points.at(-1);
  const age = last ? now - last[0] : Infinity;
  const isSilent = !(age <= SILENT_MS) || !Number.isNaN(sensor.lost);
  return {
    name: `…${sensor.name.slice(-4)}`,
    points: sensor.points,
    temp_cc: last?.[1],
    age,
    isSilent,
    silence: isSilent ? `no signal${last ? ` ${roughAge(age)}` : ""}` : "",
  };
}
