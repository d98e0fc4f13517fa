// The picture: everything the gateway told, bounded, without repeats; and what it means now.

import { SILENT_MS } from "./chart.js";
import { FIRST, FIX, LINE, NOW } from "./drawing.js";
import { ahead } from "./map.js";
import { roughAge } from "./time.js";

export const EVENT_STREAMS = ["alert", "risk", "excursion", "integrity", "exception", "order", "pick", "presence", "health"];
export const ALARM_MS = 300_000;
export const FIX_SILENT_MS = 10_000;
// The levels of delay and the states of a cold chain: how much a person is needed, a shape, a word.
export const RISKS = { none: [0, "", ""], warn: [1, "◆", "may be late"], intervene: [4, "▲", "intervene"], compensate: [5, "■", "compensate"] };
export const COLDS = { in: [0, "", ""], warn: [1, "◆", "cold warn"], latched: [3, "■", "was out of range"], out: [4, "▲", "out of range"] };
export const ACT = 3; // from here on somebody must act: red

// The same bounds as gateway/web/hub.py.
const MOST = { trail: 900, way: 1000, ways: 64, curve: 400, events: 200, subjects: 2000, sensors: 16, orders: 24, holders: 24_000, ids: 8192 };
const OVER = ["handed_over", "cancelled", "refused", "failed"];
const NOBODY = "";
const TOLD = ["near", "approach", "arrived"]; // alerts that the customer is told: nothing to do here
const QUIET_MS = 60_000; // somebody without positions counts as silent after this much
const NOW_SILENT_MS = 90_000; // a board that tells where it is every 60 s at least, and one message lost
const REPLAY_MS = 30_000; // older than this when it came: from a backlog
const AHEAD_MS = 60_000; // so far a position is carried on
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
  if (point[3] === NOW && list[i]?.[3] === LINE) return; // the way there is known better
  list.splice(i, 0, point);
  if (list.length > most) list.shift();
}

// Put a stretch of track into a trail, in place of what was rough in its span; returns its end, or null.
function putWay(person, { from, vertices, breaks }) {
  const begin = Date.parse(from);
  if (!Array.isArray(vertices) || vertices.length > MOST.way) return null;
  const isFirst = (i) => i === 0 || (Array.isArray(breaks) && breaks.includes(i - 1)); // nobody knows the way to it
  const line = vertices.map(([ms, lat, lon], i) => [begin + ms, lat, lon, isFirst(i) ? FIRST : LINE]);
  if (!line.length || !line.every((point, i) => point.every(Number.isFinite) && !(i && point[0] < line[i - 1][0]))) return null;
  const end = line.at(-1);
  // After a power cut a stretch may come again, cut shorter: the longer one stands.
  if (person.ways.get(begin) >= end[0]) return end;
  bounded(person.ways, begin, end[0], MOST.ways);
  const isOutside = ([t, , , how]) => how === FIX || t < line[0][0] || t > end[0];
  // Stretches share a vertex: the line goes on there.
  if (person.trail.some(([t, , , how]) => t === line[0][0] && how === LINE)) line[0][3] = LINE;
  person.trail = [...person.trail.filter(isOutside), ...line].sort((a, b) => a[0] - b[0]).slice(-MOST.trail);
  return end;
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
    this.ids = new Map();
    this.holders = new Map(); // order -> name of who has it
  }

  // Start again from /api/state.
  load(state) {
    Object.assign(this, new Picture());
    for (const [name, view] of Object.entries(state.subjects)) {
      const person = this.person(name, view.kind);
      person.presence = view.presence;
      for (const [t, lat, lon] of view.trail) insert(person.trail, [Date.parse(t), lat, lon, FIX], MOST.trail);
      for (const [t, lat, lon] of view.nows) insert(person.trail, [Date.parse(t), lat, lon, NOW], MOST.trail);
      for (const way of view.ways) putWay(person, way);
      for (const [sensor, curve] of Object.entries(view.temps)) {
        for (const [t, temp] of curve) this.reading(person, sensor, Date.parse(t), temp);
      }
      for (const [sensor, t] of Object.entries(view.lost)) this.sensor(person, sensor).lost = Date.parse(t);
      for (const [order, state] of Object.entries(view.orders)) this.order(person, { order, state });
      for (const [order, risk] of Object.entries(view.risks)) this.hold(person, order).risk = risk;
      for (const [order, sides] of Object.entries(view.colds)) this.hold(person, order).sides = new Map(Object.entries(sides));
      person.stops = view.stops;
      if (view.fix) this.place(person, view.fix);
      // `seen` also moves when the gateway writes about somebody: it counts where nothing better is known.
      person.seen = Date.parse(view.seen);
    }
    // What they did to the picture is in it already.
    for (const message of state.events) {
      if (!this.isNew(message)) continue;
      const isOver = message.stream === "order" && OVER.includes(message.state);
      if (isOver && !this.holders.has(message.order)) bounded(this.holders, message.order, NOBODY, MOST.holders);
      this.happened(this.person(message.subject, message.kind), message);
    }
  }

  person(name, kind) {
    return this.people.get(name) ?? bounded(this.people, name, {
      name, kind, presence: "unknown", fix: null, trail: [], ways: new Map(), sensors: new Map(), orders: new Map(),
      stops: null, heard: 0, seen: NaN, alarm: NaN,
    }, MOST.subjects);
  }

  // A repeat changes nothing. The roster says who is behind a pseudonym: this page must not know.
  isNew({ id, stream, kind, subject }) {
    if (kind === "gateway" || stream === "roster" || !subject) return false;
    if (stream === "now") return true; // no record, so no id of its own: two of one millisecond share one
    if (this.ids.has(id)) return false;
    bounded(this.ids, id, true, MOST.ids);
    return true;
  }

  // Take one feed message.
  take(message) {
    if (!this.isNew(message)) return;
    const { stream, order } = message;
    const person = this.person(message.subject, message.kind);
    // What the gateway itself writes about somebody is no sign of life.
    if (message.log !== "gateway") person.heard = Math.max(person.heard, Date.parse(message.received) || 0);
    if (stream === "fix" || stream === "now") this.position(person, message);
    else if (stream === "track") this.track(person, message);
    else if (stream === "temp" && message.sensor) this.temp(person, message);
    else if (message.alert === "sensor_lost" && message.sensor) this.silent(person, message.sensor, when(message));
    else if (stream === "presence") person.presence = message.state;
    else if (stream === "order" && order) this.order(person, message);
    else if (stream === "stops") person.stops = { sequence: message.sequence, late: message.late ?? 0 };
    else if (order && (this.holders.get(order) ?? person.name) === person.name) { // neither over nor another's
      if (stream === "risk") this.hold(person, order).risk = message;
      else if (stream === "excursion") this.hold(person, order).sides.set(`${message.sensor ?? ""} ${message.side ?? ""}`, message.state);
    }
    this.happened(person, message);
  }

  // A message as one line of what happened.
  happened(person, message) {
    const isState = ["risk", "excursion"].includes(message.stream) || message.alert === "sensor_lost"; // see stands()
    if (isAlarm(message) && !isState) person.alarm = Math.max(person.alarm || 0, when(message));
    if (EVENT_STREAMS.includes(message.stream) && message.event !== "report" && message.event !== "time") {
      this.events.push(message);
      if (this.events.length > MOST.events) this.events.shift();
    }
  }

  // Whether somebody must still act on an alarm: those of a state stand as long as the state does.
  stands(message, now) {
    if (!isAlarm(message) || !(now - when(message) < ALARM_MS)) return false;
    const person = this.people.get(message.subject);
    const order = person?.orders.get(message.order);
    if (message.stream === "risk") return order ? levelOf(RISKS, order.risk.level)[0] >= ACT : false;
    if (message.stream === "excursion") return order ? coldOf(order)[0] >= ACT : false;
    const sensor = person?.sensors.get(message.sensor);
    return message.alert !== "sensor_lost" || !sensor || !Number.isNaN(sensor.lost);
  }

  // An order as its rider has it; made where it was not known.
  hold(person, order) {
    return person.orders.get(order)
      ?? bounded(person.orders, order, { state: "", risk: { level: "none" }, sides: new Map() }, MOST.orders);
  }

  // The same as in gateway/web/hub.py: one who lets go of an order does not take it from the one who has it.
  order(person, { order, state }) {
    const holder = this.people.get(this.holders.get(order) ?? NOBODY);
    const isOver = OVER.includes(state);
    const isOthers = holder !== undefined && holder !== person;
    if (!(isOthers && (isOver || state === "expired"))) {
      if (isOthers) holder.orders.delete(order);
      bounded(this.holders, order, isOver ? NOBODY : person.name, MOST.holders);
    }
    if (isOver) person.orders.delete(order);
    else this.hold(person, order).state = state;
  }

  position(person, message) {
    const { lat_e7: lat, lon_e7: lon, stream } = message;
    if (!Number.isFinite(lat) || !Number.isFinite(lon)) return;
    insert(person.trail, [when(message), lat, lon, stream === "fix" ? FIX : NOW], MOST.trail);
    this.place(person, message);
  }

  track(person, message) {
    const end = putWay(person, message);
    if (!end) return;
    const [t, lat_e7, lon_e7] = end;
    const received = Date.parse(message.received);
    // Its own time stands in the message only as its first vertex's.
    this.place(person, { stream: "track", received, t, lat_e7, lon_e7, replay: received - t > REPLAY_MS });
  }

  place(person, message) {
    const received = Number(new Date(message.received));
    const t = Math.min(Number(new Date(message.t ?? NaN)), received);
    person.heard = Math.max(person.heard, received || 0);
    if (!person.fix || !(t < person.fix.t)) person.fix = { ...message, t };
  }

  temp(person, message) {
    const t = message.t ? when(message) : Date.parse(message.received);
    if (message.state === "lost") this.silent(person, message.sensor, t);
    else this.reading(person, message.sensor, t, message.temp_cc);
  }

  silent(person, name, t) {
    const sensor = this.sensor(person, name);
    if (!(sensor.points.at(-1)?.[0] > t)) sensor.lost = t;
  }

  sensor(person, name) {
    return person.sensors.get(name)
      ?? bounded(person.sensors, name, { name: String(name), points: [], lost: NaN }, MOST.sensors);
  }

  reading(person, name, t, temp_cc) {
    const sensor = this.sensor(person, name);
    insert(sensor.points, [t, temp_cc], MOST.curve);
    if (t > sensor.lost) sensor.lost = NaN;
  }
}

export function levelOf(table, word) {
  return Object.hasOwn(table, word) ? table[word] : [0, "", ""];
}

// The worst state of an order's cold chain, of all sensors and sides.
export function coldOf({ sides }) {
  return [...sides.values()].map((word) => levelOf(COLDS, word)).reduce((a, b) => (b[0] > a[0] ? b : a), COLDS.in);
}

// What a person must act on.
export function isAlarm({ stream, alert, level, state, verdict }) {
  if (stream === "alert") return !TOLD.includes(alert);
  if (stream === "risk") return levelOf(RISKS, level)[0] >= ACT;
  if (stream === "excursion") return levelOf(COLDS, state)[0] >= ACT;
  return stream === "integrity" && verdict === "fail";
}

// What somebody needs: [how much, shape, words], the worst first; nothing for who is all right.
function needs({ orders, sensors, alarm }, now) {
  const all = [...orders.values()].flatMap((order) => [levelOf(RISKS, order.risk.level), coldOf(order)]);
  if ([...sensors.values()].some((sensor) => !Number.isNaN(sensor.lost))) all.push([ACT, "✕", "sensor lost"]);
  if (now - alarm < ALARM_MS) all.push([ACT, "▲", "alarm"]);
  const worst = all.filter(([rank]) => rank).sort((a, b) => b[0] - a[0]);
  return worst.filter(([, , word], i) => worst.findIndex((other) => other[2] === word) === i);
}

// How somebody stands: word 'live', 'rough' (a fresh position that was not measured), 'silent' or
// 'gone'; ages in ms. Nobody is live on a page that has lost the gateway (isDown).
export function standing(person, now, isDown) {
  const { fix } = person;
  const heard = now - (person.heard || person.seen);
  const age = fix ? now - fix.t : heard;
  const rough = fix ? doubtOf(fix) : "";
  const isRare = fix !== null && fix.stream !== "fix"; // a board that says where it is only when it matters
  const silentMs = isRare ? NOW_SILENT_MS : fix ? FIX_SILENT_MS : QUIET_MS;
  const isFresh = age <= silentMs && person.presence !== "offline" && !isDown;
  const isGone = person.presence !== "online" && !person.orders.size && !(heard < GONE_MS);
  const word = isFresh ? (rough ? "rough" : "live") : isGone ? "gone" : "silent";
  const isBehind = fix !== null && age > silentMs && heard < FIX_SILENT_MS && fix.replay;
  const need = isGone ? [] : needs(person, now);
  // Between two messages the rider goes on as the last one said; the board counts on it.
  const goesOn = word === "live" && fix?.stream === "now" && fix.motion !== "still";
  const at = fix && (goesOn ? ahead(fix, Math.max(0, Math.min(age, AHEAD_MS))) : { lat: fix.lat_e7, lon: fix.lon_e7 });
  return { person, word, age: Number.isNaN(age) ? Infinity : age, heard, rough, isBehind, need, rank: need[0]?.[0] ?? 0, at, isDown };
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
    isLost: !Number.isNaN(sensor.lost),
    silence: isSilent ? `no signal${last ? ` ${roughAge(age)}` : ""}` : "",
  };
}
