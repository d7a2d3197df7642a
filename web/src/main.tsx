/** Mounts the page. */

import "./design/design.css";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { codeInFragment, describeBrowser } from "./app/browser";
import { makeQueryClient, Providers } from "./app/providers";
import { makeRouter } from "./app/router";
import { Call } from "./call/call";
import { applyAppearance } from "./design/theme";
import { startLanguages } from "./i18n";
import { Trouble } from "./server/failures";
import { recallConversation } from "./server/conversations";
import { applyReport } from "./server/live";
import { pair } from "./server/identity";
import { keepShell } from "./shell/register";

/** After the page is shown, and before anybody can have pressed Connect. */
const PREPARE_MS = 300;

/** Pairs by the code of a link, if there is one. A code that does not work leads to the form. */
async function pairByLink(): Promise<void> {
  const code = codeInFragment(location.hash);
  if (!code) return;
  // Out of the address bar at once: a code in a bookmark or a screenshot is a code given away.
  history.replaceState(null, "", location.pathname + location.search);
  await pair(code, describeBrowser(navigator.userAgent)).catch((error: unknown) => {
    if (!(error instanceof Trouble)) throw error;
  });
}

async function begin(): Promise<void> {
  applyAppearance();
  await Promise.all([startLanguages(), pairByLink()]);
  const [queries, router] = [makeQueryClient(), makeRouter()];
  const call = new Call(window.isSecureContext, recallConversation, (message) => applyReport(queries, message));
  const place = document.getElementById("app");
  if (!place) throw new Error("index.html has no #app");
  createRoot(place).render(
    <StrictMode>
      <Providers call={call} queries={queries}>
        <RouterProvider router={router} />
      </Providers>
    </StrictMode>,
  );
  setTimeout(() => void call.prepare().then(keepShell), PREPARE_MS);
}

void begin();
