import { expect, it } from "vitest";
import { timeline } from "./timeline";

const at = (id: string, time: string) => ({ source: "gate", id, type: "cordon.health-check.v1", time });

it("orders evidence by when it happened, whatever its offset", () => {
  const steps = timeline([at("c", "2026-02-01T16:10:00+08:00"), at("a", "2026-02-01T08:00:00Z"), at("b", "2026-02-01T08:05:00Z")]);
  expect(steps.map(({ evidence, afterMs }) => [evidence.id, afterMs])).toEqual([["a", null], ["b", 300_000], ["c", 300_000]]);
});
