// A list that is read page by page. An answer that comes after another question was asked is dropped.

import { get, type Query } from "../api/call";
import type { Page } from "../api/types";

export class Paged<T> {
  items: T[] = $state.raw([]);
  next: string | null = $state(null);
  error: unknown = $state.raw(undefined);
  busy = $state(false);
  // Whether the first page has been read.
  read = $state(false);
  #path = "";
  #query: Query = {};
  #asked: AbortController | undefined;
  #told: (page: Page<T> & Record<string, unknown>) => void;

  // `told` is given each page that comes, for what it says besides its items.
  constructor(told: (page: Page<T> & Record<string, unknown>) => void = () => {}) {
    this.#told = told;
  }

  // Read the first page of a list; what is shown stays until it is there.
  async load(path: string, query: Query = {}): Promise<void> {
    this.#path = path;
    this.#query = query;
    await this.#read(null);
  }

  again(): Promise<void> {
    return this.#read(null);
  }

  more(): Promise<void> {
    return this.#read(this.next);
  }

  end(): void {
    this.#asked?.abort();
  }

  async #read(cursor: string | null): Promise<void> {
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    this.busy = true;
    try {
      const page = await get<Page<T> & Record<string, unknown>>(this.#path, { ...this.#query, cursor }, asked.signal);
      this.#told(page);
      this.items = cursor === null ? page.items : [...this.items, ...page.items];
      this.next = page.next;
      this.error = undefined;
      this.read = true;
    } catch (error) {
      // Another question was asked meanwhile; its answer is shown.
      if (asked.signal.aborted) return;
      this.error = error;
    } finally {
      if (this.#asked === asked) this.busy = false;
    }
  }
}
