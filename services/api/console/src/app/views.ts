// Every view of the console, in the order of the navigation. A view is one chunk, loaded when it is
// first opened; its path is what the API's router gives the page for (services/api/console/routes.py).

import type { Component } from "svelte";
import type { Role } from "../api/types";
import { m } from "../paraglide/messages.js";
import type { IconName } from "../ui/icons";

export interface View {
  // The first part of its paths, without slashes: `alerts` has `/alerts/3f`.
  name: string;
  load: () => Promise<{ default: Component }>;
  // How the navigation names it; none = it is not in the navigation.
  label?: () => string;
  icon?: IconName;
  // Who may see it; none = everybody who is signed in.
  roles?: readonly Role[];
  // Whether it shows itself without bar and navigation (phone pages, which have their own).
  bare?: boolean;
  // Whether it looks after the sign-in itself: it is shown to whoever comes.
  open?: boolean;
}

export const VIEWS: readonly View[] = [
  { name: "board", load: () => import("../board/Board.svelte"), label: m.app_nav_board, icon: "board" },
  { name: "alerts", load: () => import("../alert/AlertPage.svelte") },
  { name: "map", load: () => import("../map/MapPage.svelte"), label: m.app_nav_map, icon: "map" },
  { name: "gates", load: () => import("../gates/GatesPage.svelte"), label: m.app_nav_gates, icon: "camera" },
  { name: "quiet", load: () => import("../quiet/QuietPage.svelte"), label: m.app_nav_quiet, icon: "quiet" },
  { name: "charts", load: () => import("../charts/ChartsPage.svelte"), label: m.app_nav_charts, icon: "chart" },
  { name: "desk", load: () => import("../desk/Desk.svelte"), label: m.app_nav_desk, icon: "desk" },
  { name: "phone", load: () => import("../phone/Phone.svelte"), bare: true, open: true },
];

export const HOME = "board";

export function viewOf(path: string): View | undefined {
  const name = path.split("/")[1] || HOME;
  return VIEWS.find((view) => view.name === name);
}
