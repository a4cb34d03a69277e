// What a form for a temporary post says, as the API takes it.

import type { Datum } from "../map/datum";

export interface Post {
  site: string;
  device: string;
  expires: string;
  token: string;
  link: string;
  qr: string[];
}

export interface Draft {
  existing: boolean;
  site: string;
  name: string;
  role: string;
  grid: string;
  zones: string;
  position: string;
  crs: Datum;
  hours: number;
}

export interface Wanted {
  site: string;
  hours: number;
  name?: string;
  role?: string;
  grid?: string;
  zones?: string[];
  position?: { lon: number; lat: number; crs: Datum };
}

// "120.92, 30.84" and its like; null = it is none.
export function position(text: string): { lon: number; lat: number } | null {
  const parts = text.trim().split(/[\s,，;；]+/).map(Number);
  const [lon, lat] = parts;
  if (parts.length !== 2 || lon === undefined || lat === undefined) return null;
  return Math.abs(lon) <= 180 && Math.abs(lat) <= 90 ? { lon, lat } : null;
}

export function wanted(draft: Draft): Wanted {
  const made: Wanted = { site: draft.site.trim(), hours: draft.hours };
  if (draft.existing) return made;
  made.name = draft.name.trim();
  made.role = draft.role;
  if (draft.grid.trim()) made.grid = draft.grid.trim();
  made.zones = draft.zones.split(/[\s,，、]+/).filter(Boolean);
  const at = position(draft.position);
  if (at !== null) made.position = { ...at, crs: draft.crs };
  return made;
}

// A short name that nobody has yet: what is typed in Chinese has no letters for one.
export function freeId(taken: ReadonlySet<string>): string {
  let n = 1;
  while (taken.has(`post-${n}`)) n += 1;
  return `post-${n}`;
}
