// The order in which things are sent, and what becomes of each by the server's answer. Pure.

import type { Item, TaskWork } from "./item";

// Ingest takes more; a weak network rather takes several small requests than a large one.
export const BATCH = 20;
export const KEPT_MS = 24 * 3_600_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;

// What is sent next: the oldest that waits, and behind a report all reports that directly follow.
// Deeds go one by one, since each depends on what became of the one before.
export function next(items: readonly Item[], author: string): Item[] {
  const waiting = items.filter((item) => item.author === author && (item.state === "queued" || item.state === "sending")).sort(byTime);
  const first = waiting[0];
  if (first === undefined || first.work.kind === "task") return first === undefined ? [] : [first];
  const end = waiting.findIndex((item) => item.work.kind === "task");
  return waiting.slice(0, Math.min(BATCH, end < 0 ? waiting.length : end));
}

// Those behind a refused deed on the same task: what they rest on did not happen.
export function resting(items: readonly Item[], refused: Item): Item[] {
  const { work } = refused;
  if (work.kind !== "task") return [];
  return items.filter(
    (item) => item.state === "queued" && item.author === refused.author && item.work.kind === "task" && item.work.task === work.task && byTime(refused, item) < 0,
  );
}

export interface Answered {
  accepted: number;
  duplicates: number;
  rejected?: { index: number; problem: { detail?: string | null; title: string; field?: string | null } }[];
}

// What became of reports that were sent together. One that the server has already is sent, too.
export function reported(items: readonly Item[], answer: Answered, nowMs: number): Item[] {
  const refused = new Map((answer.rejected ?? []).map((one) => [one.index, one.problem]));
  return items.map((item, index) => {
    const problem = refused.get(index);
    return problem === undefined ? sent(item, nowMs) : refuse(item, problem.detail ?? problem.title, problem.field ?? undefined, nowMs);
  });
}

export function sent(item: Item, nowMs: number): Item {
  return { ...item, state: "sent", settledMs: nowMs };
}

export function refuse(item: Item, reason: string, field: string | undefined, nowMs: number): Item {
  return { ...item, state: "refused", reason, ...(field === undefined ? {} : { field }), settledMs: nowMs };
}

export interface Standing {
  revision: number;
  state: string;
  assignee?: string;
  result?: string;
  reason?: string;
  note?: string;
}

// Whether a deed that met a conflict had arrived before, its answer lost: the task is as it leaves it.
export function arrived(work: TaskWork, task: Standing, author: string): boolean {
  const mine = task.assignee === author;
  const ended = task.state === "done" || task.state === "evaluated";
  switch (work.deed) {
    case "claim":
      return mine && (task.state === "claimed" || task.state === "in-progress" || ended);
    case "start":
      return mine && (task.state === "in-progress" || ended);
    case "done":
      return mine && ended && task.result === work.body.result;
    case "not-executable":
      return mine && task.state === "not-executable" && task.reason === work.body.reason;
    case "offer":
      return task.state === "offered";
    case "note":
      return task.note === work.body.note;
  }
}

// How long to wait after so many failures in a row; `chance` (0 to 1) keeps handhelds apart.
export function waitMs(failures: number, chance: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1)) * (0.75 + chance / 2);
}

// What may be forgotten: what was sent more than a day ago. What was refused stays until it is seen.
export function forgotten(items: readonly Item[], nowMs: number): Item[] {
  return items.filter((item) => item.state === "sent" && (item.settledMs ?? nowMs) < nowMs - KEPT_MS);
}

export interface Counts {
  waiting: number;
  refused: number;
}

export function counts(items: readonly Item[], author: string): Counts {
  const own = items.filter((item) => item.author === author);
  const among = (...states: Item["state"][]) => own.filter((item) => states.includes(item.state)).length;
  return { waiting: among("queued", "sending"), refused: among("refused") };
}

// The deeds on a task that what was read of it at `readMs` does not know yet.
export function unknown(id: string, items: readonly Item[], author: string, readMs: number): Item[] {
  const fresh = (item: Item) => item.state === "queued" || item.state === "sending" || (item.state === "sent" && (item.settledMs ?? 0) >= readMs);
  return items.filter((item) => item.author === author && item.work.kind === "task" && item.work.task === id && fresh(item)).sort(byTime);
}

// A task as the officer has left it: what it was when it was read, and what they have done since.
export function foreseen<T extends Standing & { id: string }>(task: T, items: readonly Item[], author: string, readMs: number): T {
  return unknown(task.id, items, author, readMs).reduce((seen, item) => {
    const work = item.work as TaskWork;
    const after = AFTER[work.deed];
    return { ...seen, ...(after === undefined ? {} : { state: after }), ...(work.deed === "claim" ? { assignee: author } : {}), ...(work.body.result === undefined ? {} : { result: work.body.result }) };
  }, task);
}

const AFTER: Partial<Record<TaskWork["deed"], string>> = {
  claim: "claimed",
  start: "in-progress",
  done: "done",
  "not-executable": "not-executable",
  offer: "offered",
};

// Two of one millisecond keep the order of their ids, so that the order is the same each time.
function byTime(a: Item, b: Item): number {
  return Date.parse(a.made) - Date.parse(b.made) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
