/** Which pages a role is shown. The appliance holds everybody to it; the page only leaves out. */

export type Role = "guest" | "user" | "admin";

export type PageName = "talk" | "conversations" | "tasks" | "settings" | "models" | "devices" | "status" | "wall";

interface Place {
  page: PageName;
  to: "/" | "/conversations" | "/tasks" | "/settings" | "/models" | "/devices" | "/status" | "/wall";
  least: Role;
}

const RANKS: readonly Role[] = ["guest", "user", "admin"];

const PLACES: readonly Place[] = [
  { page: "talk", to: "/", least: "guest" },
  { page: "conversations", to: "/conversations", least: "user" },
  { page: "tasks", to: "/tasks", least: "user" },
  { page: "settings", to: "/settings", least: "user" },
  { page: "models", to: "/models", least: "admin" },
  { page: "devices", to: "/devices", least: "admin" },
  { page: "status", to: "/status", least: "admin" },
  { page: "wall", to: "/wall", least: "user" },
];

/** An unknown role, or none, is a guest's. */
export function placesFor(role: string): readonly Place[] {
  const rank = RANKS.findIndex((known) => known === role);
  return PLACES.filter((place) => RANKS.indexOf(place.least) <= Math.max(0, rank));
}

/** On a phone this many stand in the bar; the others are in a menu. */
export const IN_THE_BAR = 4;
