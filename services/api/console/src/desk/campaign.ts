// Campaigns as the API tells them (services/api/campaigns), and what is sent to it. Pure.

import type { Texts } from "../api/types";
import type { Asked } from "../phone/field";
import type { Part } from "./Bar.svelte";
import { lines, type Person } from "./draft";

// How many tasks are in which state, in all or of one unit.
export interface Count {
  unit: string | null;
  total: number;
  offered: number;
  claimed: number;
  in_progress: number;
  done: number;
  evaluated: number;
  not_executable: number;
  cancelled: number;
  overdue: number;
  remainder: number;
}

export interface Campaign {
  id: string;
  revision: number;
  kind: string;
  state: "open" | "closed";
  title: Texts;
  author: string;
  created: string;
  about?: string;
  unit?: string;
  due?: string;
  closed?: string;
  closed_by?: string;
}

export interface Shown {
  campaign: Campaign;
  total: Count;
  units: Count[];
  summary: Record<string, unknown>;
}

// A kind of campaign, with what is known of an item: `GET /v1/campaigns/kinds`.
export interface Kind {
  kind: string;
  name: Texts;
  about: string;
  facts: Asked[];
  within_s: number;
}

// How far something has come; what was cancelled is not wanted any more.
export function progressOf(count: Count): { done: number; all: number; parts: Part[] } {
  const done = count.done + count.evaluated;
  return {
    done,
    all: count.total - count.cancelled,
    parts: [{ tone: "good", count: done }, { tone: "accent", count: count.claimed + count.in_progress }, { tone: "high", count: count.not_executable }],
  };
}

// What a kind adds up, by its sort: single figures, counts by what was said, and people.
export interface Sums {
  figures: [name: string, value: number | null][];
  tallies: [name: string, counts: Record<string, number>][];
  people: [name: string, persons: string[]][];
}

export function sumsOf(summary: Readonly<Record<string, unknown>>): Sums {
  const sums: Sums = { figures: [], tallies: [], people: [] };
  for (const [name, value] of Object.entries(summary)) {
    if (typeof value === "number" || value === null) sums.figures.push([name, value]);
    else if (Array.isArray(value)) sums.people.push([name, value.map(String)]);
    else if (typeof value === "object") sums.tallies.push([name, value as Record<string, number>]);
  }
  return sums;
}

// A pseudonym as short as a label of the API: person:1:3f9a… → person 3f9a….
export const shortOf = (person: string): string => person.replace(/^person:.*:(.{1,4}).*$/, "person $1…");

// Those whose numbers, or pseudonyms, were written one on each line.
export const personsOf = (text: string, idType: string): Person[] => lines(text).map((one) => (one.startsWith("person:") ? { person: one } : { id_type: idType, id_number: one }));

// The items of a form: one for each key, or for the person; what is empty is left out.
export function itemsOf(keys: string, person: Person | null, rest: Readonly<Record<string, string>>, facts: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  const given = Object.fromEntries(Object.entries(rest).flatMap(([name, value]) => (value.trim() ? [[name, value.trim()]] : [])));
  const said = { ...given, ...(Object.keys(facts).length ? { facts } : {}) };
  if (person !== null) {
    const number = person.id_number?.trim();
    const known = person.person?.trim();
    return number ? [{ person: { id_type: person.id_type ?? "resident_id", id_number: number }, ...said }] : known ? [{ person: { person: known }, ...said }] : [];
  }
  return lines(keys).map((key) => ({ key, ...said }));
}

export interface Room {
  facility: string;
  room: string;
  beds: string[];
}

// The rooms of a facility, one on each line: `101: 101a, 101b`; null where that is not so.
export function roomsOf(facility: string, text: string): Room[] | null {
  const given = text.split("\n").filter((line) => line.trim() !== "");
  const rooms = given.map((line) => {
    const [room = "", beds = ""] = line.split(/[:：](.*)/s, 2);
    return { facility: facility.trim(), room: room.trim(), beds: lines(beds.replaceAll(" ", ",")) };
  });
  return facility.trim() !== "" && rooms.length > 0 && rooms.every((one) => one.room !== "" && one.beds.length > 0) ? rooms : null;
}

// The field of a form that the server blames: `items[3].facts.need` → `facts.need`.
export const blamedOf = (field: string | null | undefined): string => (field ?? "").replace(/^(items|persons|rooms)\[\d+\]\.?/, "");
