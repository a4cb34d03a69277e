import { expect, it } from "vitest";
import { filled, matcherOf, OPERATORS, operatorOf } from "./matchers";

it("says each operator in Alertmanager's words, and back", () => {
  for (const operator of OPERATORS) expect(operatorOf(matcherOf({ name: "site", operator, value: "x" }))).toBe(operator);
  expect(matcherOf({ name: "site", operator: "!~", value: "a|b" })).toEqual({ name: "site", value: "a|b", isRegex: true, isEqual: false });
});

it("leaves out what is not filled in", () => {
  expect(filled([{ name: "site", operator: "=", value: " east " }, { name: "grid", operator: "=", value: " " }])).toEqual([{ name: "site", value: "east", isRegex: false, isEqual: true }]);
});
