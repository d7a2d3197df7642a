/** The agents' tasks. */

import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { ask } from "./client";
import { PATHS, readTask, readTaskResult, type TaskState, type TaskUpdateMessage } from "./messages";
import { fields, list, text } from "./reading";

/** The most that the appliance lists at once: months of a household's. */
const MOST = 200;

const AGENTS: Record<string, string> = { claude: "Claude Code", team: "Agent team" };

export function agentName(task: { agent: string }): string {
  return AGENTS[task.agent] ?? task.agent;
}

export function isOver({ state }: { state: TaskState }): boolean {
  return state !== "accepted" && state !== "running";
}

const path = (id: string): string => `${PATHS.tasks}/${encodeURIComponent(id)}`;

export interface TaskText {
  /** In full: the list has its beginning only. */
  request: string;
  result: string;
  /** Empty for one that belongs to no conversation. */
  conversationId: string;
}

export const taskQuery = (id: string) =>
  queryOptions({
    queryKey: ["tasks", "one", id],
    queryFn: async (): Promise<TaskText> => {
      const task = await ask("GET", path(id));
      const { request, conversation_id } = fields(task);
      return { request: text(request), result: readTaskResult(task), conversationId: text(conversation_id) };
    },
  });

async function fetchTasks(): Promise<TaskUpdateMessage[]> {
  const tasks = list(fields(await ask("GET", `${PATHS.tasks}?limit=${MOST}`))["tasks"]);
  return tasks.map((task) => readTask(fields(task))).filter((task) => task !== null);
}

/** The newest first. */
export const tasksQuery = queryOptions({ queryKey: ["tasks", "list"], queryFn: fetchTasks });

/** The list after a report. */
export function applyTask(tasks: readonly TaskUpdateMessage[], task: TaskUpdateMessage): TaskUpdateMessage[] {
  const at = tasks.findIndex(({ id }) => id === task.id);
  return at < 0 ? [task, ...tasks] : tasks.with(at, task);
}

/** Takes a report of one task into the list, if that is known; its text is asked for anew. */
export function noteTask(queries: QueryClient, task: TaskUpdateMessage): void {
  const { queryKey } = tasksQuery;
  queries.setQueryData(queryKey, (tasks) => tasks && applyTask(tasks, task));
  if (queries.getQueryData(queryKey) === undefined) void queries.invalidateQueries({ queryKey });
  if (isOver(task)) void queries.invalidateQueries({ queryKey: taskQuery(task.id).queryKey });
}

export async function cancelTask(id: string): Promise<void> {
  await ask("DELETE", path(id));
}

/** Gives the agent more to do where it stopped; without words, to go on. */
export async function continueTask(id: string, text: string): Promise<void> {
  await ask("POST", `${path(id)}/continue`, { text });
}
