/** The pages and their addresses. Each is fetched when it is first opened. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, type RouterHistory } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Boundary } from "./boundary";
import { NotFound } from "./not-found";
import { Shell } from "./shell";

function Root(): ReactNode {
  return (
    <Shell>
      <Outlet />
    </Shell>
  );
}

const root = createRootRoute({ component: Root, notFoundComponent: NotFound, errorComponent: Boundary });

const child = <P extends string>(path: P, load: () => Promise<{ default: () => ReactNode }>) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load) });

const conversationRoute = child("/conversations/$id", () => import("../pages/conversations/one"));

const pages = root.addChildren([
  child("/", () => import("../pages/talk")),
  child("/conversations", () => import("../pages/conversations")),
  conversationRoute,
  child("/tasks", () => import("../pages/tasks")),
  child("/settings", () => import("../pages/settings")),
  child("/models", () => import("../pages/models")),
  child("/devices", () => import("../pages/devices")),
  child("/status", () => import("../pages/status")),
  child("/wall", () => import("../pages/wall")),
  child("/design", () => import("../pages/design")),
]);

/** `history` is the browser's own unless a test brings one. */
export function makeRouter(history?: RouterHistory) {
  // The scripts and inline styles of its scroll restoration are refused by the page's policy.
  return createRouter({ routeTree: pages, defaultPreload: "intent", scrollRestoration: false, ...(history && { history }) });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
