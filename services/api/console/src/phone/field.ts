// What the phone reads of the API, and keeps for when there is no network.

import type { Task, Texts } from "../api/types";

export interface TaskKind {
  kind: string;
  name: Texts;
  results: string[];
}

// A field of a campaign's form, as `GET /v1/campaigns/kinds` tells it.
export interface Asked {
  name: string;
  type: "text" | "choice" | "integer" | "number" | "yes-no" | "day" | "instant" | "person";
  asks: Texts;
  required?: boolean;
  options?: string[];
  least?: number;
  most?: number;
}

export interface Campaign {
  kind: string;
  answers: Asked[];
}

export interface Shift {
  id: string;
  place: string;
  start: string;
  end: string;
  members: (string | { person?: string })[];
  order?: string;
}

export interface Lists {
  mine: Task[];
  unit: Task[];
  // What is offered to whomever: all that somebody sees who belongs to no unit.
  offered: Task[];
  kinds: TaskKind[];
  campaigns: Campaign[];
  shifts: Shift[];
  atMs: number;
}

const SOON_MS = 2 * 3_600_000;

// Shifts that somebody may sign in to or out of at an instant: those that run, begin soon or have
// just ended, their own first.
export function shiftsAt(shifts: readonly Shift[], name: string, nowMs: number): Shift[] {
  const near = shifts.filter((shift) => Date.parse(shift.start) - SOON_MS <= nowMs && nowMs < Date.parse(shift.end) + SOON_MS);
  const own = (shift: Shift) => Number(shift.members.includes(name));
  return near.sort((a, b) => own(b) - own(a) || Date.parse(a.start) - Date.parse(b.start));
}

// The names on a shift; who is filed by an identifier only cannot sign in by name.
export const namesOf = (shift: Shift): string[] => shift.members.filter((member) => typeof member === "string");

// What is in the controls of a campaign's form, as the API takes it; `wrong` names what is missing or
// no number.
export function answersOf(asked: readonly Asked[], typed: Readonly<Record<string, string>>): { answers: Record<string, unknown>; wrong: Record<string, "missing" | "number"> } {
  const answers: Record<string, unknown> = {};
  const wrong: Record<string, "missing" | "number"> = {};
  for (const one of asked) {
    const text = (typed[one.name] ?? "").trim();
    if (text === "") {
      if (one.required ?? true) wrong[one.name] = "missing";
    } else if (one.type === "yes-no") answers[one.name] = text === "true";
    else if (one.type === "integer" || one.type === "number") {
      const number = Number(text);
      if (Number.isFinite(number)) answers[one.name] = number;
      else wrong[one.name] = "number";
    } else if (one.type === "person") answers[one.name] = text.startsWith("person:") ? { person: text } : { id_type: "resident_id", id_number: text };
    else if (one.type === "instant") answers[one.name] = new Date(text).toISOString();
    else answers[one.name] = text;
  }
  return { answers, wrong };
}
