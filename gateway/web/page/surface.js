// A canvas that stays sharp at any devicePixelRatio and in both themes.

const INKS = ["ink", "dim", "grid", "panel", "trail", "live", "silent", "gone", "bad", "good", "band", "font",
  "c1", "c2", "c3", "c4", "c5", "c6"];
const theme = matchMedia("(prefers-color-scheme: light)");

// The themes live in style.css alone; canvases read them from there.
function inks() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(INKS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

export class Surface {
  // paint(context, width, height) is in CSS pixels.
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.paint = paint;
    this.asked = false;
    this.ink = inks();
    theme.addEventListener("change", () => {
      this.ink = inks();
      this.ask();
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = false;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.paint(this.context, width, height);
  }
}
