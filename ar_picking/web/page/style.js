// The pixel items of overlay/style.py and the turn arrow of overlay/cards.py, in the browser.

const BLUE = "#56b4e9", ORANGE = "#e69f00", WHITE = "#ffffff", INK = "#10161c", GREY = "#9aa5ad";
const FAR_PX = 20000; // far outside the picture is far enough

const tenth = (v) => Math.round(Math.max(-FAR_PX, Math.min(FAR_PX, v)) * 10) / 10;
const rounded = (points) => points.map((p) => [tenth(p[0]), tenth(p[1])]);

export function area(polygons, color, alpha) {
  return { kind: "area", polygons: polygons.filter((p) => p.length >= 3).map(rounded), color, alpha };
}

export function line(points, color, width, closed) {
  return { kind: "line", points: rounded(points), color, width: Math.round(width * 10) / 10, closed };
}

export function text(x, y, words, size, color = WHITE, weight = 500, anchor = "left") {
  return { kind: "text", x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10, text: words, size: Math.round(size), color, weight, anchor };
}

export function panel(x, y, w, h, color = INK, alpha = 0.72, radius = 10) {
  return { kind: "panel", x: Math.round(x), y: Math.round(y), w: Math.round(w), h: Math.round(h), color, alpha, radius: Math.round(radius) };
}

// How wide a line of text is in units of its size: 1 for Chinese, about half for Latin.
export function widthEm(words) {
  let sum = 0;
  for (const c of words) sum += c.codePointAt(0) > 0x2e7f ? 1 : /[\p{Lu}MW@%]/u.test(c) ? 0.62 : 0.53;
  return sum;
}

// An arrow at the rim of the picture for something outside it; a bearing to the left is positive, in degrees.
export function turnArrow(bearing, label, width, height, unit) {
  const behind = Math.abs(bearing) > 135, left = bearing > 0;
  const words = behind ? "掉头" : left ? "左转" : "右转";
  const en = behind ? "turn round" : left ? "turn left" : "turn right";
  const w = 128 * unit, h = 176 * unit;
  const x = left ? 14 * unit : width - w - 14 * unit;
  const y = height * 0.36 - h / 2 + (left ? 0 : 120 * unit);
  const cx = x + w / 2, cy = y + 56 * unit, r = 38 * unit, sign = left ? -1 : 1;
  const shape = [
    [cx + sign * r, cy], [cx - sign * r * 0.1, cy - r], [cx - sign * r * 0.1, cy - r * 0.42],
    [cx - sign * r, cy - r * 0.42], [cx - sign * r, cy + r * 0.42], [cx - sign * r * 0.1, cy + r * 0.42],
    [cx - sign * r * 0.1, cy + r],
  ];
  return [
    panel(x, y, w, h, INK, 0.78, 14 * unit),
    area([shape], BLUE, 1),
    text(cx, y + 122 * unit, words, 28 * unit, WHITE, 700, "center"),
    text(cx, y + 144 * unit, en, 16 * unit, GREY, 500, "center"),
    text(cx, y + 167 * unit, label, 19 * unit, ORANGE, 700, "center"),
  ];
}
