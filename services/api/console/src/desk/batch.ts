// Verification batches as the API tells them (services/api/batches). Pure.

import type { Part } from "./Bar.svelte";
import type { CellNote } from "./import";

// What may be known of a name, what is done first.
export const STATES = ["FOUND", "MISMATCH", "NOT_FOUND", "PENDING"] as const;
export type State = (typeof STATES)[number];
export type Counts = Record<State, number> & { names: number };

export interface Batch extends Counts {
  id: string;
  title: string;
  source: string;
  by: string;
  created: string;
}

export interface Summary extends Counts {
  batches: number;
  open_batches: number;
}

// What a name was found by: an entry of a register, or an alert.
export interface Evidence {
  register: string;
  id: string;
  differs?: string[];
}

export interface Name {
  row: number;
  label: string;
  household: string | null;
  grid: string | null;
  plate: string | null;
  result: State;
  channel: "ONLINE" | "OFFLINE" | null;
  found: Evidence[];
  task: string | null;
  note: string | null;
  by: string;
  at: string;
  revision: number;
}

export interface Taken {
  created: number;
  changed: number;
  unchanged: number;
  rejected: { row: number; problems: CellNote[] }[];
}

export const TONE = { FOUND: "good", MISMATCH: "high", NOT_FOUND: "low", PENDING: "info" } as const;

// The parts of a bar; whoever is pending is its rest.
export const partsOf = (counts: Counts): Part[] => (["FOUND", "MISMATCH", "NOT_FOUND"] as const).map((state) => ({ tone: TONE[state], count: counts[state] }));

// Where what somebody was found by is shown.
export const pathOf = (found: Evidence): string =>
  found.register === "alert" ? `/alerts/${encodeURIComponent(found.id)}` : `/desk/registers/${encodeURIComponent(found.register)}/${encodeURIComponent(found.id)}`;

// Whether a batch may be called so (services/api/batches/routes.py).
export const isId = (text: string): boolean => /^[^/\s]{1,64}$/.test(text);

// The hours in which somebody has to look; null for what are none.
export function hoursOf(text: string): number | null {
  const hours = text.trim() === "" ? Number.NaN : Number(text);
  return hours > 0 && hours <= 720 ? hours : null;
}
