// The store from above: shelves, the way, the rest of the walk, open bins, blocked aisles, and where the picker is.

const ZONES = ["#5b6770", "#3c7f9c", "#3a5fa8"];

export class StoreMap {
  constructor(canvas, plan) {
    this.canvas = canvas;
    this.plan = plan;
    this.base = null; // what never changes is drawn once
  }

  place([x, y]) {
    const [x0, y0] = this.plan.room;
    return [this.left + (x - x0) * this.scale, this.canvas.height - this.top - (y - y0) * this.scale];
  }

  fit() {
    const { canvas } = this;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const w = Math.round(canvas.clientWidth * ratio);
    const h = Math.round(canvas.clientHeight * ratio);
    if (!w || !h) return false;
    if (canvas.width !== w || canvas.height !== h || !this.base) {
      canvas.width = w;
      canvas.height = h;
      const [x0, y0, x1, y1] = this.plan.room;
      const pad = 14 * ratio;
      this.unit = ratio;
      this.scale = Math.min((w - 2 * pad) / (x1 - x0), (h - 2 * pad) / (y1 - y0));
      this.left = (w - (x1 - x0) * this.scale) / 2;
      this.top = (h - (y1 - y0) * this.scale) / 2;
      this.base = new OffscreenCanvas(w, h);
      const pen = this.base.getContext("2d");
      for (const shelf of this.plan.shelves) {
        this.trace(pen, shelf.corners, true);
        pen.fillStyle = ZONES[shelf.zone] ?? ZONES[0];
        pen.fill();
      }
    }
    return true;
  }

  trace(pen, points, closed) {
    pen.beginPath();
    points.forEach((point, i) => {
      const [x, y] = this.place(point);
      if (i) pen.lineTo(x, y); else pen.moveTo(x, y);
    });
    if (closed) pen.closePath();
  }

  // at: {x, y, heading, fresh} in metres and degrees, or null
  draw(view, way, at) {
    if (!this.fit()) return;
    const { plan, canvas, unit } = this;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(this.base, 0, 0);
    pen.lineJoin = pen.lineCap = "round";
    const dm = (points) => points.map(([x, y]) => [x / 10, y / 10]);
    const stroke = (points, color, width, dash = []) => {
      this.trace(pen, points);
      pen.strokeStyle = color;
      pen.lineWidth = width * unit;
      pen.setLineDash(dash.map((each) => each * unit));
      pen.stroke();
      pen.setLineDash([]);
    };
    if (way.tour.length > 1) stroke(dm(way.tour), "#a7b3bd", 2);
    if (way.path.length > 1) stroke(dm(way.path), "#56b4e9", 5);
    for (const edge of view?.blocked ?? []) {
      const walk = plan.walk?.[edge];
      if (walk) stroke(walk, "#ff7a33", 5, [4, 8]);
    }
    const dot = (point, r, color) => {
      const [x, y] = this.place(point);
      pen.beginPath();
      pen.arc(x, y, r * unit, 0, 7);
      pen.fillStyle = color;
      pen.fill();
    };
    dot(plan.depot, 5, "#00b386");
    const line = view?.line;
    for (const each of view?.lines ?? []) {
      const bin = plan.bins[each.bin];
      if (bin && each.status === "open" && each.line !== line?.line) dot(bin, 4, "#f0e442");
    }
    if (line && plan.bins[line.bin]) {
      dot(plan.bins[line.bin], 9, "#10161c");
      dot(plan.bins[line.bin], 7, "#e69f00");
    }
    if (at) this.picker(pen, at);
  }

  picker(pen, { x, y, heading, fresh }) {
    const [px, py] = this.place([x, y]);
    pen.save();
    pen.translate(px, py);
    pen.rotate(-heading * Math.PI / 180);
    pen.scale(this.unit * 0.8, this.unit * 0.8);
    pen.beginPath();
    pen.moveTo(16, 0); pen.lineTo(-10, 10); pen.lineTo(-5, 0); pen.lineTo(-10, -10);
    pen.closePath();
    pen.lineWidth = 3;
    pen.strokeStyle = fresh ? "#10161c" : "#a7b3bd";
    pen.stroke();
    if (fresh) { pen.fillStyle = "#ffffff"; pen.fill(); } // an outline when the pose is old
    pen.restore();
  }
}
