// How far the camera has turned since a picture was taken, by the pictures themselves. The box's answer is of a
// picture that is 30 to 200 ms old; a head turns by 20 degrees in that time, and what it will do next nobody can
// carry forward. Each picture on the screen is compared, very small, with the one before; the turns add up.
//
// The shift with the least mean absolute difference, to a fraction of a pixel by the V that it has there (Shimizu &
// Okutomi, "Significance and attributes of subpixel estimation on area-based matching", 2002).

const WIDE = 96;
const REACH = [12, 6]; // pixels of the small picture, beyond what the last turn lets expect
const KEPT = 40;
// Of each picture the middle is compared: towards the rim a turn moves the scene farther.
export const MIDDLE = [0.25, 0.4]; // each way, of the width and of the height
const FLAT = 3.0; // grey levels: less contrast than this shows no shift
const UNLIKE = 0.6; // of what a wrong shift gives: more, and the two do not show the same

export class Latch {
  constructor() {
    this.canvas = new OffscreenCanvas(WIDE, 72);
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    this.last = null;
    this.step = [0, 0];
    this.sum = [0, 0];
    this.turns = []; // {taken, sum: [px, px] of a picture `WIDE` wide, run}
    this.run = 0; // a new one begins where two pictures do not fit
  }

  // A picture has come to the screen.
  add(video, taken) {
    const high = Math.round(WIDE * video.videoHeight / video.videoWidth);
    if (this.canvas.height !== high) { this.canvas.height = high; this.last = null; }
    this.pen.drawImage(video, 0, 0, WIDE, high);
    this.addGrey(grey(this.pen.getImageData(0, 0, WIDE, high).data), high, taken);
  }

  addGrey(picture, high, taken) {
    const found = this.last && shift(this.last, picture, high, this.step);
    if (found) {
      this.step = found;
      this.sum = [this.sum[0] + found[0], this.sum[1] + found[1]];
    } else {
      this.run += 1;
      this.step = [0, 0];
    }
    this.last = picture;
    this.turns.push({ taken, sum: this.sum, run: this.run });
    if (this.turns.length > KEPT) this.turns.shift();
  }

  // Shares of the picture's width that the scene has moved between two pictures, [right, down]; null when that
  // cannot be said.
  moved(from, to) {
    const near = (when) => this.turns.findLast((each) => Math.abs(each.taken - when) <= 1);
    const [a, b] = [near(from), near(to)];
    if (!a || !b || a.run !== b.run) return null;
    return [(b.sum[0] - a.sum[0]) / WIDE, (b.sum[1] - a.sum[1]) / WIDE];
  }
}

export function grey(rgba) {
  const out = new Uint8Array(rgba.length / 4);
  for (let i = 0; i < out.length; i++) out[i] = (rgba[4 * i] * 77 + rgba[4 * i + 1] * 150 + rgba[4 * i + 2] * 29) >> 8;
  return out;
}

function unlike(a, b, high, dx, dy) {
  const x0 = Math.max(WIDE * (0.5 - MIDDLE[0]), -dx), x1 = Math.min(WIDE * (0.5 + MIDDLE[0]), WIDE - dx);
  const y0 = Math.max(Math.round(high * (0.5 - MIDDLE[1])), -dy), y1 = Math.min(Math.round(high * (0.5 + MIDDLE[1])), high - dy);
  let sum = 0, count = 0;
  for (let y = y0; y < y1; y += 2) {
    const row = y * WIDE, to = (y + dy) * WIDE + dx;
    for (let x = x0; x < x1; x++) sum += Math.abs(a[row + x] - b[to + x]);
    count += x1 - x0;
  }
  return sum / count;
}

// [dx, dy] by which b shows what a shows, near `guess`; null when nothing fits.
export function shift(a, b, high, guess) {
  const [gx, gy] = guess.map(Math.round);
  let best = Infinity, bx = 0, by = 0, total = 0, tried = 0;
  for (let dy = gy - REACH[1]; dy <= gy + REACH[1]; dy++) {
    for (let dx = gx - REACH[0]; dx <= gx + REACH[0]; dx++) {
      if (Math.abs(dx) > WIDE / 3 || Math.abs(dy) > high / 3) continue;
      const cost = unlike(a, b, high, dx, dy);
      total += cost;
      tried += 1;
      // rows of equal bottles repeat: of two that fit alike the expected one is it
      const far = cost * (1 + 0.01 * Math.hypot(dx - guess[0], dy - guess[1]));
      if (far < best) { best = far; bx = dx; by = dy; }
    }
  }
  if (!tried) return null;
  const centre = unlike(a, b, high, bx, by);
  const mean = total / tried;
  if (mean < FLAT || centre > UNLIKE * mean) return null;
  const part = (less, more) => (less > more ? (less - more) / (less - centre || 1) / 2 : (less - more) / (more - centre || 1) / 2);
  return [
    bx + part(unlike(a, b, high, bx - 1, by), unlike(a, b, high, bx + 1, by)),
    by + part(unlike(a, b, high, bx, by - 1), unlike(a, b, high, bx, by + 1)),
  ];
}
