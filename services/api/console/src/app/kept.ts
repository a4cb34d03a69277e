// What this browser remembers of a person's choices. Nothing of what the system knows is kept here.

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(`cordon-${name}`);
  } catch {
    return null; // Storage is switched off: the choice holds for this visit only.
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`cordon-${name}`, value);
  } catch {
    // As above: it holds for this visit only.
  }
}
