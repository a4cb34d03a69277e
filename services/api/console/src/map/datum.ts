// The two datums of positions in China. WGS-84 is what satellites give; GCJ-02 is WGS-84 moved by up
// to 700 m, by a published approximation of an unpublished formula, and is what tiles made in
// mainland China are drawn in. Outside China the two are the same.

export type Datum = "wgs84" | "gcj02";
export type Point = readonly [lon: number, lat: number];

// The ellipsoid of Krasovsky, which the formula rests on.
const AXIS_M = 6_378_245;
const ECCENTRICITY_2 = 0.006_693_421_622_965_943;
// The box in which the formula is applied.
const WEST = 72.004;
const EAST = 137.8347;
const SOUTH = 0.8293;
const NORTH = 55.8271;
// Some 0.1 mm; each round makes the error a hundred times smaller or more.
const CLOSE_DEGREES = 1e-9;
const ROUNDS = 10;

export function inside([lon, lat]: Point): boolean {
  return lon >= WEST && lon <= EAST && lat >= SOUTH && lat <= NORTH;
}

export function toGcj02(point: Point): Point {
  if (!inside(point)) return point;
  const [lon, lat] = point;
  const [dLon, dLat] = shift(lon - 105, lat - 35);
  const radians = (lat / 180) * Math.PI;
  const magic = 1 - ECCENTRICITY_2 * Math.sin(radians) ** 2;
  const north = (dLat * 180) / (((AXIS_M * (1 - ECCENTRICITY_2)) / (magic * Math.sqrt(magic))) * Math.PI);
  const east = (dLon * 180) / ((AXIS_M / Math.sqrt(magic)) * Math.cos(radians) * Math.PI);
  return [lon + east, lat + north];
}

// The formula has no inverse: guess, see where the guess lands, and correct it by the difference.
export function toWgs84(point: Point): Point {
  if (!inside(point)) return point;
  let [lon, lat] = point;
  for (let round = 0; round < ROUNDS; round += 1) {
    const [east, north] = toGcj02([lon, lat]);
    const [dLon, dLat] = [point[0] - east, point[1] - north];
    lon += dLon;
    lat += dLat;
    if (Math.abs(dLon) < CLOSE_DEGREES && Math.abs(dLat) < CLOSE_DEGREES) break;
  }
  return [lon, lat];
}

export function converted(point: Point, from: Datum, to: Datum): Point {
  if (from === to) return point;
  return to === "gcj02" ? toGcj02(point) : toWgs84(point);
}

// How far a point is moved, in metres to the east and to the north, before the ellipsoid's scale.
function shift(x: number, y: number): readonly [number, number] {
  const wave = (20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * (2 / 3);
  const north =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + wave +
    (20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI)) * (2 / 3) +
    (160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y * Math.PI) / 30)) * (2 / 3);
  const east =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + wave +
    (20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI)) * (2 / 3) +
    (150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI)) * (2 / 3);
  return [east, north];
}
