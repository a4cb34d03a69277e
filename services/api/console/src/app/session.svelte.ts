// Who is signed in, if anybody. The cookie lies with the browser; here is only what it stands for.

import { call, get, onEnd, Problem } from "../api/call";
import type { Deployment, Person, Role } from "../api/types";
import { useZone } from "./times";

// Why somebody stands before the sign-in page; "" = they just came.
export type Why = "" | "ended" | "link-spent" | "refused" | "unreachable";

// Who looks at alerts; who acts on them; who leads those who act (services/api/guard.py).
const ACTORS: readonly Role[] = ["dispatcher", "supervisor", "admin"];
const LEADERS: readonly Role[] = ["supervisor", "admin"];

const MARKS: Record<string, Why> = { "#link-spent": "link-spent", "#sign-in-refused": "refused" };

class Session {
  // undefined = not known yet.
  person: Person | null | undefined = $state(undefined);
  why: Why = $state("");
  deployment: Deployment | null = $state(null);

  get acts(): boolean {
    return this.is(ACTORS);
  }

  get leads(): boolean {
    return this.is(LEADERS);
  }

  is(roles: readonly Role[]): boolean {
    return this.person != null && roles.includes(this.person.role);
  }

  // Find out who is signed in. What the address says of a link that failed is said and taken away.
  async begin(): Promise<void> {
    onEnd(() => this.#end("ended"));
    const mark = MARKS[location.hash];
    if (mark) history.replaceState(null, "", location.pathname + location.search);
    const [deployment, person] = await Promise.allSettled([get<Deployment>("/v1/console"), get<Person>("/v1/session")]);
    if (deployment.status === "fulfilled") {
      this.deployment = deployment.value;
      useZone(deployment.value.timezone);
    }
    if (person.status === "fulfilled") this.person = person.value;
    else this.#end(mark ?? (person.reason instanceof Problem && person.reason.status === 401 ? "" : "unreachable"));
  }

  // Sign in; throws the Problem.
  async signIn(proof: { token: string } | { name: string; password: string }): Promise<void> {
    this.person = (await call<Person>("POST", "/v1/session", { body: proof })).content;
    this.why = "";
  }

  async signOut(): Promise<void> {
    try {
      await call("DELETE", "/v1/session");
    } catch (error) {
      // Over already is what was wished for; if the server is away, the person must know.
      if (!(error instanceof Problem) || error.status !== 401) throw error;
    }
    this.#end("");
  }

  // Whether this browser may still read; false ends the session here. Throws where nobody answers.
  async holds(): Promise<boolean> {
    try {
      this.person = await get<Person>("/v1/session");
      return true;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      this.#end("ended");
      return false;
    }
  }

  #end(why: Why): void {
    if (this.person === null && why === "ended") return;
    this.why = why;
    this.person = null;
  }
}

export const session = new Session();
