/** The agents' tasks: those at work, and what became of the others. Timers run beside them. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Empty } from "../../design/empty";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import type { TaskUpdateMessage } from "../../server/messages";
import { isOver, tasksQuery } from "../../server/tasks";
import { Timers } from "../timers/timers";
import { Task } from "./task";

export default function TasksPage(): ReactNode {
  const { t } = useTranslation("tasks");
  return (
    <Page title={t("title")}>
      <Timers />
      <Loaded query={useQuery(tasksQuery)}>
        {(tasks) =>
          tasks.length === 0 ? (
            <Empty title={t("none")}>
              <p>{t("noneHelp")}</p>
            </Empty>
          ) : (
            <>
              <Group title={t("atWork")} tasks={tasks.filter((task) => !isOver(task))} />
              <Group title={t("ended")} tasks={tasks.filter(isOver)} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Group({ title, tasks }: { title: string; tasks: readonly TaskUpdateMessage[] }): ReactNode {
  if (tasks.length === 0) return null;
  return (
    <section className="tasks-group" aria-label={title}>
      <h2>{title}</h2>
      <ul className="list" role="list">
        {tasks.map((task) => (
          <Task key={task.id} task={task} />
        ))}
      </ul>
    </section>
  );
}
