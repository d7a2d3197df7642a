/**
 * Opens a page as `main.tsx` does, with its router and providers, against answers given by path. For
 * tests with `@vitest-environment happy-dom`.
 */

import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { cleanup, configure, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import { afterEach, vi } from "vitest";
import { makeQueryClient, Providers } from "../src/app/providers";
import { makeRouter } from "../src/app/router";
import { Call } from "../src/call/call";
import { startLanguages } from "../src/i18n";
import { recallConversation } from "../src/server/conversations";
import { applyReport } from "../src/server/live";

// As long as a busy machine needs; what does not come fails all the same.
configure({ asyncUtilTimeout: 15_000 });

export interface Answer {
  status?: number;
  body?: unknown;
}

export interface Request {
  method: string;
  path: string;
  body: unknown;
}

/** By "METHOD /path", or "/path" for GET; a function is asked each time. */
export type Answers = Record<string, Answer | ((request: Request) => Answer)>;

export interface Visit {
  user: UserEvent;
  call: Call;
  /** Everything that was asked over HTTP. */
  requests: Request[];
}

export const role = (name: "guest" | "user" | "admin"): Answer => ({ body: { client: { id: "me", name: "Test", role: name }, warnings: [] } });

const HEALTH: Answer = { body: { version: "1.0", route: "local", ready: true, engines: {} } };

const MISSING: Answer = { status: 404, body: { error: { code: "not_found", message: "not there", advice: "" } } };

function answering(answers: Answers, requests: Request[]): typeof fetch {
  return async (input, init) => {
    const path = new URL(String(input), "https://box.local").pathname + new URL(String(input), "https://box.local").search;
    const request = { method: init?.method ?? "GET", path, body: init?.body ? JSON.parse(String(init.body)) : null };
    requests.push(request);
    const found = answers[`${request.method} ${path}`] ?? (request.method === "GET" ? answers[path] : undefined) ?? MISSING;
    const { status = 200, body = null } = typeof found === "function" ? found(request) : found;
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  };
}

export async function visit(path: string, answers: Answers = {}, language = "en"): Promise<Visit> {
  const requests: Request[] = [];
  vi.stubGlobal("fetch", answering({ "/api/me": role("admin"), "/health": HEALTH, ...answers }, requests));
  localStorage.setItem("language", language);
  await startLanguages();
  const queries = makeQueryClient();
  const call = new Call(true, recallConversation, (message) => applyReport(queries, message));
  const router = makeRouter(createMemoryHistory({ initialEntries: [path] }));
  render(
    <Providers call={call} queries={queries}>
      <RouterProvider router={router} />
    </Providers>,
  );
  return { user: userEvent.setup(), call, requests };
}

/** happy-dom lays nothing out; a list that shows what is in view needs a view. */
const SIZES = { clientWidth: 800, clientHeight: 600, offsetWidth: 800, offsetHeight: 60 } as const;
for (const [name, value] of Object.entries(SIZES)) {
  Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => value });
}

afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
});
