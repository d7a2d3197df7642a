/** All timers with what can be done to them, and a button to set one. */

import "./timers.css";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useTimerName } from "../../app/timer-name";
import { Button, IconButton } from "../../design/button";
import { Loaded } from "../../design/loaded";
import { RenameDialog } from "../../design/rename-dialog";
import { useToaster } from "../../design/toast";
import { meQuery } from "../../server/identity";
import { changeTimer, endTimer, timersQuery, type Timer } from "../../server/timers";
import { Left } from "./left";
import { LONGEST_NAME, NewTimer } from "./new-timer";

export function Timers(): ReactNode {
  const { t } = useTranslation("timers");
  const [setting, setSetting] = useState(false);
  return (
    <section id="timers" className="timers" aria-labelledby="timers-title">
      <div className="timers-head">
        <h2 id="timers-title">{t("title")}</h2>
        <Button kind="quiet" icon="add" onClick={() => setSetting(true)}>
          {t("new.open")}
        </Button>
      </div>
      <Loaded query={useQuery(timersQuery)}>
        {(timers) => (
          <ul id="timer-list" className="list" role="list">
            {timers.map((timer) => (
              <OneTimer key={timer.id} timer={timer} />
            ))}
          </ul>
        )}
      </Loaded>
      <NewTimer open={setting} onClose={() => setSetting(false)} />
    </section>
  );
}

function OneTimer({ timer }: { timer: Timer }): ReactNode {
  const { t } = useTranslation("timers");
  const { state } = timer;
  const name = useTimerName()(timer);
  return (
    <li className={`timer ${state}`}>
      <span className="name">{name}</span>
      <span className="left">
        <Left timer={timer} />
      </span>
      <Actions timer={timer} name={name} />
      {state === "paused" && <span className="sr-only">{t("paused")}</span>}
    </li>
  );
}

/** What this browser may do to it: a guest changes only its own, and silences any. */
function Actions({ timer, name }: { timer: Timer; name: string }): ReactNode {
  const { t } = useTranslation("timers");
  const toaster = useToaster();
  const me = useQuery(meQuery).data;
  const { id, state, clientId } = timer;
  const end = (): void => void endTimer(id).catch(toaster.fail);
  const pause = (paused: boolean): void => void changeTimer(id, { paused }).catch(toaster.fail);
  if (state === "rang") {
    return (
      <Button aria-label={t("stopNamed", { name })} onClick={end}>
        {t("stop")}
      </Button>
    );
  }
  if (me?.role === "guest" && clientId !== me.id) return null;
  if (state === "missed") return <IconButton icon="close" label={t("dismissNamed", { name })} onClick={end} />;
  return (
    <>
      <Rename timer={timer} name={name} />
      {state === "paused" ? (
        <IconButton icon="play" label={t("resumeNamed", { name })} onClick={() => pause(false)} />
      ) : (
        <IconButton icon="pause" label={t("pauseNamed", { name })} onClick={() => pause(true)} />
      )}
      <IconButton icon="close" label={t("cancelNamed", { name })} onClick={end} />
    </>
  );
}

function Rename({ timer, name }: { timer: Timer; name: string }): ReactNode {
  const { t } = useTranslation("timers");
  const [asking, setAsking] = useState(false);
  return (
    <>
      <IconButton icon="edit" label={t("renameNamed", { name })} onClick={() => setAsking(true)} />
      <RenameDialog
        name={asking ? timer.name : null}
        title={t("rename.title")}
        label={t("rename.name")}
        save={t("rename.save")}
        longest={LONGEST_NAME}
        rename={(wanted) => changeTimer(timer.id, { name: wanted })}
        onClose={() => setAsking(false)}
      />
    </>
  );
}
