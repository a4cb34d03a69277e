// Tasks as the API tells them, and what a reader may do with one. Pure.

import type { Role, Task } from "../api/types";

export interface Step {
  n: number;
  at: string;
  actor: string;
  act: string;
  state: string;
  note?: string;
}

export type Deed = "claim" | "start" | "wait" | "resume" | "done" | "not-executable" | "offer" | "evaluate" | "cancel" | "note";

const OPEN: readonly string[] = ["offered", "claimed", "in-progress"];
const ACTORS: readonly Role[] = ["dispatcher", "supervisor", "admin"];
const LEADERS: readonly Role[] = ["supervisor", "admin"];

export const isOpen = (task: Task): boolean => OPEN.includes(task.state);

// What may be done next, the likeliest first (docs/tasks.md, the life of a task).
export function deedsOf(task: Task, name: string, role: Role): Deed[] {
  if (!ACTORS.includes(role)) return [];
  const leads = LEADERS.includes(role);
  const holds = leads || task.assignee === name;
  const found: Deed[] = [];
  if (task.state === "offered") found.push("claim");
  if (task.state === "claimed" && holds) found.push("start");
  if ((task.state === "claimed" || task.state === "in-progress") && holds) found.push("done");
  if (task.state === "done" && leads && task.assignee !== name) found.push("evaluate");
  if (isOpen(task) && holds) found.push(task.waiting === undefined ? "wait" : "resume", "not-executable");
  if ((isOpen(task) || task.state === "not-executable") && (holds || task.assignee === undefined)) found.push("offer");
  if (leads && (isOpen(task) || task.state === "not-executable")) found.push("cancel");
  return [...found, "note"];
}

// The states that a tab of the list shows; "mine" is every one that somebody has in hand.
export const TABS = { queue: ["offered"], open: ["claimed", "in-progress"], done: ["done"], ended: ["evaluated", "not-executable", "cancelled"] } as const;
export type Tab = keyof typeof TABS;
