// What the board shows, as a pure function of the alerts it knows: incidents in lanes of severity.

import type { Alert, Severity, State } from "../api/types";

export const LANES = ["critical", "high", "medium", "low"] as const;
export type Lane = (typeof LANES)[number];
// Info has no lane of its own: it stands at the end of the lowest one.
export const laneOf = (severity: Severity): Lane => (severity === "info" ? "low" : severity);

export type Shown = "active" | "open" | "closed";
export const STATES: Record<Shown, readonly State[]> = {
  active: ["open", "acked", "dispatched"],
  open: ["open"],
  closed: ["resolved", "retracted"],
};

export interface Item {
  alert: Alert;
  // Raised, reopened or escalated while this board was open, and not looked at since.
  unread: boolean;
  // Who changed it last, where that was a person.
  actor?: string | undefined;
}

// All alerts of one incident that are shown: one household, vehicle, person or site.
export interface Bundle {
  id: string;
  lead: Item;
  // The others, the worst and newest first.
  others: readonly Item[];
  unread: number;
  // Changes with whatever is shown of it.
  mark: string;
}

export interface Wish {
  shown: Shown;
  text: string;
  siteName: (id: string) => string;
}

const RANK: Record<Severity, number> = { critical: 0, high: 1, medium: 2, low: 3, info: 4 };
// What nobody has taken on stands first.
const STATE_RANK: Record<State, number> = { open: 0, acked: 1, dispatched: 2, resolved: 3, retracted: 3 };

export function before(a: Item, b: Item): number {
  const one = a.alert;
  const two = b.alert;
  return (
    RANK[one.severity] - RANK[two.severity] ||
    Number(silenced(one)) - Number(silenced(two)) ||
    STATE_RANK[one.state] - STATE_RANK[two.state] ||
    (one.last_seen < two.last_seen ? 1 : one.last_seen > two.last_seen ? -1 : one.id < two.id ? -1 : 1)
  );
}

export const silenced = (alert: Alert): boolean => (alert.silenced_by?.length ?? 0) > 0;

// Whether an alert is listed: in the wished state, with the text in it, and not behind a summary
// that still stands for it.
export function listed(alert: Alert, wish: Wish, known: ReadonlyMap<string, Item>): boolean {
  if (!STATES[wish.shown].includes(alert.state)) return false;
  if (alert.capped_by !== undefined && wish.shown !== "closed") {
    const summary = known.get(alert.capped_by)?.alert;
    if (summary !== undefined && STATES.active.includes(summary.state)) return false;
  }
  return wish.text === "" || holds(alert, wish.text, wish.siteName);
}

export function holds(alert: Alert, text: string, siteName: (id: string) => string): boolean {
  const wanted = text.trim().toLocaleLowerCase();
  const parts = [alert.id, alert.rule, alert.subject.label, alert.subject.key, alert.site, alert.site && siteName(alert.site), alert.grid, alert.order, alert.assignee, alert.note, alert.reason.en, alert.reason.zh];
  return parts.some((part) => part?.toLocaleLowerCase().includes(wanted));
}

// The lanes, each with the incidents whose worst alert is of its severity. Bundles that have not
// changed are the same objects as before, so that nothing of them is drawn again.
export function lanesOf(known: ReadonlyMap<string, Item>, wish: Wish, previous: ReadonlyMap<string, Bundle>): Record<Lane, Bundle[]> {
  const members = new Map<string, Item[]>();
  for (const item of known.values()) {
    if (!listed(item.alert, wish, known)) continue;
    const id = item.alert.incident ?? item.alert.id;
    const those = members.get(id);
    if (those === undefined) members.set(id, [item]);
    else those.push(item);
  }
  const lanes: Record<Lane, Bundle[]> = { critical: [], high: [], medium: [], low: [] };
  for (const [id, items] of members) {
    if (items.length > 1) items.sort(before);
    const [lead, ...others] = items as [Item, ...Item[]];
    const mark = items.map(({ alert, unread }) => `${alert.id}/${alert.revision}/${unread ? 1 : 0}`).join(" ");
    const old = previous.get(id);
    const bundle = old?.mark === mark ? old : { id, lead, others, unread: items.filter((item) => item.unread).length, mark };
    lanes[laneOf(lead.alert.severity)].push(bundle);
  }
  for (const lane of LANES) lanes[lane].sort((a, b) => before(a.lead, b.lead));
  return lanes;
}

// Whether a newer revision of an alert replaces the one that is known.
export const newer = (known: Alert | undefined, told: Alert): boolean => known === undefined || told.revision > known.revision;
