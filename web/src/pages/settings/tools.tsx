/** Tools, servers of tools and agents: seen, and switched. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "../../design/badge";
import { Card } from "../../design/card";
import { Switch } from "../../design/fields";
import { Loaded } from "../../design/loaded";
import { toolsQuery, type Helper, type Tool } from "../../server/tools";
import { useForm } from "./form";

export function ToolsCard(): ReactNode {
  const { t } = useTranslation("settings");
  return (
    <Card title={t("groups.tools")}>
      <Loaded query={useQuery(toolsQuery)}>
        {({ tools, servers, agents }) => (
          <>
            {servers.map((server) => (
              <HelperSwitch key={server.name} helper={server} setting={`tools.mcp.${server.name}.enabled`} title={server.name} />
            ))}
            {agents.map((agent) => (
              <HelperSwitch key={agent.name} helper={agent} setting={`agents.${agent.name}.enabled`} title={agentTitle(agent.name, t("team"))} />
            ))}
            <details>
              <summary>{t("allTools", { count: tools.length })}</summary>
              <ToolSwitches tools={tools} />
            </details>
          </>
        )}
      </Loaded>
    </Card>
  );
}

function agentTitle(name: string, team: string): string {
  return name === "claude" ? "Claude Code" : team;
}

const TONES: Readonly<Record<string, Tone>> = { connected: "good", ready: "good", failed: "bad", connecting: "warning" };
const STATES = ["connected", "ready", "failed", "connecting", "off", "unconfigured"] as const;

interface HelperProps {
  helper: Helper;
  setting: string;
  title: string;
}

function HelperSwitch({ helper, setting, title }: HelperProps): ReactNode {
  const { t } = useTranslation("settings");
  const form = useForm();
  const state = STATES.find((one) => one === helper.state) ?? "off";
  const found = form.setting(setting);
  return (
    <Switch
      label={title}
      help={
        <>
          <Badge tone={TONES[state] ?? "neutral"}>{t(`states.${state}`)}</Badge> {helper.error}{" "}
          {(found?.pending || (found?.restart && form.draft.settings[setting] !== undefined)) && t("pending")}
        </>
      }
      checked={form.value(setting) === true}
      disabled={(found?.locked ?? true) || state === "unconfigured"}
      onChange={(on) => form.change(setting, on)}
    />
  );
}

function ToolSwitches({ tools }: { tools: readonly Tool[] }): ReactNode {
  const form = useForm();
  const value = form.value("tools.disabled");
  const off = Array.isArray(value) ? (value as readonly string[]) : [];
  const turn = (name: string, on: boolean): void => {
    const others = off.filter((one) => one !== name);
    form.change("tools.disabled", on ? others : [...others, name].sort());
  };
  return (
    <>
      {tools.map((tool) => (
        <Switch
          key={tool.name}
          label={tool.name.replaceAll("_", " ")}
          help={tool.description}
          checked={!off.includes(tool.name)}
          disabled={form.setting("tools.disabled")?.locked ?? true}
          onChange={(on) => turn(tool.name, on)}
        />
      ))}
    </>
  );
}
