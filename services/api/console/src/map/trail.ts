// The trail of one subject: sightings in the order of time, and what of it is shown at one moment.

import type { Point } from "./datum";

export interface Seen {
  time: string;
  site: string;
  direction: string;
  type: string;
  source: string;
  id: string;
  lane?: string;
  confidence?: number;
}

export interface Trail {
  alert: string;
  kind: string;
  label: string;
  since: string;
  until: string;
  items: Seen[];
  elsewhere: number;
  more: boolean;
}

export interface Stop {
  site: string;
  fromMs: number;
  toMs: number;
  times: number;
  directions: string[];
}

// Sightings at one site that follow one another within so long are one stop: a person in a vehicle
// is seen twice, a gate has several cameras.
const ONE_STOP_MS = 2 * 60_000;

export function stops(seen: readonly Seen[]): Stop[] {
  const found: Stop[] = [];
  for (const each of seen) {
    const atMs = Date.parse(each.time);
    const last = found.at(-1);
    if (last !== undefined && last.site === each.site && atMs - last.toMs <= ONE_STOP_MS) {
      last.toMs = atMs;
      last.times += 1;
      if (!last.directions.includes(each.direction)) last.directions.push(each.direction);
    } else found.push({ site: each.site, fromMs: atMs, toMs: atMs, times: 1, directions: [each.direction] });
  }
  return found;
}

// The place of the last stop that had begun at an instant, -1 before the first.
export function stopAt(found: readonly Stop[], atMs: number): number {
  let [low, high] = [0, found.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((found[middle]?.fromMs ?? 0) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// The line up to a stop, through the sites that have a place.
export function lineTo(found: readonly Stop[], last: number, places: ReadonlyMap<string, Point>): Point[] {
  return found.slice(0, last + 1).flatMap((stop) => {
    const at = places.get(stop.site);
    return at === undefined ? [] : [at];
  });
}
