// What the picture means: who needs somebody, how fresh a position is, whether a sensor is heard.

import { ahead } from "./plane.js";
import { line } from "./rows.js";
import { roughAge } from "./time.js";
import { t } from "./words.js";

export const ALARM_MS = 300_000;
export const FIX_SILENT_MS = 10_000;
export const SILENT_MS = 30_000; // longer without a reading: no line, and the sensor counts as silent
// The levels of delay and the states of a cold chain: how much a person is needed, a shape, a word.
export const RISKS = { none: [0, "", ""], warn: [1, "◆", "may be late"], intervene: [4, "▲", "intervene"], compensate: [5, "■", "compensate"] };
export const COLDS = { in: [0, "", ""], warn: [1, "◆", "cold warn"], latched: [3, "■", "was out of range"], out: [4, "▲", "out of range"] };
export const ACT = 3; // from here on somebody must act: red

const TOLD = ["near", "approach", "arrived"]; // alerts that the customer is told: nothing to do here
const QUIET_MS = 60_000; // somebody without positions counts as silent after this much
const NOW_SILENT_MS = 90_000; // a board that tells where it is every 60 s at least, and one message lost
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

// The same as a text, for what has no time of its own when it came.
export function stamp({ t, received }) {
  return Date.parse(t) < Date.parse(received) ? t : received;
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

// Since when somebody has needed what needs() says, in ms; NaN when nobody knows.
export function needSince({ orders, sensors, alarm }) {
  const times = [alarm];
  for (const { risk } of orders.values()) if (levelOf(RISKS, risk.level)[0] >= ACT) times.push(Date.parse(risk.t));
  for (const { marks, lost } of sensors.values()) {
    times.push(lost);
    if (levelOf(COLDS, marks.at(-1)?.[1])[0] >= ACT) times.push(marks.findLast(([, state], i) => levelOf(COLDS, marks[i - 1]?.[1])[0] < ACT && levelOf(COLDS, state)[0] >= ACT)?.[0]);
  }
  const known = times.filter(Number.isFinite);
  return known.length ? Math.min(...known) : NaN;
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
    profile: sensor.profile,
    marks: sensor.marks,
    points: sensor.points,
    temp_cc: last?.[1],
    age,
    isSilent,
    isLost: !Number.isNaN(sensor.lost),
    silence: isSilent ? line(t("no signal"), last && roughAge(age)) : "",
  };
}
