/** One task of an agent: its state, its result in full, and what can be done. */

import "./tasks.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { Field } from "../../design/fields";
import { Loaded } from "../../design/loaded";
import { RichText } from "../../design/rich-text";
import { useToaster } from "../../design/toast";
import type { TaskUpdateMessage } from "../../server/messages";
import { agentName, cancelTask, continueTask, isOver, taskQuery } from "../../server/tasks";

export function Task({ task }: { task: TaskUpdateMessage }): ReactNode {
  const { t, i18n } = useTranslation("tasks");
  const over = isOver(task);
  const when = new Date(task.updated_at * 1000).toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  return (
    <li className={`task ${task.state}`}>
      <div className="head">
        <span className="name">{task.request}</span>
        <span className="state">
          {agentName(task)}: {t(`state.${task.state}`)}
        </span>
        {!over && <CancelButton task={task} />}
      </div>
      {!over && task.progress && <p className="progress">{task.progress}</p>}
      {over && <Result task={task} />}
      <p className="when">{when}</p>
    </li>
  );
}

function CancelButton({ task: { id, request } }: { task: TaskUpdateMessage }): ReactNode {
  const { t } = useTranslation("tasks");
  const toaster = useToaster();
  return (
    <Button aria-label={t("cancelNamed", { request })} onClick={() => void cancelTask(id).catch(toaster.fail)}>
      {t("cancel")}
    </Button>
  );
}

/** Collapsed at first, and fetched when it is opened. */
function Result({ task }: { task: TaskUpdateMessage }): ReactNode {
  const { t } = useTranslation("tasks");
  const [open, setOpen] = useState(false);
  return (
    <details className="result" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("result")}</summary>
      {open && <ResultText task={task} />}
    </details>
  );
}

function ResultText({ task }: { task: TaskUpdateMessage }): ReactNode {
  const { t } = useTranslation("tasks");
  const [asking, setAsking] = useState(false);
  return (
    <Loaded query={useQuery(taskQuery(task.id))}>
      {({ request, result, conversationId }) => (
        <>
          {request.length > task.request.length && <p className="asked">{request}</p>}
          <div className="text">{result ? <RichText text={result} /> : t("noResult")}</div>
          <div className="row">
            <Button onClick={() => setAsking(true)}>{t("continue")}</Button>
            {conversationId && (
              <Link className="button quiet" to="/conversations/$id" params={{ id: conversationId }}>
                {t("conversation")}
              </Link>
            )}
          </div>
          <Dialog open={asking} title={t("continueTitle", { agent: agentName(task) })} onClose={() => setAsking(false)}>
            <FollowUp id={task.id} onClose={() => setAsking(false)} />
          </Dialog>
        </>
      )}
    </Loaded>
  );
}

/** As long as the appliance takes it. */
const LONGEST = 8000;

function FollowUp({ id, onClose }: { id: string; onClose: () => void }): ReactNode {
  const { t } = useTranslation("tasks");
  const toaster = useToaster();
  const [words, setWords] = useState("");
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    void continueTask(id, words.trim()).then(onClose, toaster.fail);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <Field label={t("followUp")} help={t("followUpHelp")}>
        {(tied) => <textarea {...tied} maxLength={LONGEST} value={words} onChange={(event) => setWords(event.target.value)} />}
      </Field>
      <div className="row end">
        <Button onClick={onClose}>{t("close")}</Button>
        <Button kind="primary" type="submit">
          {t("send")}
        </Button>
      </div>
    </form>
  );
}
