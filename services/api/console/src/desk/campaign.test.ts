import { expect, it } from "vitest";
import { blamedOf, type Count, itemsOf, personsOf, progressOf, roomsOf, shortOf, sumsOf } from "./campaign";

const COUNT: Count = { unit: null, total: 12, offered: 3, claimed: 1, in_progress: 1, done: 2, evaluated: 3, not_executable: 1, cancelled: 1, overdue: 2, remainder: 6 };

it("leaves out of the progress what was cancelled", () => {
  expect(progressOf(COUNT)).toEqual({
    done: 5, all: 11, parts: [{ tone: "good", count: 5 }, { tone: "accent", count: 2 }, { tone: "high", count: 1 }],
  });
});

it("sorts what a kind adds up", () => {
  const summary = { coverage: null, listed: 3, missing: ["person:1:3f9a00"], health: { well: 2, untold: 1 } };
  expect(sumsOf(summary)).toEqual({
    figures: [["coverage", null], ["listed", 3]], tallies: [["health", { well: 2, untold: 1 }]], people: [["missing", ["person:1:3f9a00"]]],
  });
});

it("shows a pseudonym as the API labels it", () => {
  expect(shortOf("person:1:3f9a00bc")).toBe("person 3f9a…");
  expect(shortOf("house-1")).toBe("house-1");
});

it("makes an item of each key", () => {
  expect(itemsOf("house-1\nhouse-2，house-3", null, { grid: " grid-1 ", unit: "" }, { need: "food" })).toEqual([
    { key: "house-1", grid: "grid-1", facts: { need: "food" } }, { key: "house-2", grid: "grid-1", facts: { need: "food" } }, { key: "house-3", grid: "grid-1", facts: { need: "food" } },
  ]);
  expect(itemsOf(" ", null, {}, {})).toEqual([]);
});

it("makes an item of a person, by number or by pseudonym", () => {
  expect(itemsOf("", { id_number: " 1 " }, {}, {})).toEqual([{ person: { id_type: "resident_id", id_number: "1" } }]);
  expect(itemsOf("", { person: "person:1:ab" }, {}, {})).toEqual([{ person: { person: "person:1:ab" } }]);
  expect(itemsOf("", {}, {}, {})).toEqual([]);
});

it("reads people line by line", () => {
  expect(personsOf("E1234567\nperson:1:ab\n", "passport")).toEqual([{ id_type: "passport", id_number: "E1234567" }, { person: "person:1:ab" }]);
});

it("reads rooms with their beds", () => {
  expect(roomsOf(" hotel ", "101: a, b\n\n102：c d\n")).toEqual([{ facility: "hotel", room: "101", beds: ["a", "b"] }, { facility: "hotel", room: "102", beds: ["c", "d"] }]);
  expect([roomsOf("hotel", ""), roomsOf("", "101: a"), roomsOf("hotel", "101"), roomsOf("hotel", ": a")]).toEqual([null, null, null, null]);
});

it("finds the control that the server blames", () => {
  expect([blamedOf("items[3].facts.need"), blamedOf("persons[0].id_number"), blamedOf("due"), blamedOf(null)]).toEqual(["facts.need", "id_number", "due", ""]);
});
