import { describe, expect, it } from "vitest";
import { readServerMessage, readTaskResult, type TaskUpdateMessage } from "../../src/server/messages";
import { agentName, applyTask } from "../../src/server/tasks";
import { tasksAtHand } from "../../src/pages/talk/tasks";

function report(id: string, state: string, more: object = {}): TaskUpdateMessage {
  const message = readServerMessage({ type: "task-update", id, state, agent: "claude", request: "do it", ...more });
  if (message?.type !== "task-update") throw new Error("this is a task-update");
  return message;
}

describe("tasks", () => {
  it("follow a task from waiting to its end, the newest first", () => {
    let tasks: TaskUpdateMessage[] = [];
    for (const message of [report("a", "accepted"), report("b", "running"), report("a", "running", { progress: "half" })])
      tasks = applyTask(tasks, message);
    expect(tasks.map(({ id, state, progress }) => [id, state, progress])).toEqual([
      ["b", "running", ""],
      ["a", "running", "half"],
    ]);
  });

  it("stay beside the conversation while they are at work, and for a while afterwards", () => {
    const minute = 60;
    const tasks = [
      ...[1, 2, 3, 4].map((minutes) => report(`ended ${minutes}`, "done", { updated_at: 3600 - minutes * minute })),
      report("at work", "running", { updated_at: 0 }),
      report("long ago", "failed", { updated_at: 0 }),
    ];
    expect(tasksAtHand(tasks, 3_600_000).map(({ id }) => id)).toEqual(["at work", "ended 1", "ended 2", "ended 3"]);
  });

  it("pass over what is no task", () => {
    for (const data of [{ id: "", state: "done" }, { id: "a", state: "exploded" }, { id: 7, state: null }])
      expect(readServerMessage({ type: "task-update", ...data })).toBeNull();
    expect(readTaskResult(null)).toBe("");
  });

  it("call agents as people do", () => {
    expect([agentName({ agent: "claude" }), agentName({ agent: "other" })]).toEqual(["Claude Code", "other"]);
  });

  it("read volumes, absolute and by steps", () => {
    expect(readServerMessage({ type: "volume", level: 0 })).toEqual({ type: "volume", level: 0 });
    expect(readServerMessage({ type: "volume", change: -20 })).toEqual({ type: "volume", change: -20 });
  });
});
