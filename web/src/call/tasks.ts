/** Tasks of agents as the appliance reports them. Pure. */

import type { TaskState, TaskUpdateMessage } from "../server/messages";

export interface Task {
  id: string;
  agent: string;
  state: TaskState;
  request: string;
  progress: string;
  /** The full text once it has been fetched; null before. */
  result: string | null;
}

/** The number of ended tasks that stay on the page. */
export const MOST_SHOWN = 8;

/** The list after a report, newest first; running tasks are never removed. */
export function applyTask(tasks: readonly Task[], message: TaskUpdateMessage): Task[] {
  const { id, agent, state, request, progress } = message;
  const known = tasks.find((other) => other.id === id);
  const task = { id, agent, state, request, progress, result: known ? known.result : null };
  const next = known ? tasks.map((other) => (other === known ? task : other)) : [task, ...tasks];
  return next.filter((other, place) => place < MOST_SHOWN || !isOver(other));
}

export function withResult(tasks: readonly Task[], id: string, result: string): Task[] {
  return tasks.map((task) => (task.id === id ? { ...task, result } : task));
}

export function isOver(task: { state: TaskState }): boolean {
  return task.state !== "accepted" && task.state !== "running";
}

const AGENTS: Record<string, string> = { claude: "Claude Code", team: "Agent team" };

export function agentName(task: { agent: string }): string {
  return AGENTS[task.agent] ?? task.agent;
}
