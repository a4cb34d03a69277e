// What stands in the controls of a form, and the value that it makes. Texts of controls are kept as
// they are typed; reading them says what is wrong, by field. Pure.

import type { Field } from "./fields";
import { fromLocal, toLocal } from "./local";

export interface Person {
  person?: string;
  id_type?: string;
  id_number?: string;
}

// A person of a list is edited in one line: a pseudonym, a type and a number, or a name.
export type Cell = string | Person | Person[] | Draft;
export interface Draft {
  [name: string]: Cell;
}

export type Fault = "missing" | "number" | "json" | "instant" | "day" | "pairs" | "point";
export interface Faults {
  [path: string]: Fault;
}

export const ID_TYPES = ["resident_id", "passport", "hk_macau_permit", "tw_permit", "foreign_permit", "other"] as const;

// The draft of an entry, or of a new one. `zone` is the deployment's.
export function draftOf(fields: readonly Field[], data: Record<string, unknown>, zone: string): Draft {
  return Object.fromEntries(fields.map((field) => [field.name, cellOf(field, data[field.name], zone)]));
}

function cellOf(field: Field, value: unknown, zone: string): Cell {
  switch (field.kind) {
    case "person":
      return (value as Person | null) ?? {};
    case "persons":
    case "members":
      return ((value as (Person | string)[] | null) ?? []).map((one) => (typeof one === "string" ? { person: one } : one));
    case "group":
      return draftOf(field.fields, (value as Record<string, unknown> | null) ?? {}, zone);
    default:
      return value === undefined || value === null ? "" : textOf(field, value, zone);
  }
}

function textOf(field: Field, value: unknown, zone: string): string {
  switch (field.kind) {
    case "instant":
      return toLocal(String(value), zone);
    case "texts":
    case "choices":
      return (value as string[]).join("\n");
    case "point":
      return (value as number[]).join(", ");
    case "pairs":
      return Object.entries(value as Record<string, string>).map(([name, each]) => `${name}=${each}`).join("\n");
    case "json":
      return JSON.stringify(value, null, 1);
    default:
      return String(value);
  }
}

// The entry that a draft makes; what is empty is left out. Faults are by path: `position.lon`.
export function valueOf(fields: readonly Field[], draft: Draft, zone: string, path = ""): { value: Record<string, unknown>; faults: Faults } {
  const value: Record<string, unknown> = {};
  const faults: Faults = {};
  for (const field of fields) {
    const at = path + field.name;
    const cell = draft[field.name] ?? "";
    if (field.kind === "group") {
      const inner = valueOf(field.fields, cell as Draft, zone, `${at}.`);
      const given = Object.keys(inner.value).length > 0;
      if (given || field.required) Object.assign(faults, inner.faults);
      if (given) value[field.name] = inner.value;
      continue;
    }
    const made = read(field, cell, zone);
    if ("fault" in made) faults[at] = made.fault;
    else if (made.value !== undefined) value[field.name] = made.value;
    else if (field.required) faults[at] = "missing";
  }
  return { value, faults };
}

type Read = { value: unknown } | { fault: Fault };

function read(field: Field, cell: Cell, zone: string): Read {
  if (field.kind === "person") return { value: personOf(cell as Person, false) };
  if (field.kind === "persons" || field.kind === "members") {
    const all = (cell as Person[]).map((one) => personOf(one, field.kind === "members")).filter((one) => one !== undefined);
    return { value: all.length ? all : undefined };
  }
  const text = (cell as string).trim();
  if (text === "") return { value: undefined };
  switch (field.kind) {
    case "number":
    case "integer": {
      const number = Number(text);
      return Number.isFinite(number) && (field.kind === "number" || Number.isInteger(number)) ? { value: number } : { fault: "number" };
    }
    case "yes-no":
      return { value: text === "true" };
    case "instant": {
      const instant = fromLocal(text, zone);
      return instant === null ? { fault: "instant" } : { value: instant };
    }
    case "day":
      return /^\d{4}-\d{2}-\d{2}$/.test(text) ? { value: text } : { fault: "day" };
    case "texts":
    case "choices":
      return { value: lines(text) };
    case "point": {
      const [lon, lat, ...more] = text.split(/[,，\s]+/).map(Number);
      return lon !== undefined && lat !== undefined && !more.length && [lon, lat].every(Number.isFinite) ? { value: [lon, lat] } : { fault: "point" };
    }
    case "pairs": {
      const pairs = lines(text).map((line) => line.split(/[=＝](.*)/s, 2).map((part) => part.trim()));
      return pairs.every((pair) => pair.length === 2 && pair[0] && pair[1]) ? { value: Object.fromEntries(pairs) } : { fault: "pairs" };
    }
    case "json":
      try {
        return { value: JSON.parse(text) };
      } catch {
        return { fault: "json" };
      }
    default:
      return { value: text };
  }
}

// A name stands where a pseudonym would: only whoever is on duty may be given by name.
function personOf(given: Person, mayBeName: boolean): Person | string | undefined {
  const number = given.id_number?.trim();
  if (number) return { id_type: given.id_type || "resident_id", id_number: number };
  const person = given.person?.trim();
  if (!person) return undefined;
  return mayBeName && !person.startsWith("person:") ? person : { person };
}

// What was written in lines, or with commas between.
export const lines = (text: string): string[] => text.split(/[\n,，;；]+/).map((line) => line.trim()).filter(Boolean);

// The path of a problem that the server names, as a form knows it: `$.position.lon` → `position.lon`,
// `persons[0].id_number` → `persons`.
export function fieldOf(told: string | null, fields: readonly Field[]): string | null {
  if (told === null) return null;
  const path = told.replace(/^(\$\.?|data\.|body\.)+/, "").replace(/\[.*$/, "");
  const [first = "", second] = path.split(".");
  const field = fields.find((one) => one.name === first);
  if (field === undefined) return null;
  return field.kind === "group" && second !== undefined ? `${first}.${second}` : first;
}
