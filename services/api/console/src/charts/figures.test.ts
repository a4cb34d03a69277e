import { describe, expect, it } from "vitest";
import type { Device } from "../gates/health";
import type { Site } from "../map/places";
import { alone, byRule, coverage, eventRates, inTime, type Pictures, precisions, type Step, stepOf, waits } from "./figures";

function step(minute: number, more: Partial<Step> = {}): Step {
  return { at: new Date(Date.UTC(2026, 2, 2, 10, minute)).toISOString(), raised: 0, actionable: 0, rules: {}, grids: {}, waited: 0, in_time: 0, acked_s: null, delay_ms: null, actors: 0, ...more };
}

function pictures(more: Partial<Pictures>): Pictures {
  return { since: "", until: "", step_s: 60, figures: { steps: [], precision: [], actionable: 0, operator_hours: 0 }, minutes: { at: [], accepted: [], rejected: [] }, ...more };
}

describe("events a second", () => {
  it("are gaps where nothing was told", () => {
    const at = [0, 1, 5].map((minute) => step(minute).at);
    const lines = eventRates(pictures({ minutes: { at, accepted: [60, 120, 600], rejected: [0, 6, 0] } }));
    expect(lines.values).toEqual([[1, 2, null, 10], [0, 0.1, null, 0]]);
    expect(lines.times).toHaveLength(4);
  });
});

describe("alerts by rule", () => {
  const steps = [step(0, { rules: { a: 3, b: 2, c: 1 } }), step(1, { rules: { b: 5 } })];

  it("are stacked with the most frequent at the bottom", () => {
    const stack = byRule(steps, 8);
    expect(stack.names).toEqual(["b", "a", "c"]);
    expect(stack.counts).toEqual([[2, 5], [3, 0], [1, 0]]);
    expect(stack.values).toEqual([[6, 5], [5, 5], [2, 5]]);
  });

  it("are one where there are too many rules", () => {
    const stack = byRule(steps, 2);
    expect(stack.names).toEqual(["b", ""]);
    expect(stack.counts).toEqual([[2, 5], [4, 0]]);
  });
});

describe("waiting", () => {
  it("has no share where nobody waited", () => {
    const steps = [step(0), step(1, { waited: 4, in_time: 3, acked_s: [30, 90] })];
    expect(inTime(steps).values).toEqual([[null, 75]]);
    expect(waits(steps).values).toEqual([[null, 30], [null, 90]]);
  });
});

describe("what alerts turned out to be", () => {
  it("counts confirmed against false", () => {
    const figures = { steps: [], actionable: 0, operator_hours: 0, precision: [{ rule: "fever", outcomes: { cleared: 1 } }, { rule: "watch", outcomes: { confirmed: 3, false: 1, duplicate: 2 } }] };
    const found = precisions(pictures({ figures }));
    expect(found.map((each) => [each.rule, each.total, each.precision])).toEqual([["watch", 6, 0.75], ["fever", 1, null]]);
  });
});

describe("coverage", () => {
  it("counts sites of a grid that were heard, the worst grid first", () => {
    const site = (id: string, grid?: string): Site => ({ id, name: id, role: "inner", zones: [], ...(grid === undefined ? {} : { grid }) });
    const device = (at: string, accepted: number) => ({ site: at, hour: { accepted } }) as Device;
    const found = coverage([site("a", "g1"), site("b", "g1"), site("c", "g2"), site("d")], [device("a", 4), device("b", 0), device("c", 1)], [step(0, { grids: { g1: 2, g9: 1 } })]);
    expect(found).toEqual([
      { grid: "g9", sites: 0, heard: 0, alerts: 1 },
      { grid: "g1", sites: 2, heard: 1, alerts: 2 },
      { grid: "g2", sites: 1, heard: 1, alerts: 0 },
      { grid: "", sites: 1, heard: 0, alerts: 0 },
    ]);
  });
});

describe("values without neighbours", () => {
  it("are found, at the ends too", () => {
    expect(alone([1, null, 2, 3, null, 0, null, 5])).toEqual([0, 5, 7]);
    expect(alone([])).toEqual([]);
  });
});

describe("steps", () => {
  it("make about a hundred points", () => {
    expect([6, 24, 168, 720].map(stepOf)).toEqual([300, 900, 7_200, 21_600]);
  });
});
