/** View of the agents' tasks: state, result, and a button to cancel each. */

import { agentName, isOver, taskState, type Task } from "../tasks";
import { make } from "./elements";

export interface TaskActions {
  cancel(id: string): void;
  /** The reader wants the full text. */
  read(id: string): void;
}

export class TasksView {
  private tasks: readonly Task[] = [];
  private readonly open = new Set<string>();

  constructor(
    private readonly section: HTMLElement,
    private readonly list: HTMLElement,
    private readonly actions: TaskActions,
  ) {}

  render(tasks: readonly Task[]): void {
    if (tasks === this.tasks) return;
    this.tasks = tasks;
    this.section.hidden = tasks.length === 0;
    this.list.replaceChildren(...tasks.map((task) => this.item(task)));
  }

  private item(task: Task): HTMLElement {
    const item = make("li", `task ${task.state}`);
    const head = make("div", "head");
    head.append(make("span", "name", task.request), make("span", "state", `${agentName(task)}: ${taskState(task)}`));
    item.append(head);
    if (isOver(task)) item.append(this.result(task));
    else {
      if (task.progress) item.append(make("p", "progress", task.progress));
      head.append(this.cancelButton(task));
    }
    return item;
  }

  private cancelButton(task: Task): HTMLElement {
    const button = make("button", "quiet", "Cancel");
    button.type = "button";
    button.setAttribute("aria-label", `Cancel ${task.request}`);
    button.addEventListener("click", () => this.actions.cancel(task.id));
    return button;
  }

  /** Collapsed at first; an agent's text is text, never markup. */
  private result(task: Task): HTMLElement {
    const details = make("details", "result");
    details.open = this.open.has(task.id);
    details.append(make("summary", "", "Result"), make("pre", "", task.result ?? "Loading…"));
    details.addEventListener("toggle", () => {
      if (!details.open) {
        this.open.delete(task.id);
        return;
      }
      this.open.add(task.id);
      if (task.result === null) this.actions.read(task.id);
    });
    return details;
  }
}
