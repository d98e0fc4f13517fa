// Paints a list of pixel items (overlay/style.py) on a canvas: the browser's half of overlay/render_cv2.py.
//
//   paint(ctx, items, scale)    scale: canvas pixels per pixel of the picture that the items were made for

const FONT = '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif';

export function paint(ctx, items, scale = 1) {
  ctx.save();
  ctx.scale(scale, scale);
  ctx.lineJoin = ctx.lineCap = "round";
  for (const item of items) {
    if (item.kind === "area") areas(ctx, item);
    else if (item.kind === "line") line(ctx, item);
    else if (item.kind === "text") words(ctx, item);
    else if (item.kind === "panel") panel(ctx, item);
  }
  ctx.restore();
}

// One path for all polygons, each turned the same way round: where they touch or overlap they are not darker.
function areas(ctx, item) {
  ctx.globalAlpha = item.alpha;
  ctx.fillStyle = item.color;
  ctx.beginPath();
  for (const polygon of item.polygons) {
    const points = isClockwise(polygon) ? polygon : [...polygon].reverse();
    points.forEach(([x, y], i) => { if (i) ctx.lineTo(x + 0.5, y + 0.5); else ctx.moveTo(x + 0.5, y + 0.5); });
    ctx.closePath();
  }
  ctx.fill("nonzero");
  ctx.globalAlpha = 1;
}

function isClockwise(polygon) {
  let twice = 0;
  polygon.forEach(([x, y], i) => {
    const [u, v] = polygon[(i + 1) % polygon.length];
    twice += x * v - u * y;
  });
  return twice > 0;
}

// Pixel (0, 0) is the centre of the first pixel in the lists, its corner on a canvas.
function line(ctx, item) {
  if (item.points.length < 2) return;
  ctx.strokeStyle = item.color;
  ctx.lineWidth = Math.max(1, item.width);
  ctx.beginPath();
  item.points.forEach(([x, y], i) => { if (i) ctx.lineTo(x + 0.5, y + 0.5); else ctx.moveTo(x + 0.5, y + 0.5); });
  if (item.closed) ctx.closePath();
  ctx.stroke();
}

function words(ctx, item) {
  ctx.font = `${item.weight} ${item.size}px ${FONT}`;
  ctx.textAlign = item.anchor;
  ctx.fillStyle = item.color;
  ctx.fillText(item.text, item.x, item.y);
}

function panel(ctx, item) {
  ctx.globalAlpha = item.alpha;
  ctx.fillStyle = item.color;
  ctx.beginPath();
  ctx.roundRect(item.x, item.y, item.w, item.h, Math.min(item.radius, item.w / 2, item.h / 2));
  ctx.fill();
  ctx.globalAlpha = 1;
}
