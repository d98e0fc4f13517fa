// Metres on the ground around a base point, in the datum of the map.

import { toGcj } from "./datum.js";

const E7 = 1e-7;
const CELL_E7 = 10_000; // about 100 m: within it GCJ-02 shifts everything alike to a few centimetres
const CELLS_MAX = 50_000;
const cells = new Map();

// How far GCJ-02 moves a place, degrees x 1e7.
function shift(lat, lon) {
  const [row, column] = [Math.round(lat / CELL_E7), Math.round(lon / CELL_E7)];
  const key = row * 1e6 + column;
  let found = cells.get(key);
  if (!found) {
    if (cells.size > CELLS_MAX) cells.clear();
    const [at, on] = [row * CELL_E7, column * CELL_E7];
    const [gLat, gLon] = toGcj(at, on);
    cells.set(key, found = [gLat - at, gLon - on]);
  }
  return found;
}

// Degrees x 1e7 to metres around a base point (equirectangular, with WGS-84's radii at its latitude).
// Places come in WGS-84; datum 'gcj02' moves all of them.
export class Plane {
  constructor(lat, lon, datum = "wgs84") {
    this.isGcj = datum === "gcj02";
    const phi = (lat * E7 * Math.PI) / 180;
    const [dLat, dLon] = this.isGcj ? shift(lat, lon) : [0, 0];
    this.lat = lat + dLat; // of the base, in the map's datum
    this.lon = lon + dLon;
    this.perLat = (111_132.95 - 559.85 * Math.cos(2 * phi)) * E7;
    this.perLon = Math.max(111_412.88 * Math.cos(phi) - 93.5 * Math.cos(3 * phi), 1) * E7;
  }
  x(lat, lon) {
    return (lon + (this.isGcj ? shift(lat, lon)[1] : 0) - this.lon) * this.perLon;
  }
  y(lat, lon) {
    return (lat + (this.isGcj ? shift(lat, lon)[0] : 0) - this.lat) * this.perLat;
  }
}

// Where {lat_e7, lon_e7, speed_mm_s, course_cdeg} will be in `ms` if it goes straight on: {lat, lon}.
export function ahead({ lat_e7: lat, lon_e7: lon, speed_mm_s: speed, course_cdeg: course }, ms) {
  if (!(speed > 0) || !Number.isFinite(course)) return { lat, lon };
  const plane = new Plane(lat, lon);
  const [way, turn] = [(speed * ms) / 1e6, (course * Math.PI) / 18_000];
  return { lat: lat + (way * Math.cos(turn)) / plane.perLat, lon: lon + (way * Math.sin(turn)) / plane.perLon };
}
