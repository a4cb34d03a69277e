import { expect, it } from "vitest";
import { type Asked, answersOf, namesOf, type Shift, shiftsAt } from "./field";

const shift = (id: string, start: string, end: string, ...members: Shift["members"]): Shift => ({ id, place: "gate", start: `2026-03-01T${start}:00Z`, end: `2026-03-01T${end}:00Z`, members });
const at = (time: string) => Date.parse(`2026-03-01T${time}:00Z`);

it("offers the shifts that somebody may sign in to now, their own first", () => {
  const shifts = [shift("early", "00:00", "06:00", "wang"), shift("late", "12:00", "20:00", "li"), shift("day", "06:00", "14:00", "li", { person: "person:1:ab" })];
  expect(shiftsAt(shifts, "li", at("07:00")).map((one) => one.id)).toEqual(["day", "early"]);
  expect(shiftsAt(shifts, "li", at("10:00")).map((one) => one.id)).toEqual(["day", "late"]);
  expect(namesOf(shifts[2] as Shift)).toEqual(["li"]);
});

it("reads the answers of a campaign's form", () => {
  const ask = (name: string, type: Asked["type"], required = true): Asked => ({ name, type, required, asks: { en: name, zh: name } });
  const form = [ask("home", "yes-no"), ask("people", "integer"), ask("t", "number"), ask("who", "person", false), ask("at", "instant", false), ask("text", "text", false)];
  expect(answersOf(form, { home: "false", people: "3", t: "36.8", who: "person:1:ab", at: "2026-03-01T00:00Z", text: " " })).toEqual({
    answers: { home: false, people: 3, t: 36.8, who: { person: "person:1:ab" }, at: "2026-03-01T00:00:00.000Z" },
    wrong: {},
  });
  expect(answersOf(form, { people: "many", who: "330421195702160002", t: "1" })).toEqual({
    answers: { t: 1, who: { id_type: "resident_id", id_number: "330421195702160002" } },
    wrong: { home: "missing", people: "number" },
  });
});
