// What was kept quiet, added up for the page. Pure.

import type { Texts } from "../api/types";

export interface Suppression {
  rule: string;
  by: string;
  count: number;
  first_seen: string;
  last_seen: string;
  example: { source: string; id: string };
  reason: Texts;
  site?: string;
  effect?: "prevents" | "withdraws" | "lowers";
}

export interface Suppressions {
  since: string;
  until: string;
  items: Suppression[];
  totals: { count: number; rows: number; rules: Record<string, number>; reasons: Record<string, number> };
}

export interface Bar {
  name: string;
  count: number;
  share: number;
}

// The most frequent first, each with its share of the longest bar.
export function bars(counts: Readonly<Record<string, number>>): Bar[] {
  const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const most = sorted[0]?.[1] ?? 1;
  return sorted.map(([name, count]) => ({ name, count, share: count / most }));
}

// What a reason says, from any row that has it; a reason without a row is shown by its code.
export function texts(items: readonly Suppression[]): Map<string, Texts> {
  const found = new Map<string, Texts>();
  for (const item of items) if (!found.has(item.by)) found.set(item.by, item.reason);
  return found;
}

// Alerts that ask for action in each hour in which somebody acted; null = nobody acted.
export function perOperatorHour(actionable: number, operatorHours: number): number | null {
  return operatorHours === 0 ? null : actionable / operatorHours;
}
