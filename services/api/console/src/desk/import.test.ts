import { expect, it } from "vitest";
import { formatOf, idOf } from "./import";

it("tells the kind of a table by its name", () => {
  expect(formatOf("第637批.XLSX")).toContain("spreadsheetml");
  expect([formatOf("a.csv"), formatOf("b.jsonl"), formatOf("photo.png"), formatOf("none")]).toEqual(["text/csv", "application/x-ndjson", null, null]);
});

it("finds the import in whatever form the answer has", () => {
  expect(idOf({ id: "a" }, new Headers())).toBe("a");
  expect(idOf({ import: "b" }, new Headers())).toBe("b");
  expect(idOf({}, new Headers({ Location: "/v1/imports/c%20d" }))).toBe("c d");
  expect(idOf({}, new Headers())).toBeNull();
});
