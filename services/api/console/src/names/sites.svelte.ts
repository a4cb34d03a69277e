// The names of sites: events and alerts tell their ids, people know their names.

import { Problem } from "../api/call";
import { whole } from "../api/registers";
import { rounds } from "../app/rounds";

interface Named {
  id: string;
  name: string;
}

const EVERY_MS = 300_000;
// Until there are any.
const AGAIN_MS = 15_000;

class SiteNames {
  #names: ReadonlyMap<string, string> = $state.raw(new Map());

  // Fetch them, now and again; returns what ends that.
  begin(): () => void {
    const ending = new AbortController();
    const fetch = async () => {
      const sites = await whole<Named>("site", ending.signal);
      this.#names = new Map(sites.map(({ id, name }) => [id, name]));
    };
    rounds(ending.signal, () => (this.#names.size === 0 ? AGAIN_MS : EVERY_MS), fetch, (error) => {
      // Without a name the id is shown; whether somebody answers is the feed's to say.
      if (!(error instanceof Problem)) throw error;
    });
    return () => ending.abort();
  }

  // The name of a site; its id where that is all that is known.
  of(id: string): string {
    return this.#names.get(id) ?? id;
  }

  // The name with the id behind it, where registers have to be found by it.
  withId(id: string): string {
    const name = this.of(id);
    return name === id ? id : `${name} (${id})`;
  }
}

export const siteNames = new SiteNames();
