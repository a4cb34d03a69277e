import { describe, expect, it } from "vitest";
import type { Alert } from "../api/types";
import { chimeOf, everyMs, loudest } from "./sounding";

const alert = (given: Partial<Alert>): Alert => ({ severity: "high", state: "open", historical: false, ...given }) as Alert;

describe("the sound", () => {
  it("is of the worst that waits", () => {
    expect(loudest([alert({}), alert({ severity: "critical" }), alert({ escalation: 3 })])).toEqual({ severity: "critical", level: 0 });
  });

  it("is still where nobody is waited for", () => {
    expect(loudest([alert({ state: "acked" }), alert({ historical: true }), alert({ silenced_by: ["s"] }), alert({ capped_by: "s" }), alert({ severity: "medium" })])).toBeNull();
  });

  it("rises with every level, in loudness and in pace", () => {
    for (const severity of ["critical", "high"] as const) {
      const gains = [0, 1, 2, 3].map((level) => chimeOf({ severity, level })?.gain ?? 0);
      const waits = [0, 1, 2, 3].map((level) => everyMs({ severity, level }));
      expect(gains).toEqual([...gains].sort((a, b) => a - b));
      expect(waits).toEqual([...waits].sort((a, b) => b - a));
      expect(new Set(gains).size).toBe(4);
    }
    expect(chimeOf({ severity: "low", level: 0 })).toBeNull();
    expect(everyMs({ severity: "medium", level: 0 })).toBe(Number.POSITIVE_INFINITY);
  });
});
