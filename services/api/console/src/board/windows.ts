// Which part of a long lane is drawn: all cards of a lane are placed by arithmetic, and only those
// near the visible part exist.

export const CARD_PX = 132;
export const GAP_PX = 8;
export const ROW_PX = 30;
const BEYOND_PX = 400;

export interface Placed<T> {
  item: T;
  index: number;
  top: number;
  height: number;
}

// The tops of all cards and, as the last number, the height of the whole.
export function topsOf<T>(items: readonly T[], extra: (item: T) => number): number[] {
  const tops = new Array<number>(items.length + 1);
  let top = 0;
  for (let index = 0; index < items.length; index += 1) {
    tops[index] = top;
    top += CARD_PX + GAP_PX + extra(items[index] as T);
  }
  tops[items.length] = top;
  return tops;
}

// The cards between two heights, and somewhat beyond.
export function visible<T>(items: readonly T[], tops: readonly number[], from: number, height: number): Placed<T>[] {
  const first = Math.max(0, indexAt(tops, from - BEYOND_PX));
  const placed: Placed<T>[] = [];
  for (let index = first; index < items.length; index += 1) {
    const top = tops[index] as number;
    if (top > from + height + BEYOND_PX) break;
    placed.push({ item: items[index] as T, index, top, height: (tops[index + 1] as number) - top - GAP_PX });
  }
  return placed;
}

// The card that covers a height: the last whose top is not below it.
export function indexAt(tops: readonly number[], height: number): number {
  let low = 0;
  let high = tops.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] as number) <= height) low = middle;
    else high = middle - 1;
  }
  return low;
}
