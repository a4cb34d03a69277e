// The state of the phone pages: who is signed in, what was last read, and what waits to be sent.

import { at, get, Problem } from "../api/call";
import type { Page, Person, Task } from "../api/types";
import { session } from "../app/session.svelte";
import { problemText } from "../ui/problem";
import type { Campaign, Lists, Shift, TaskKind } from "./field";
import { type Item, newItem } from "./item";
import { counts, foreseen } from "./queue";
import { door, type Health, Sender } from "./sender";
import { items as kept, read } from "./store";

const EVERY_MS = 30_000;
const NOTHING: Lists = { mine: [], unit: [], offered: [], kinds: [], campaigns: [], shifts: [], atMs: 0 };

class Phone {
  // Whose handheld it is now; undefined = not known yet.
  person: Person | null | undefined = $state(undefined);
  online = $state(navigator.onLine);
  items: Item[] = $state.raw([]);
  health: Health = $state("idle");
  lists: Lists = $state.raw(NOTHING);
  // Why the lists could not be read anew; "" = they were.
  stale = $state("");
  reading = $state(false);
  // Whether this browser keeps nothing.
  broken = $state(false);

  readonly #sender = new Sender(kept, door, (items, health) => {
    const wasWaiting = this.counts.waiting;
    this.items = items;
    this.health = health;
    if (this.counts.waiting < wasWaiting && this.counts.waiting === 0) void this.refresh();
  });
  #timer: ReturnType<typeof setInterval> | undefined;
  #known = false;

  get author(): string {
    return this.person?.name ?? "";
  }

  get acts(): boolean {
    return this.person != null && ["dispatcher", "supervisor", "admin"].includes(this.person.role);
  }

  get counts() {
    return counts(this.items, this.author);
  }

  // Tasks as the officer has left them, whether the server knows it yet or not.
  get tasks(): Task[] {
    const known = new Map([...this.lists.offered, ...this.lists.unit, ...this.lists.mine].map((task) => [task.id, task]));
    return [...known.values()].map((task) => foreseen(task, this.items, this.author, this.lists.atMs));
  }

  // Begin, with what was kept; returns what ends it.
  begin(): () => void {
    void this.#remember();
    const up = () => void this.#reconnect();
    const down = () => {
      this.online = false;
    };
    const seen = () => {
      if (document.visibilityState === "visible") void this.#look();
    };
    addEventListener("online", up);
    addEventListener("offline", down);
    document.addEventListener("visibilitychange", seen);
    this.#timer = setInterval(seen, EVERY_MS);
    return () => {
      clearInterval(this.#timer);
      this.#sender.stop();
      removeEventListener("online", up);
      removeEventListener("offline", down);
      document.removeEventListener("visibilitychange", seen);
    };
  }

  // Take in what the session says: somebody, nobody, or that nobody could be asked.
  async follow(person: Person | null | undefined, unreachable: boolean): Promise<void> {
    if (person === undefined) return;
    if (person !== null) {
      // Of a person who was only remembered, nobody knew yet whether their session holds.
      const same = this.#known && this.person?.name === person.name;
      this.person = $state.snapshot(person) as Person;
      this.#known = true;
      if (same && this.online) return this.#sender.flush();
      this.online = true;
      await this.#keep("who", this.person);
      await this.#sender.serve(person.name);
      return this.refresh();
    }
    if (unreachable) {
      this.online = false;
      if (this.person === undefined) this.person = (await this.#kept<Person>("who")) ?? null;
      return;
    }
    // Somebody signed out, here or elsewhere: what they were shown goes, what they did stays.
    this.person = null;
    this.#known = false;
    this.lists = NOTHING;
    try {
      await read.clear();
    } catch {
      this.broken = true;
    }
    await this.#sender.serve("");
  }

  async refresh(): Promise<void> {
    if (this.person == null || this.reading) return;
    this.reading = true;
    // What is sent while the lists are read may be in them or not: it is shown as done either way.
    const atMs = Date.now();
    try {
      const [mine, unit, offered, kinds, campaigns, shifts] = await Promise.all([
        get<Page<Task>>("/v1/tasks", { mine: true, state: ["claimed", "in-progress"], limit: 200 }),
        get<Page<Task>>("/v1/tasks", { my_unit: true, state: ["offered"], limit: 200 }),
        get<Page<Task>>("/v1/tasks", { state: ["offered"], limit: 100 }),
        get<Page<TaskKind>>("/v1/task-kinds"),
        get<Page<Campaign>>("/v1/campaigns/kinds"),
        get<Page<Shift>>("/v1/registers/duty-shift", { limit: 1000 }),
      ]);
      this.lists = { mine: mine.items, unit: unit.items, offered: offered.items, kinds: kinds.items, campaigns: campaigns.items, shifts: shifts.items, atMs };
      this.online = true;
      this.stale = "";
      await this.#keep("lists", this.lists);
    } catch (error) {
      this.stale = problemText(error);
      if (error instanceof Problem && error.unreachable) this.online = false;
      else if (!(error instanceof Problem)) throw error;
    } finally {
      this.reading = false;
    }
  }

  // Keep something that was done, and send it when that can be; false where nothing can be kept.
  async did(work: Item["work"]): Promise<boolean> {
    try {
      await this.#sender.add(newItem(this.author, work, Date.now(), newId()));
      return true;
    } catch (error) {
      this.broken = true;
      console.error("not kept", error);
      return false;
    }
  }

  retry = (item: Item): Promise<void> => this.#sender.retry(item);
  drop = (item: Item): Promise<void> => this.#sender.drop(item);

  // A task that is in none of the lists, such as one that a message links to.
  async task(id: string): Promise<Task> {
    return get<Task>(at("/v1/tasks", id));
  }

  async #remember(): Promise<void> {
    try {
      this.items = await kept.all();
      if (this.lists.atMs === 0) this.lists = (await read.get<Lists>("lists")) ?? NOTHING;
    } catch (error) {
      this.broken = true;
      console.error("nothing is kept", error);
    }
  }

  async #reconnect(): Promise<void> {
    this.online = true;
    try {
      // Whoever was signed in may not be any more: nothing is sent before that is known.
      if (!(await session.holds())) return await this.follow(null, false);
      if (this.#known) {
        await this.#sender.flush();
        await this.refresh();
      }
    } catch (error) {
      this.online = false;
      if (!(error instanceof Problem)) throw error;
    }
  }

  #look(): Promise<void> {
    return this.online ? this.refresh() : this.#reconnect();
  }

  async #keep(name: string, value: unknown): Promise<void> {
    try {
      await read.put(name, $state.snapshot(value));
    } catch (error) {
      this.broken = true;
      console.error("not kept", error);
    }
  }

  async #kept<T>(name: string): Promise<T | undefined> {
    try {
      return await read.get<T>(name);
    } catch (error) {
      this.broken = true;
      console.error("nothing is kept", error);
      return undefined;
    }
  }
}

// An id that nobody else makes. `crypto.randomUUID` is not there on a page without HTTPS.
const newId = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const phone = new Phone();
