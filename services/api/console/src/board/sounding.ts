// When the room is to hear something, and how loud: a pure function of what waits. It begins soft and
// rises with every level that an alert escalates; once everything is taken on it is still.

import type { Alert, Severity } from "../api/types";

export interface Tone {
  severity: Severity;
  level: number;
}

export interface Chime {
  // The notes, in Hz, one after another.
  notes: readonly number[];
  gain: number;
}

const CHIMES: Partial<Record<Severity, readonly number[]>> = {
  critical: [880, 660, 880],
  high: [660, 880],
  medium: [520],
};
const GAINS = [0.1, 0.22, 0.4, 0.65];
const EVERY_MS: Partial<Record<Severity, readonly number[]>> = {
  critical: [20_000, 12_000, 7_000, 4_000],
  high: [60_000, 30_000, 20_000, 12_000],
};

// Whether an alert waits for somebody to take it on: what is historical, silenced or stands behind a
// summary waits for nobody.
export const waits = (alert: Alert): boolean => alert.state === "open" && !alert.historical && !alert.silenced_by?.length && alert.capped_by === undefined;

export const chimeOf = ({ severity, level }: Tone): Chime | null => {
  const notes = CHIMES[severity];
  return notes ? { notes, gain: GAINS[Math.min(level, 3)] as number } : null;
};

// The loudest that waits, or null.
export function loudest(alerts: Iterable<Alert>): Tone | null {
  let found: Tone | null = null;
  for (const alert of alerts) {
    if (!waits(alert) || EVERY_MS[alert.severity] === undefined) continue;
    const tone = { severity: alert.severity, level: alert.escalation ?? 0 };
    if (found === null || (tone.severity === "critical" && found.severity !== "critical") || (tone.severity === found.severity && tone.level > found.level)) found = tone;
  }
  return found;
}

// How long to wait until the tone is heard again, ms.
export const everyMs = ({ severity, level }: Tone): number => EVERY_MS[severity]?.[Math.min(level, 3)] ?? Number.POSITIVE_INFINITY;
