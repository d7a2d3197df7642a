/** Tools, servers of tools and agents, and how they are. */

import { queryOptions } from "@tanstack/react-query";
import { ask } from "./client";
import { fields, list, text } from "./reading";

export interface Tool {
  name: string;
  description: string;
  /** The server that brings it; "" for the appliance's own. */
  group: string;
  on: boolean;
}

/** A server of tools, or an agent. */
export interface Helper {
  name: string;
  on: boolean;
  state: string;
  error: string;
}

export interface Tools {
  tools: readonly Tool[];
  servers: readonly Helper[];
  agents: readonly Helper[];
}

function readTool(value: unknown): Tool {
  const { name, description, group, on } = fields(value);
  return { name: text(name), description: text(description), group: text(group), on: on === true };
}

function readHelper(value: unknown): Helper {
  const { name, on, state, error } = fields(value);
  return { name: text(name), on: on === true, state: text(state), error: text(error) };
}

export const toolsQuery = queryOptions({
  queryKey: ["tools"],
  queryFn: async (): Promise<Tools> => {
    const { tools, servers, agents } = fields(await ask("GET", "/api/tools"));
    return {
      tools: list(tools).map(readTool),
      servers: list(servers).map(readHelper),
      agents: list(agents).map(readHelper),
    };
  },
});
