// Where everybody came from: one path per shade for the whole fleet.

// How a point of a trail came: recorded, told without a record, or as a vertex of a stretch of track: its
// first one, and those to which the way from the one before is known, however long it took.
export const [FIX, NOW, FIRST, LINE] = [0, 1, 2, 3];
const GAP_MS = 30_000; // a trail with a longer silence in it is broken: nobody knows the way between
const SHARED_MS = 100; // a stretch begins where the last one ended, give or take the tick of their times
const NOW_GAP_MS = 90_000; // between points that come only when it matters: about this way, so dashed
// Trails fade with the age of their points: [younger than ms, opacity].
const FADE = [[60e3, 1], [180e3, 0.8], [360e3, 0.6], [600e3, 0.45], [Infinity, 0.3]];
const TRAIL_POINTS_MAX = 60_000; // above this, long trails are cut to their newest part
const DASHED_MAX = 12; // with more riders than this the lines are thinner
const RECENT_MS = 120_000; // of a great fleet only this much is drawn, unless somebody is chosen
const GREAT = 400;

// One path per shade for all riders together: 50 trails of 15 minutes stay cheap.
export function drawTrails(map, context, ink) {
  const total = map.riders.reduce((sum, rider) => sum + rider.trail.length, 0);
  const share = Math.floor(TRAIL_POINTS_MAX / map.riders.length);
  const most = total > TRAIL_POINTS_MAX ? Math.max(30, share) : Infinity;
  const paths = FADE.map(() => new Path2D());
  const rough = new Path2D();
  const since = map.riders.length > GREAT ? map.now - RECENT_MS : -Infinity;
  for (const { name, trail, told, lat: lat_e7, lon: lon_e7 } of map.riders) {
    let before = null;
    const isWhole = name === map.chosen;
    for (let i = isWhole ? 0 : Math.max(0, trail.length - most); i < trail.length; i++) {
      const [t, lat, lon, how] = trail[i];
      if (t < since && !isWhole) continue;
      const [x, y] = map.at(lat, lon);
      const isRough = how === NOW || before?.how === NOW;
      const gap = isRough ? NOW_GAP_MS : how === FIRST ? SHARED_MS : GAP_MS;
      const isJoined = before !== null && (how === LINE || t - before.t <= gap);
      if (isJoined && !isRough && Math.hypot(x - before.x, y - before.y) < 1.5 && i < trail.length - 1) {
        before.t = t; // too near to see
        continue;
      }
      if (isJoined) {
        const path = isRough ? rough : paths[FADE.findIndex(([ms]) => map.now - t < ms)];
        if (path !== before.path) path.moveTo(before.x, before.y); // one stroke for a way, not one a step
        path.lineTo(x, y);
        before.path = path;
      }
      before = { t, x, y, how, path: isJoined ? before.path : null };
    }
    if (told) { // where the rider is thought to be by now
      rough.moveTo(...map.at(told.lat, told.lon));
      rough.lineTo(...map.at(lat_e7, lon_e7));
    }
  }
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = ink.trail;
  context.lineWidth = map.riders.length > DASHED_MAX ? 2 : 2.6;
  for (let i = FADE.length - 1; i >= 0; i--) {
    context.globalAlpha = FADE[i][1];
    context.stroke(paths[i]);
  }
  context.globalAlpha = 0.9;
  context.lineWidth = 1.6;
  context.setLineDash([2, 5]);
  context.stroke(rough);
  context.setLineDash([]);
  context.globalAlpha = 1;
}
