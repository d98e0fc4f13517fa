// The picture: everything the gateway told, bounded, without repeats.

import { FIRST, FIX, LINE, NOW } from "./trails.js";
import { ACT, ALARM_MS, COLDS, RISKS, coldOf, isAlarm, levelOf, stamp, when } from "./standing.js";

export const EVENT_STREAMS = ["alert", "risk", "excursion", "integrity", "exception", "order", "pick", "presence", "health"];

// The same bounds as gateway/web/hub.py.
const MOST = { trail: 900, way: 1000, ways: 64, curve: 400, events: 200, subjects: 6000, points: 300_000, pointsLeast: 40, marks: 24, sensors: 16, orders: 24, holders: 72_000, ids: 8192 };
const OVER = ["handed_over", "cancelled", "refused", "failed"];
const NOBODY = "";
const REPLAY_MS = 30_000; // older than this when it came: from a backlog

// Put [t, ...] where it belongs by time (a backlog comes after newer points); a repeat changes nothing.
function insert(list, point, most) {
  if (!point.every(Number.isFinite)) return;
  let i = list.length;
  while (i > 0 && list[i - 1][0] > point[0]) i--;
  if (i > 0 && list[i - 1][0] === point[0]) return;
  if (point[3] === NOW && list[i]?.[3] === LINE) return; // the way there is known better
  list.splice(i, 0, point);
  while (list.length > most) list.shift();
}

// Put a stretch of track into a trail, in place of what was rough in its span; returns its end, or null.
function putWay(person, most, { from, vertices, breaks }) {
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
  person.trail = [...person.trail.filter(isOutside), ...line].sort((a, b) => a[0] - b[0]).slice(-most);
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
      for (const [t, lat, lon] of view.trail) insert(person.trail, [Date.parse(t), lat, lon, FIX], this.most());
      for (const [t, lat, lon] of view.nows) insert(person.trail, [Date.parse(t), lat, lon, NOW], this.most());
      for (const way of view.ways) putWay(person, this.most(), way);
      for (const [sensor, curve] of Object.entries(view.temps)) {
        for (const [t, temp] of curve) this.reading(person, sensor, Date.parse(t), temp);
      }
      for (const [sensor, name] of Object.entries(view.profiles ?? {})) this.sensor(person, sensor).profile = name;
      for (const [sensor, marks] of Object.entries(view.marks ?? {})) {
        this.sensor(person, sensor).marks = marks.map(([t, state]) => [Date.parse(t), state]);
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

  // Points of a trail or a curve: fewer in a great fleet.
  most() {
    return Math.max(MOST.pointsLeast, Math.min(MOST.trail, Math.floor(MOST.points / (this.people.size || 1))));
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

  // With a new shift somebody has another name, and goes on with all that there was under the old one.
  rename({ was, subject }) {
    const person = this.people.get(was);
    if (!person || !subject || was === subject) return;
    const known = this.people.get(subject);
    this.people.delete(was);
    person.name = subject;
    bounded(this.people, subject, person, MOST.subjects);
    for (const order of person.orders.keys()) if (this.holders.get(order) === was) this.holders.set(order, subject);
    for (const event of this.events) if (event.subject === was) event.subject = subject;
    if (known) this.join(person, known);
  }

  // What came under the new name before the page knew whose it is.
  join(person, known) {
    for (const point of known.trail) insert(person.trail, point, this.most());
    for (const [begin, end] of known.ways) bounded(person.ways, begin, end, MOST.ways);
    for (const { name, points, lost, profile, marks } of known.sensors.values()) {
      const sensor = this.sensor(person, name);
      for (const [t, temp_cc] of points) this.reading(person, name, t, temp_cc);
      if (Number.isFinite(lost)) this.silent(person, name, lost);
      sensor.profile = profile || sensor.profile;
      sensor.marks = [...sensor.marks, ...marks].slice(-MOST.marks);
    }
    for (const [order, held] of known.orders) bounded(person.orders, order, held, MOST.orders);
    if (known.fix && !(known.fix.t < person.fix?.t)) person.fix = known.fix;
    if (known.presence !== "unknown") person.presence = known.presence;
    person.stops = known.stops ?? person.stops;
    person.heard = Math.max(person.heard, known.heard);
    if (!(known.alarm < person.alarm)) person.alarm = known.alarm || person.alarm;
  }

  // Take one feed message, or the gateway's word that somebody has another name.
  take(message) {
    if (message.stream === "rename") return this.rename(message);
    if (!this.isNew(message)) return;
    const { stream, order } = message;
    const person = this.person(message.subject, message.kind);
    // What the gateway itself writes about somebody is no sign of life.
    if (message.log !== "gateway") person.heard = Math.max(person.heard, Date.parse(message.received) || 0);
    if (stream === "fix" || stream === "now") this.position(person, message);
    else if (stream === "track") this.track(person, message);
    else if (stream === "temp" && message.sensor) this.temp(person, message);
    else if (message.alert === "sensor_lost" && message.sensor) this.silent(person, message.sensor, Date.parse(stamp(message)));
    else if (stream === "presence") person.presence = message.state;
    else if (stream === "order" && order) this.order(person, message);
    else if (stream === "stops") person.stops = { sequence: message.sequence, late: message.late ?? 0 };
    else if (order && (this.holders.get(order) ?? person.name) === person.name) { // neither over nor another's
      if (stream === "risk") this.hold(person, order).risk = { ...message, t: stamp(message) };
      else if (stream === "excursion") this.hold(person, order).sides.set(`${message.sensor ?? ""} ${message.side ?? ""}`, message.state);
    }
    if (message.sensor && message.profile) this.judged(person, message);
    this.happened(person, message);
  }

  // A message says by which profile a sensor's goods are judged, and how they stand.
  judged(person, { stream, sensor: name, profile, state, ...message }) {
    const sensor = this.sensor(person, name);
    sensor.profile = String(profile);
    if (stream !== "excursion") return;
    sensor.marks.push([Date.parse(stamp(message)), String(state)]);
    if (sensor.marks.length > MOST.marks) sensor.marks.shift();
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
    insert(person.trail, [when(message), lat, lon, stream === "fix" ? FIX : NOW], this.most());
    this.place(person, message);
  }

  track(person, message) {
    const end = putWay(person, this.most(), message);
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
    const t = Date.parse(stamp(message));
    if (message.state === "lost") this.silent(person, message.sensor, t);
    else this.reading(person, message.sensor, t, message.temp_cc);
  }

  silent(person, name, t) {
    const sensor = this.sensor(person, name);
    if (!(sensor.points.at(-1)?.[0] > t)) sensor.lost = t;
  }

  sensor(person, name) {
    return person.sensors.get(name)
      ?? bounded(person.sensors, name, { name: String(name), points: [], lost: NaN, profile: "", marks: [] }, MOST.sensors);
  }

  reading(person, name, t, temp_cc) {
    const sensor = this.sensor(person, name);
    insert(sensor.points, [t, temp_cc], Math.min(MOST.curve, this.most()));
    if (t > sensor.lost) sensor.lost = NaN;
  }
}
