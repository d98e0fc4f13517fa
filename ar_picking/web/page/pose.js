// A pose on the page: {p: [x, y, z], r: rotation, row by row, whose columns are the camera's axes in the store}.

import { MIDDLE } from "./latch.js";

export const STALE_MS = 200; // what is older is not drawn into the store
// What a pose may be off by where it was only carried forward, as a share of the picture's width: 30 px of 1280.
const OFF_MAX = 30 / 1280;
const HEAD_S2 = 5; // rad/s^2: how hard a head that was still a moment ago may be turning now
const OFF_PART = 0.2; // of what the motion says: it is a mean over the last pictures
const TURN_S = 1; // rad/s, where no motion is known

// The same where the pictures tell the turning: what that is off by, and how well a walk is known, m/s.
const SEEN_PART = 0.12;
const WALK_M_S = 0.3;

// Whether a pose that was turned as the pictures say, `moved` in all, may be drawn with.
export function isNear(moved, seconds, camera, depth) {
  const walked = WALK_M_S * seconds / depth * camera.fx / camera.size[0];
  return SEEN_PART * Math.hypot(...moved) + walked <= OFF_MAX;
}

// Whether a pose that was carried by `seconds` alone, without looking, may be drawn with.
export function isSure(motion, seconds, camera) {
  const w = motion ? OFF_PART * Math.hypot(...motion.w) : TURN_S;
  return (HEAD_S2 * seconds / 2 + w) * seconds * camera.fx / camera.size[0] <= OFF_MAX;
}

// Where the camera looks on the floor, degrees anticlockwise from +x.
export function heading(pose) { return Math.atan2(pose.r[5], pose.r[2]) * 180 / Math.PI; }

// The pose `seconds` later, when the scene has moved by `moved` (shares of the width, right and down; see latch.js):
// what walking explains at `depth` metres is walking, the rest is turning. Turning about the line of sight, which
// hardly moves the middle of the picture, is as it was.
export function latched(pose, motion, seconds, moved, camera, depth) {
  const { p, r } = pose;
  const v = motion ? motion.v.map((each) => each * seconds) : [0, 0, 0];
  const w = motion ? motion.w : [0, 0, 0];
  const local = [0, 1, 2].map((j) => v[0] * r[j] + v[1] * r[3 + j] + v[2] * r[6 + j]);
  const far = Math.max(0.3, depth - local[2]);
  const focal = camera.fx / camera.size[0];
  const tall = camera.size[1] / camera.size[0];
  // a small turn moves a point at tan(angle) = u by 1 + u^2 of what it moves the middle: the mean of what was compared
  const middle = [1 + (MIDDLE[0] / focal) ** 2 / 3, 1 + (MIDDLE[1] * tall / focal) ** 2 / 3];
  const yaw = moved[0] / focal / middle[0] + Math.atan(local[0] / far);
  const pitch = moved[1] / focal / middle[1] + Math.atan(local[1] / far);
  const roll = (w[0] * r[2] + w[1] * r[5] + w[2] * r[8]) * seconds;
  // the scene that moves to the right is a camera that turns to the left, about its y axis, which points down
  const [cy, sy, cp, sp, cr, sr] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch), Math.cos(roll), Math.sin(roll)];
  const turn = times([cy, 0, -sy, 0, 1, 0, sy, 0, cy], [1, 0, 0, 0, cp, -sp, 0, sp, cp]);
  const q = times(turn, [cr, -sr, 0, sr, cr, 0, 0, 0, 1]);
  return { p: p.map((each, i) => each + v[i]), r: times(r, q) };
}

function times(a, b) {
  const out = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) out.push(a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j]);
  }
  return out;
}
