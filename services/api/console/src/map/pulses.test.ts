import { describe, expect, it } from "vitest";
import { beat, type Pulse, Rates, ringSize } from "./pulses";

function pulse(second: number, sites: Record<string, number>): Pulse {
  return { n: second, at: new Date(Date.UTC(2026, 2, 2, 10, 0, second)).toISOString(), sites };
}

describe("the pulse of the sites", () => {
  it("counts the last minute and forgets what is older", () => {
    const rates = new Rates();
    rates.add([pulse(0, { a: 5 }), pulse(1, { a: 1, b: 2 })]);
    expect([rates.perMinute("a"), rates.perMinute("b"), rates.total()]).toEqual([6, 2, 8]);
    rates.add([pulse(60, { b: 1 })]);
    expect([rates.perMinute("a"), rates.perMinute("b")]).toEqual([1, 3]);
    rates.add([pulse(200, {})]);
    expect(rates.total()).toBe(0);
  });

  it("adds up what came since the last look", () => {
    expect([...beat([pulse(0, { a: 1 }), pulse(0, { a: 2, b: 1 })])]).toEqual([["a", 3], ["b", 1]]);
  });

  it("grows by one step with ten times the events", () => {
    expect(ringSize(10) - ringSize(1)).toBe(ringSize(100) - ringSize(10));
    expect(ringSize(0)).toBe(ringSize(1));
  });
});
