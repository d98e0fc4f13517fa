// What is seen of somebody: the mark on the map, and the one line about all who need help.

import { ACT, needSince } from "./standing.js";
import { ageText } from "./time.js";
import { t } from "./words.js";

const MOVING_MM_S = 500; // slower than this a receiver's course is noise
const OLD_MS = 2_000; // a position is shown farther on than told from this age on
const SAID_MS = 10_000; // from this age on the map says when it was told; before, the hollow mark does

// One of standing()'s answers as FleetMap.show() takes it.
export function onMap({ person, word, age, rough, need, rank, at, isDown }) {
  const { fix } = person;
  const moves = fix.speed_mm_s > MOVING_MM_S && Number.isFinite(fix.course_cdeg);
  const isAhead = age > OLD_MS && (at.lat !== fix.lat_e7 || at.lon !== fix.lon_e7);
  const old = isDown ? t("seen {0} ago", ageText(age)) : t("silent {0}", ageText(age));
  return {
    name: person.name,
    standing: word,
    lat: at.lat,
    lon: at.lon,
    told: isAhead ? { lat: fix.lat_e7, lon: fix.lon_e7 } : null,
    course_deg: moves ? fix.course_cdeg / 100 : null,
    accuracy_m: fix.acc_cm / 100, // NaN when the board could not tell: no circle
    note: word === "silent" || word === "gone" ? old : rough ? t(rough) : isAhead && age > SAID_MS ? t("told {0} ago", ageText(age)) : "",
    trail: person.trail,
    sign: need[0]?.[1] ?? "",
    isAlarmed: rank >= ACT,
  };
}

// list: standing()'s answers. {count, first, since}: who must be helped, the worst in words, since when.
export function showHelp(list) {
  const helped = list.filter(({ rank, word }) => rank >= ACT && word !== "gone");
  if (!helped.length) return { count: 0, first: "", since: NaN };
  const worst = helped.reduce((a, b) => (b.rank > a.rank ? b : a));
  const times = helped.map(({ person }) => needSince(person)).filter(Number.isFinite);
  const words = worst.need.filter(([rank]) => rank >= ACT).map(([, sign, word]) => `${sign} ${t(word)}`).join(", ");
  return { count: helped.length, first: `${worst.person.name}: ${words}`, since: times.length ? Math.min(...times) : NaN };
}
