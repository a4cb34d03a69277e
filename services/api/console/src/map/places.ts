// Sites and zones as the registers have them, made into what the map draws.

import type { Feature, FeatureCollection, Polygon } from "geojson";
import { converted, type Datum, type Point } from "./datum";

export interface Position {
  lon: number;
  lat: number;
  crs: Datum;
}

export interface Site {
  id: string;
  name: string;
  role: string;
  zones: string[];
  grid?: string;
  position?: Position;
  heartbeat_s?: number;
  valid_to?: string;
}

export interface Zone {
  id: string;
  kind: string;
  crs: Datum;
  geometry?: { type: "Polygon"; coordinates: Point[][] };
  centre?: Point;
  radius_m?: number;
}

export interface Placed {
  site: Site;
  at: Point;
}

const METRES_PER_DEGREE = 111_320;
// A circle with so many corners looks round at any size that fits a screen.
const CORNERS = 72;

export function placed(sites: readonly Site[], datum: Datum): Placed[] {
  return sites.flatMap((site) =>
    site.position === undefined ? [] : [{ site, at: converted([site.position.lon, site.position.lat], site.position.crs, datum) }],
  );
}

export function outlines(zones: readonly Zone[], datum: Datum): FeatureCollection<Polygon, { id: string; kind: string }> {
  const features = zones.flatMap((zone): Feature<Polygon, { id: string; kind: string }>[] => {
    const rings = zone.geometry?.coordinates ?? (zone.centre && zone.radius_m ? [circle(zone.centre, zone.radius_m)] : []);
    if (rings.length === 0) return [];
    const coordinates = rings.map((ring) => ring.map((corner) => [...converted(corner, zone.crs, datum)]));
    return [{ type: "Feature", properties: { id: zone.id, kind: zone.kind }, geometry: { type: "Polygon", coordinates } }];
  });
  // The largest lie below, so that none hides another.
  features.sort((a, b) => span(b) - span(a));
  return { type: "FeatureCollection", features };
}

export function circle([lon, lat]: Point, radiusM: number): Point[] {
  const north = radiusM / METRES_PER_DEGREE;
  const east = north / Math.max(0.01, Math.cos((lat / 180) * Math.PI));
  const corner = (n: number): Point => {
    const turn = (2 * Math.PI * (n % CORNERS)) / CORNERS;
    return [lon + east * Math.cos(turn), lat + north * Math.sin(turn)];
  };
  return Array.from({ length: CORNERS + 1 }, (_, n) => corner(n));
}

export type Bounds = [west: number, south: number, east: number, north: number];

// The smallest box around all points; null where there are none.
export function bounds(points: Iterable<Point>): Bounds | null {
  let found: Bounds | null = null;
  for (const [lon, lat] of points)
    found = found === null ? [lon, lat, lon, lat] : [Math.min(found[0], lon), Math.min(found[1], lat), Math.max(found[2], lon), Math.max(found[3], lat)];
  return found;
}

function span(feature: Feature<Polygon>): number {
  const box = bounds((feature.geometry.coordinates[0] ?? []).map(([lon, lat]): Point => [lon ?? 0, lat ?? 0]));
  return box === null ? 0 : box[2] - box[0];
}
