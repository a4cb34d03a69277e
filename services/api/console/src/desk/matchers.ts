// Conditions on the labels of alerts, in Alertmanager's words. Pure.

export interface Matcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export const LABELS = ["alertname", "severity", "evidence_class", "subject", "subject_kind", "site", "grid", "order", "incident"] as const;
export const OPERATORS = ["=", "!=", "=~", "!~"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Condition {
  name: string;
  operator: Operator;
  value: string;
}

export const matcherOf = ({ name, operator, value }: Condition): Matcher => ({
  name,
  value,
  isRegex: operator === "=~" || operator === "!~",
  isEqual: operator === "=" || operator === "=~",
});

export const operatorOf = ({ isRegex, isEqual }: Matcher): Operator => (isRegex ? (isEqual ? "=~" : "!~") : isEqual ? "=" : "!=");

// Those that say something: a line that is not filled in yet asks for nothing.
export const filled = (conditions: readonly Condition[]): Matcher[] => conditions.filter((one) => one.value.trim()).map((one) => matcherOf({ ...one, value: one.value.trim() }));
