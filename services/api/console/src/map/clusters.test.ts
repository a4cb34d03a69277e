import { describe, expect, it } from "vitest";
import type { Alert } from "../api/types";
import { alertsBySite, clustered } from "./clusters";

function alert(id: string, site: string | undefined, more: Partial<Alert> = {}): Alert {
  return { id, severity: "medium", state: "open", ...(site === undefined ? {} : { site }), ...more } as Alert;
}

describe("alerts by site", () => {
  it("counts what lives, with the worst severity", () => {
    const found = alertsBySite([
      alert("1", "a"),
      alert("2", "a", { severity: "critical", state: "acked" }),
      alert("3", "a", { state: "resolved" }),
      alert("4", "b", { capped_by: "1" }),
      alert("5", "b", { silenced_by: ["s"] }),
      alert("6", undefined),
    ]);
    expect([...found]).toEqual([["a", { count: 2, worst: "critical" }]]);
  });
});

describe("clusters", () => {
  const alerts = new Map([
    ["a", { count: 1, worst: "low" as const }],
    ["b", { count: 4, worst: "critical" as const }],
    ["c", { count: 2, worst: "high" as const }],
  ]);

  it("join what lies close, at the place of the worst", () => {
    const pins = [{ site: "a", x: 0, y: 0 }, { site: "b", x: 10, y: 0 }, { site: "c", x: 200, y: 0 }, { site: "calm", x: 0, y: 0 }];
    const found = clustered(pins, alerts, 40);
    expect(found).toEqual([
      { sites: ["b", "a"], x: 10, y: 0, count: 5, worst: "critical" },
      { sites: ["c"], x: 200, y: 0, count: 2, worst: "high" },
    ]);
    expect(clustered([...pins].reverse(), alerts, 40)).toEqual(found);
  });
});
