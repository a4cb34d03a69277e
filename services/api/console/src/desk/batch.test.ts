import { expect, it } from "vitest";
import { type Counts, hoursOf, isId, partsOf, pathOf } from "./batch";

it("draws whoever is pending as the rest of the bar", () => {
  const counts: Counts = { names: 10, FOUND: 4, MISMATCH: 1, NOT_FOUND: 2, PENDING: 3 };
  expect(partsOf(counts)).toEqual([{ tone: "good", count: 4 }, { tone: "high", count: 1 }, { tone: "low", count: 2 }]);
});

it("leads to what somebody was found by", () => {
  expect(pathOf({ register: "arrival-notice", id: "notice 1" })).toBe("/desk/registers/arrival-notice/notice%201");
  expect(pathOf({ register: "alert", id: "3f" })).toBe("/alerts/3f");
});

it("knows what a batch may be called", () => {
  expect(["notice-637", "来函637号"].every(isId)).toBe(true);
  expect(["", "a b", "a/b", "x".repeat(65)].some(isId)).toBe(false);
});

it("takes hours as the API does", () => {
  expect([hoursOf("24"), hoursOf(" 0.5 "), hoursOf("720")]).toEqual([24, 0.5, 720]);
  expect([hoursOf(""), hoursOf("0"), hoursOf("721"), hoursOf("soon")]).toEqual([null, null, null, null]);
});
