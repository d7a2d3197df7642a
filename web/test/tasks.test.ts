import { describe, expect, it } from "vitest";
import { readServerMessage, readTaskResult } from "../src/server/messages";
import { agentName, applyTask, isOver, MOST_SHOWN, withResult, type Task } from "../src/call/tasks";

function report(id: string, state: string, more: object = {}) {
  const message = readServerMessage({ type: "task-update", id, state, agent: "claude", request: "do it", ...more });
  if (message?.type !== "task-update") throw new Error("this is a task-update");
  return message;
}

describe("tasks", () => {
  it("follows a task from waiting to its end, the newest first", () => {
    let tasks: Task[] = [];
    for (const message of [report("a", "accepted"), report("b", "running"), report("a", "running", { progress: "half" })])
      tasks = applyTask(tasks, message);
    expect(tasks.map(({ id, state, progress }) => [id, state, progress])).toEqual([
      ["b", "running", ""],
      ["a", "running", "half"],
    ]);
  });

  it("keeps a result that was fetched when the task is reported again", () => {
    const tasks = withResult(applyTask([], report("a", "done")), "a", "all of it");
    expect(applyTask(tasks, report("a", "done"))[0]?.result).toBe("all of it");
  });

  it("lets old results go, but never a task at work", () => {
    let tasks: Task[] = applyTask([], report("old", "running"));
    for (let i = 0; i < 2 * MOST_SHOWN; i++) tasks = applyTask(tasks, report(`t${i}`, "done"));
    expect(tasks.filter(isOver)).toHaveLength(MOST_SHOWN);
    expect(tasks.some((task) => task.id === "old")).toBe(true);
  });

  it("passes over what is no task", () => {
    for (const data of [{ id: "", state: "done" }, { id: "a", state: "exploded" }, { id: 7, state: null }])
      expect(readServerMessage({ type: "task-update", ...data })).toBeNull();
    expect(readTaskResult(null)).toBe("");
  });

  it("calls agents as people do", () => {
    expect([agentName({ agent: "claude" }), agentName({ agent: "other" })]).toEqual(["Claude Code", "other"]);
  });

  it("reads volumes, absolute and by steps", () => {
    expect(readServerMessage({ type: "volume", level: 0 })).toEqual({ type: "volume", level: 0 });
    expect(readServerMessage({ type: "volume", change: -20 })).toEqual({ type: "volume", change: -20 });
  });
});
