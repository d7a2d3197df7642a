/** What stands around every page: navigation by role, and the way in for a browser that is not paired. */

import "./shell.css";
import { useQuery } from "@tanstack/react-query";
import { useLocation } from "@tanstack/react-router";
import { Suspense, useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useUiState } from "../call/hooks";
import { Spinner } from "../design/spinner";
import { meQuery } from "../server/identity";
import { Debug } from "./debug";
import { followInSystem } from "./media-session";
import { Trouble } from "../server/failures";
import { Alarms } from "./alarms";
import { IN_THE_BAR, placesFor } from "./navigation";
import { NavigationBar } from "./navigation-bar";
import { PairingForm } from "./pairing";

/** The wall view has the whole screen. */
const BARE: readonly string[] = ["/wall"];

export function Shell({ children }: { children: ReactNode }): ReactNode {
  const { t } = useTranslation();
  const path = useLocation({ select: ({ pathname }) => pathname });
  const state = useUiState();
  const me = useQuery(meQuery);
  useReports();
  useSystem();
  const places = placesFor(me.data?.role ?? "");
  const bare = BARE.includes(path) || places.length < 2;
  // The talk page has the form among its own parts.
  const locked = state === "unpaired" && path !== "/";
  return (
    <div className="shell" data-bare={bare}>
      <a className="skip" href="#content">
        {t("skip")}
      </a>
      {state !== "unpaired" && (
        <Suspense fallback={null}>
          <Alarms />
        </Suspense>
      )}
      {!bare && <NavigationBar places={places} inTheBar={IN_THE_BAR} />}
      <div className="content" id="content" tabIndex={-1}>
        {locked ? (
          <main className="page">
            <PairingForm />
          </main>
        ) : (
          <Suspense fallback={<Spinner />}>{children}</Suspense>
        )}
      </div>
      <Debug />
    </div>
  );
}

/** The lock screen and the buttons of a headset know of the call. */
function useSystem(): void {
  const { t } = useTranslation();
  const call = useCall();
  useEffect(() => followInSystem(call, t("name")), [call, t]);
}

/** Tells the call what the appliance says of this browser, and when the page is shown again. */
function useReports(): void {
  const call = useCall();
  const { error, data } = useQuery(meQuery);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (error instanceof Trouble) {
      call.fail(error);
      setFailed(true);
    } else if (data && failed) {
      call.clearFailure();
      setFailed(false);
    }
  }, [call, error, data, failed]);
  useEffect(() => {
    const shown = (): void => {
      if (!document.hidden) void call.wake();
    };
    const online = (): void => void call.tryNow();
    document.addEventListener("visibilitychange", shown);
    window.addEventListener("online", online);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      window.removeEventListener("online", online);
    };
  }, [call]);
  const known = data !== undefined;
  useEffect(() => {
    if (known) void call.resume();
  }, [call, known]);
}
