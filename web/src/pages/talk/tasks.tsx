import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { placesFor } from "../../app/navigation";
import { useRole } from "../../app/identity";
import type { TaskUpdateMessage } from "../../server/messages";
import { isOver, tasksQuery } from "../../server/tasks";
import { Task } from "../tasks/task";

/** An ended task stays beside the conversation for this long; it is among all tasks afterwards. */
const RECENT_MS = 30 * 60_000;
const MOST_SHOWN = 3;
const LOOK_MS = 30_000;

/** Those at work, and the few that have just ended. */
export function tasksAtHand(tasks: readonly TaskUpdateMessage[], nowMs: number): TaskUpdateMessage[] {
  const ended = tasks.filter((task) => isOver(task) && nowMs - task.updated_at * 1000 < RECENT_MS);
  return [...tasks.filter((task) => !isOver(task)), ...ended.slice(0, MOST_SHOWN)];
}

export function Tasks(): ReactNode {
  const { t } = useTranslation("tasks");
  const allowed = placesFor(useRole()).some(({ page }) => page === "tasks");
  const tasks = useQuery({ ...tasksQuery, enabled: allowed }).data ?? [];
  const shown = tasksAtHand(tasks, useNow());
  if (shown.length === 0) return null;
  return (
    <section id="tasks" className="tasks" aria-labelledby="tasks-title">
      <h2 id="tasks-title">{t("title")}</h2>
      <ul id="task-list" className="list" role="list">
        {shown.map((task) => (
          <Task key={task.id} task={task} />
        ))}
      </ul>
      <Link className="button quiet" to="/tasks">
        {t("all")}
      </Link>
    </section>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const look = setInterval(() => setNow(Date.now()), LOOK_MS);
    return () => clearInterval(look);
  }, []);
  return now;
}
