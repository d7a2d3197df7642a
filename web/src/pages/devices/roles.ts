import type { Role } from "../../app/navigation";

/** The least first. */
export const ROLES: readonly Role[] = ["guest", "user", "admin"];
