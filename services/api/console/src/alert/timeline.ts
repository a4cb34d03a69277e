// Evidence in the order in which it happened, which need not be that in which it came.

import type { Evidence } from "../api/types";

export interface Step {
  evidence: Evidence;
  // How long after the one before, ms; null for the first.
  afterMs: number | null;
}

export function timeline(evidence: readonly Evidence[]): Step[] {
  const sorted = [...evidence].sort((a, b) => Date.parse(a.time) - Date.parse(b.time) || (a.id < b.id ? -1 : 1));
  return sorted.map((each, place) => ({
    evidence: each,
    afterMs: place === 0 ? null : Date.parse(each.time) - Date.parse((sorted[place - 1] as Evidence).time),
  }));
}
