// Glasses: one arrow on black that says where to walk. It is turned by the picker's heading when the pose is
// trusted; without one there is no arrow, and the words say so. Nothing is fixed to the store.

import { heading } from "./pose.js";

const AHEAD_M = 1.5;

// The bearing of the way seen from the picker, degrees, to the left positive; null when there is none.
export function bearing(pose, path) {
  if (!pose || path.length < 2) return null;
  const [x, y] = pose.p;
  let point = path[path.length - 1];
  let gone = 0;
  for (let i = 1; i < path.length; i++) {
    gone += Math.hypot(path[i][0] - path[i - 1][0], path[i][1] - path[i - 1][1]) / 10;
    if (gone >= AHEAD_M) { point = path[i]; break; }
  }
  const to = Math.atan2(point[1] / 10 - y, point[0] / 10 - x) * 180 / Math.PI;
  return ((to - heading(pose) + 540) % 360) - 180;
}

export function drawArrow(canvas, degrees, words) {
  const pen = canvas.getContext("2d");
  const { width: w, height: h } = canvas;
  pen.fillStyle = "#000000"; // on see-through glasses black is nothing
  pen.fillRect(0, 0, w, h);
  pen.textAlign = "center";
  pen.fillStyle = "#f4f7f9";
  pen.font = "600 44px system-ui, sans-serif";
  pen.fillText(words, w / 2, h - 24);
  if (degrees === null) return;
  pen.save();
  pen.translate(w / 2, h / 2 - 30);
  pen.rotate(-degrees * Math.PI / 180);
  pen.scale(h / 420, h / 420);
  pen.beginPath();
  for (const [x, y] of [[0, -150], [110, -20], [45, -20], [45, 130], [-45, 130], [-45, -20], [-110, -20]]) pen.lineTo(x, y);
  pen.closePath();
  pen.fillStyle = "#56b4e9";
  pen.fill();
  pen.restore();
}
