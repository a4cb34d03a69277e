import { describe, expect, it } from "vitest";
import { bars, perOperatorHour, type Suppression, texts } from "./figures";

describe("what was kept quiet", () => {
  it("is sorted, with shares of the longest bar", () => {
    expect(bars({ a: 1, c: 4, b: 4 })).toEqual([
      { name: "b", count: 4, share: 1 },
      { name: "c", count: 4, share: 1 },
      { name: "a", count: 1, share: 0.25 },
    ]);
    expect(bars({})).toEqual([]);
  });

  it("says each reason once", () => {
    const item = (by: string, en: string) => ({ by, reason: { en, zh: en } }) as Suppression;
    expect(texts([item("permit", "first"), item("permit", "second")]).get("permit")?.en).toBe("first");
  });

  it("has no rate while nobody acts", () => {
    expect(perOperatorHour(12, 0)).toBeNull();
    expect(perOperatorHour(12, 8)).toBe(1.5);
  });
});
