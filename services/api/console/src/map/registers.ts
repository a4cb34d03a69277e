// Whole registers, page by page: the map needs every site at once.

import { get } from "../api/call";
import type { Page } from "../api/types";

const PAGE = 500;
// More sites or zones than this on one map are a mistake; the rest is left out rather than waited for.
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
