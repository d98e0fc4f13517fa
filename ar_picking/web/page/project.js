// The draw list in metres (overlay/world.py) as pixels of one picture, through a pose and a camera: the browser's
// half of overlay/project.py, function by function. Both are given the same lists by a test and compared.
//
//   project(items, pose, camera) -> [item, ...]     the pixel items of overlay/style.py, ready for paint.js
//     pose    {p: [x, y, z], r: [9 numbers, row by row]}     columns of r are the camera's axes in the store
//     camera  {size: [w, h], fx, fy, cx, cy, lens: [] or [k1, k2, p1, p2, k3]}
//   carried(pose, motion, seconds) -> pose          where the camera will be, if it goes on moving like that
//     motion  {v: [m/s], w: [rad/s]} in the store's axes, or null
import { panel, area, line, text, widthEm, turnArrow } from "./style.js";

const NEAR_M = 0.15;
const ARROW_SHARE = 0.92; // of half the view: what is nearer the rim than this gets an arrow
const INK = "#10161c";

export function project(items, pose, camera) {
  const unit = camera.size[1] / 720;
  const out = [];
  for (const item of items) {
    if (item.kind === "ribbon") {
      const pieces = ribbon(item, pose, camera);
      if (pieces.length) out.push(area(pieces, item.color, item.alpha));
    } else if (item.kind === "area") {
      const pieces = item.polygons.map((p) => flattened(p, pose, camera)).filter((p) => inPicture(p, camera));
      if (pieces.length) out.push(area(pieces, item.color, item.alpha));
    } else if (item.kind === "line") {
      out.push(...projectedLine(item, pose, camera, unit));
    } else if (item.kind === "tag") {
      const outline = flattened(item.outline, pose, camera);
      if (inPicture(outline, camera)) out.push(...tag(outline, item.color, item.text, camera, unit));
    } else if (item.kind === "aim") {
      out.push(...arrow(item.at, pose, camera, item.label, unit));
    }
  }
  for (const item of out) { item.world = true; item.layer = "store"; }
  return out;
}

export function carried(pose, motion, seconds) {
  if (!motion || seconds <= 0) return pose;
  const [wx, wy, wz] = motion.w.map((w) => w * seconds);
  const p = pose.p.map((v, i) => v + motion.v[i] * seconds);
  const angle = Math.hypot(wx, wy, wz);
  if (angle < 1e-9) return { p, r: pose.r };
  // Rodrigues' formula, as cv2.Rodrigues has it
  const [x, y, z] = [wx / angle, wy / angle, wz / angle];
  const c = Math.cos(angle), s = Math.sin(angle), k = 1 - c;
  const turn = [
    c + x * x * k, x * y * k - z * s, x * z * k + y * s,
    y * x * k + z * s, c + y * y * k, y * z * k - x * s,
    z * x * k - y * s, z * y * k + x * s, c + z * z * k,
  ];
  const r = new Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) r[3 * i + j] = turn[3 * i] * pose.r[j] + turn[3 * i + 1] * pose.r[3 + j] + turn[3 * i + 2] * pose.r[6 + j];
  }
  return { p, r };
}

function toCamera(point, pose) {
  const x = point[0] - pose.p[0], y = point[1] - pose.p[1], z = (point[2] ?? 0) - pose.p[2], r = pose.r;
  return [x * r[0] + y * r[3] + z * r[6], x * r[1] + y * r[4] + z * r[7], x * r[2] + y * r[5] + z * r[8]];
}

// The part of a convex polygon in camera axes beyond the near plane (Sutherland & Hodgman 1974, one plane).
function clipNear(polygon) {
  const out = [];
  polygon.forEach((a, i) => {
    const b = polygon[(i + 1) % polygon.length];
    if (a[2] > NEAR_M) out.push(a);
    if ((a[2] > NEAR_M) !== (b[2] > NEAR_M)) {
      const t = (NEAR_M - a[2]) / (b[2] - a[2]);
      out.push(a.map((v, k) => v + t * (b[k] - v)));
    }
  });
  return out;
}

function rimR2(camera) {
  const wide = Math.max(camera.cx + 0.5, camera.size[0] - camera.cx - 0.5) / camera.fx;
  const high = Math.max(camera.cy + 0.5, camera.size[1] - camera.cy - 0.5) / camera.fy;
  return 1.5625 * (wide * wide + high * high);
}

function pixel(local, camera) {
  let x = local[0] / local[2], y = local[1] / local[2];
  if (camera.lens && camera.lens.length) {
    const [k1, k2, p1, p2, k3] = camera.lens, rim = rimR2(camera);
    const r2 = Math.min(x * x + y * y, rim), radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3));
    const xy = Math.max(-rim, Math.min(rim, x * y)), x2 = Math.min(x * x, rim), y2 = Math.min(y * y, rim);
    [x, y] = [x * radial + 2 * p1 * xy + p2 * (r2 + 2 * x2), y * radial + p1 * (r2 + 2 * y2) + 2 * p2 * xy];
  }
  return [camera.fx * x + camera.cx, camera.fy * y + camera.cy];
}

function flattened(world, pose, camera) {
  const local = clipNear(world.map((point) => toCamera(point, pose)));
  return local.length < 3 ? [] : local.map((point) => pixel(point, camera));
}

function bounds(polygon) {
  const xs = polygon.map((p) => p[0]), ys = polygon.map((p) => p[1]);
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

function inPicture(polygon, camera) {
  if (polygon.length < 3) return false;
  const box = bounds(polygon);
  return box.x1 > 0 && box.y1 > 0 && box.x0 < camera.size[0] && box.y0 < camera.size[1];
}

function ribbon({ left, right }, pose, camera) {
  const out = [];
  for (let i = 0; i + 1 < left.length; i++) {
    const piece = flattened([left[i], left[i + 1], right[i + 1], right[i]], pose, camera);
    if (inPicture(piece, camera)) out.push(piece);
  }
  return out;
}

function projectedLine(item, pose, camera, unit) {
  const width = item.width * unit;
  if (item.closed) {
    const outline = flattened(item.points, pose, camera);
    return inPicture(outline, camera) ? [line(outline, item.color, width, true)] : [];
  }
  const local = item.points.map((point) => toCamera(point, pose));
  if (local.some((point) => point[2] <= NEAR_M)) return [];
  return [line(local.map((point) => pixel(point, camera)), item.color, width, false)];
}

function tag(outline, color, words, camera, unit) {
  const [width, height] = camera.size, size = 24 * unit;
  const w = widthEm(words) * size + 28 * unit, h = 36 * unit, box = bounds(outline);
  const x = Math.min(Math.max((box.x0 + box.x1) / 2 - w / 2, 6 * unit), width - w - 6 * unit);
  const y = Math.min(Math.max(box.y0 - h - 6 * unit, 60 * unit), height - h - 6 * unit);
  return [
    panel(x, y, w, h, color, 0.95, 8 * unit),
    text(x + w / 2, y + 26 * unit, words, size, INK, 700, "center"),
  ];
}

function arrow(at, pose, camera, label, unit) {
  const local = toCamera(at, pose);
  const bearing = -Math.atan2(local[0], local[2]) * 180 / Math.PI;
  const half = Math.atan(camera.size[0] / 2 / camera.fx) * 180 / Math.PI;
  if (Math.abs(bearing) < half * ARROW_SHARE) return [];
  return turnArrow(bearing, label, camera.size[0], camera.size[1], unit);
}
