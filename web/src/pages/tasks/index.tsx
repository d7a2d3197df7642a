/** The agents' tasks. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Empty } from "../../design/empty";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { tasksQuery } from "../../server/tasks";

export default function TasksPage(): ReactNode {
  const { t } = useTranslation("tasks");
  return (
    <Page title={t("title")}>
      <Loaded query={useQuery(tasksQuery)}>
        {(tasks) =>
          tasks.length === 0 ? (
            <Empty title={t("none")} />
          ) : (
            <ul className="list" role="list">
              {tasks.map(({ id, request, state }) => (
                <li key={id} className="card">
                  <h2>{request}</h2>
                  <p>{t(`state.${state}`)}</p>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Page>
  );
}
