// How warm is allowed: the band that a sensor's readings are held against, and where it comes from.

import { t } from "./words.js";

// The profiles the boards judge by, as the gateway serves them: name -> {low_cc, high_cc, limits}.
let profiles = {};

// What is usual for goods, until a board says by which profile it judges: [lowest, highest], least span shown.
const USUAL = {
  chilled: { low: 0, high: 800, show: [-300, 1200] },
  frozen: { low: -Infinity, high: -1800, show: [-2600, -1200] },
  other: { low: -Infinity, high: Infinity, show: [Infinity, -Infinity] },
};

export const bands = { version: 0 }; // what was worked out with other profiles is of no use

export function useProfiles(found) {
  profiles = found ?? {};
  bands.version += 1;
}

export function degrees(temp_cc) {
  return `${(temp_cc / 100).toFixed(1).replace("-", "−")} °C`;
}

const whole = (cc) => `${cc / 100}`.replace("-", "−");

function rangeText(low, high) {
  if (low === -Infinity && high === Infinity) return t("no limits");
  if (low === -Infinity) return `≤ ${whole(high)} °C`;
  if (high === Infinity) return `≥ ${whole(low)} °C`;
  return t("{0} to {1} °C", whole(low), whole(high));
}

// Told by the board: {key, name, low, high, outs, show, isTold}.
function told(name) {
  const { low_cc, high_cc, limits } = profiles[name];
  const [low, high] = [low_cc ?? -Infinity, high_cc ?? Infinity];
  const margin = Number.isFinite(high - low) ? Math.max(300, (high - low) / 3) : 700;
  const show = [Number.isFinite(low) ? low - margin : high - margin, Number.isFinite(high) ? high + margin : low + margin];
  const outs = [...new Set(limits.filter((limit) => limit.severity === "out").map((limit) => limit.threshold_cc))];
  return { key: `profile ${name}`, name, low, high, outs, show, isTold: true };
}

// The band of a sensor {points, profile}. Without a profile the coldest tenth of its readings says what box it
// lies in, so that a box that thaws stays a frozen box.
export function bandOf({ points, profile }) {
  if (profile && Object.hasOwn(profiles, profile)) return told(profile);
  let name = "other";
  if (points.length) {
    const sorted = points.map((point) => point[1]).sort((a, b) => a - b);
    const cold = sorted[Math.floor(sorted.length / 10)];
    name = cold < -800 ? "frozen" : cold < 1500 ? "chilled" : "other";
  }
  return { key: `usual ${name}`, name, outs: [], isTold: false, ...USUAL[name] };
}

// What a band is called, and where it comes from.
export function bandText({ low, high, isTold }) {
  const range = rangeText(low, high);
  if (isTold) return t("{0} · the order's profile", range);
  return low === -Infinity && high === Infinity ? range : t("{0} · usual, not told", range);
}

export function isOutside(band, temp_cc) {
  return temp_cc < band.low || temp_cc > band.high;
}
