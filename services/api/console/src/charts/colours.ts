// The colours of the pictures as a canvas needs them: their values in the theme of the moment.

import "./charts.css";

const MANY = 8;

export function colours(): string[] {
  const style = getComputedStyle(document.documentElement);
  return Array.from({ length: MANY }, (_, n) => style.getPropertyValue(`--chart-${n}`).trim());
}
