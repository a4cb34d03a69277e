import { describe, expect, it } from "vitest";
import { CARD_PX, GAP_PX, indexAt, topsOf, visible } from "./windows";

const STEP = CARD_PX + GAP_PX;
const thousand = Array.from({ length: 1_000 }, (_, place) => place);

describe("the window of a lane", () => {
  it("draws a few of a thousand cards, wherever it stands", () => {
    const tops = topsOf(thousand, () => 0);
    expect(tops.at(-1)).toBe(1_000 * STEP);
    for (const from of [0, 300 * STEP + 17, 995 * STEP]) {
      const drawn = visible(thousand, tops, from, 800);
      expect(drawn.length).toBeLessThan(16);
      expect(drawn.some(({ top }) => top <= from && from < top + STEP)).toBe(true);
    }
  });

  it("leaves room for a card that is opened", () => {
    const tops = topsOf(thousand, (item) => (item === 1 ? 60 : 0));
    expect(tops[1]).toBe(STEP);
    expect(tops[2]).toBe(2 * STEP + 60);
    expect(visible(thousand, tops, 0, 100)[1]?.height).toBe(CARD_PX + 60);
  });

  it("finds the card at a height", () => {
    const tops = topsOf([1, 2, 3], () => 0);
    expect([0, STEP - 1, STEP, 99_999].map((height) => indexAt(tops, height))).toEqual([0, 0, 1, 3]);
  });

  it("draws nothing of nothing", () => {
    expect(visible([], topsOf([], () => 0), 0, 800)).toEqual([]);
  });
});
