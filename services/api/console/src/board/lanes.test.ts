import { describe, expect, it } from "vitest";
import type { Alert } from "../api/types";
import { type Bundle, type Item, lanesOf, listed, newer } from "./lanes";

const siteName = (id: string) => (id === "Gate-North" ? "北门 north exit" : id);
const ALL = { shown: "active", text: "", siteName } as const;
const alert = (id: string, given: Partial<Alert> = {}): Alert => ({
  id,
  revision: 1,
  rule: "fever",
  rule_version: "1.0",
  policy_version: "default@0",
  severity: "high",
  evidence_class: "person",
  state: "open",
  subject: { kind: "person", key: `person:1:${id}`, label: `person ${id}…` },
  first_seen: "2026-02-01T08:00:00Z",
  last_seen: "2026-02-01T08:00:00Z",
  count: 1,
  historical: false,
  evidence: [],
  reason: { en: "It is so.", zh: "情况如此。" },
  ...given,
});
const known = (...alerts: Alert[]): Map<string, Item> => new Map(alerts.map((each) => [each.id, { alert: each, unread: false }]));
const ids = (bundles: readonly Bundle[]) => bundles.map((bundle) => bundle.lead.alert.id);

describe("lanes", () => {
  it("bundles an incident in the lane of its worst alert", () => {
    const lanes = lanesOf(known(alert("a", { incident: "order:1", severity: "medium" }), alert("b", { incident: "order:1", severity: "critical" }), alert("c", { severity: "info" })), ALL, new Map());
    expect(ids(lanes.critical)).toEqual(["b"]);
    expect(lanes.critical[0]?.others.map((item) => item.alert.id)).toEqual(["a"]);
    expect(ids(lanes.low)).toEqual(["c"]);
    expect(lanes.medium).toEqual([]);
  });

  it("puts what nobody has taken on first, then what is newest", () => {
    const lanes = lanesOf(known(alert("taken", { state: "acked", last_seen: "2026-02-01T09:00:00Z" }), alert("old"), alert("new", { last_seen: "2026-02-01T08:30:00Z" }), alert("hushed", { silenced_by: ["s"], last_seen: "2026-02-01T09:30:00Z" })), ALL, new Map());
    expect(ids(lanes.high)).toEqual(["new", "old", "taken", "hushed"]);
  });

  it("leaves out what a summary stands for, as long as the summary lives", () => {
    const summary = alert("s", { subject: { kind: "group", key: "group:fever/g", label: "60" } });
    const behind = alert("b", { capped_by: "s" });
    expect(listed(behind, ALL, known(summary, behind))).toBe(false);
    expect(listed(behind, ALL, known({ ...summary, state: "resolved" }, behind))).toBe(true);
  });

  it("keeps the objects of what has not changed, so that it is not drawn again", () => {
    const items = known(alert("a"), alert("b"));
    const first = lanesOf(items, ALL, new Map());
    const before = new Map(first.high.map((bundle) => [bundle.id, bundle]));
    items.set("b", { alert: alert("b", { revision: 2, count: 2 }), unread: true });
    const second = lanesOf(items, ALL, before);
    expect(second.high.find((bundle) => bundle.id === "a")).toBe(before.get("a"));
    expect(second.high.find((bundle) => bundle.id === "b")).not.toBe(before.get("b"));
    expect(second.high.find((bundle) => bundle.id === "b")?.unread).toBe(1);
  });

  it("finds by any text, whatever its case", () => {
    const items = known(alert("a", { site: "Gate-North" }), alert("b"));
    for (const [text, found] of [[" gate-n", ["a"]], ["北门", ["a"]], ["North E", ["a"]], ["情况", ["a", "b"]]] as const) {
      expect(ids(lanesOf(items, { ...ALL, text }, new Map()).high)).toEqual(found);
    }
  });

  it("takes only newer revisions", () => {
    expect(newer(undefined, alert("a"))).toBe(true);
    expect(newer(alert("a", { revision: 2 }), alert("a"))).toBe(false);
  });
});
