// Work that is done again and again while the page is seen, until the signal ends it. The next round
// waits for the end of the last, so that a slow server is not asked faster.

export function rounds(signal: AbortSignal, waitMs: () => number, work: () => Promise<void>, failed: (error: unknown) => void): void {
  const round = async () => {
    if (document.visibilityState === "visible") {
      try {
        await work();
      } catch (error) {
        if (!signal.aborted) failed(error);
      }
    }
    if (!signal.aborted) timer = setTimeout(round, waitMs());
  };
  let timer = setTimeout(round, 0);
  signal.addEventListener("abort", () => clearTimeout(timer));
}
