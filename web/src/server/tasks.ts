/** The agents' tasks. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS, readTask, readTaskResult, type TaskUpdateMessage } from "./messages";
import { fields, list } from "./reading";

const path = (id: string): string => `${PATHS.tasks}/${encodeURIComponent(id)}`;

/** The full text of a task. */
export async function fetchTaskResult(id: string): Promise<string> {
  return readTaskResult(await ask("GET", path(id)));
}

export async function cancelTask(id: string): Promise<void> {
  await ask("DELETE", path(id));
}

async function fetchTasks(): Promise<TaskUpdateMessage[]> {
  const tasks = list(fields(await ask("GET", PATHS.tasks))["tasks"]);
  return tasks.map((task) => readTask(fields(task))).filter((task) => task !== null);
}

export const tasksQuery = queryOptions({ queryKey: ["tasks"], queryFn: fetchTasks });
