// Whole registers, page by page: a map, or a name for every id, needs all at once.

import { get } from "./call";
import type { Page } from "./types";

const PAGE = 500;
// More sites or zones than this are a mistake; the rest is left out rather than waited for.
const PAGES = 20;

export async function whole<T>(name: string, signal?: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer: Page<T> = await get<Page<T>>(`/v1/registers/${name}`, { limit: PAGE, cursor }, signal);
    found.push(...answer.items);
    cursor = answer.next;
    if (cursor === null) break;
  }
  return found;
}
