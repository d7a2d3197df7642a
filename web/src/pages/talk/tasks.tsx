import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useCall, useCallState } from "../../call/hooks";
import { agentName, isOver, type Task } from "../../call/tasks";
import { Button } from "../../design/button";
import { useToaster } from "../../design/toast";
import { cancelTask, fetchTaskResult } from "../../server/tasks";

export function Tasks(): ReactNode {
  const { t } = useTranslation("talk");
  const tasks = useCallState((state) => state.tasks);
  if (tasks.length === 0) return null;
  return (
    <section id="tasks" className="tasks" aria-labelledby="tasks-title">
      <h2 id="tasks-title">{t("tasks.title")}</h2>
      <ul id="task-list" className="list" role="list">
        {tasks.map((task) => (
          <OneTask key={task.id} task={task} />
        ))}
      </ul>
    </section>
  );
}

function OneTask({ task }: { task: Task }): ReactNode {
  const { t } = useTranslation("talk");
  const toaster = useToaster();
  const over = isOver(task);
  return (
    <li className={`task ${task.state}`}>
      <div className="head">
        <span className="name">{task.request}</span>
        <span className="state">
          {agentName(task)}: {t(`tasks.state.${task.state}`)}
        </span>
        {!over && (
          <Button
            aria-label={t("tasks.cancelNamed", { request: task.request })}
            onClick={() => void cancelTask(task.id).catch(toaster.fail)}
          >
            {t("tasks.cancel")}
          </Button>
        )}
      </div>
      {!over && task.progress && <p className="progress">{task.progress}</p>}
      {over && <Result task={task} />}
    </li>
  );
}

/** Collapsed at first; an agent's text is text, never markup. */
function Result({ task }: { task: Task }): ReactNode {
  const { t } = useTranslation("talk");
  const call = useCall();
  const toaster = useToaster();
  const [asked, setAsked] = useState(false);
  const read = (open: boolean): void => {
    if (!open || asked || task.result !== null) return;
    setAsked(true);
    fetchTaskResult(task.id).then((result) => call.taskRead(task.id, result), toaster.fail);
  };
  return (
    <details className="result" onToggle={(event) => read(event.currentTarget.open)}>
      <summary>{t("tasks.result")}</summary>
      <pre>{task.result ?? t("tasks.loading")}</pre>
    </details>
  );
}
