// GCJ-02, the datum of maps of mainland China: only at the edge of the map, and always said there. The
// transform is the published approximation of it; positions themselves stay WGS-84.

const A_M = 6_378_245; // Krasovsky 1940
const EE = 0.006_693_421_622_965_943;
const { PI, sin, cos, sqrt, abs } = Math;

// Whether the datum is used there; a rectangle, as the approximation has it.
function isInside(lat, lon) {
  return lon > 72.004 && lon < 137.8347 && lat > 0.8293 && lat < 55.8271;
}

function waves(x, y) {
  const short = 20 * sin(6 * PI * x) + 20 * sin(2 * PI * x);
  const lat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    + (2 / 3) * (short + 20 * sin(PI * y) + 40 * sin((PI / 3) * y) + 160 * sin((PI / 12) * y) + 320 * sin((PI / 30) * y));
  const lon = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    + (2 / 3) * (short + 20 * sin(PI * x) + 40 * sin((PI / 3) * x) + 150 * sin((PI / 12) * x) + 300 * sin((PI / 30) * x));
  return [lat, lon];
}

// WGS-84 to GCJ-02, degrees x 1e7; outside of China the same place.
export function toGcj(lat_e7, lon_e7) {
  const [lat, lon] = [lat_e7 / 1e7, lon_e7 / 1e7];
  if (!isInside(lat, lon)) return [lat_e7, lon_e7];
  const [dLat, dLon] = waves(lon - 105, lat - 35);
  const phi = (lat / 180) * PI;
  const magic = 1 - EE * sin(phi) ** 2;
  return [
    lat_e7 + ((dLat * 180) / (((A_M * (1 - EE)) / (magic * sqrt(magic))) * PI)) * 1e7,
    lon_e7 + ((dLon * 180) / ((A_M / sqrt(magic)) * cos(phi) * PI)) * 1e7,
  ];
}

export const DATUMS = { wgs84: "WGS-84", gcj02: "GCJ-02" };
