// Where the reader is: the path of the address, moved through the browser's own history.

class Router {
  path = $state(location.pathname);
  query = $state(new URLSearchParams(location.search));

  begin(): () => void {
    const moved = () => this.#read();
    const clicked = (event: MouseEvent) => this.#follow(event);
    addEventListener("popstate", moved);
    document.addEventListener("click", clicked);
    return () => {
      removeEventListener("popstate", moved);
      document.removeEventListener("click", clicked);
    };
  }

  // Go to a path of the console, such as `/alerts/3f`; `replace` leaves no step to go back to.
  go(to: string, replace = false): void {
    if (replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
    this.#read();
  }

  // Go back to where the reader came from, or to `otherwise` where they came from outside.
  back(otherwise: string): void {
    if (history.length > 1 && history.state !== "first") history.back();
    else this.go(otherwise, true);
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  // Links of the console are ordinary links; a plain click on one stays in the page.
  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || /^\/(v1|api|signin|register|healthz|readyz|metrics)(\/|$)/.test(link.pathname)) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
