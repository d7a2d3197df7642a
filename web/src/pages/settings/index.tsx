/** What can be set: of the appliance by an administrator, of this page by everybody. */

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useRole } from "../../app/identity";
import { Card } from "../../design/card";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { settingsQuery } from "../../server/settings";
import { voicesQuery } from "../../server/voices";
import { Appearance } from "./appearance";
import { SettingsForm } from "./form";
import { KeepingCard } from "./keeping";
import { LanguageModelCard, PrivacyCard, PromptCard } from "./language-model";
import { RestartNeeded } from "./restart";
import "./settings.css";
import { LanguageCard, ListeningCard, VoiceCard } from "./speech";
import { ToolsCard } from "./tools";

export default function SettingsPage(): ReactNode {
  const { t } = useTranslation("settings");
  return (
    <Page title={t("title")}>
      {useRole() === "admin" && <ApplianceSettings />}
      <Card title={t("appearance.title")}>
        <Appearance />
      </Card>
    </Page>
  );
}

function ApplianceSettings(): ReactNode {
  const settings = useQuery(settingsQuery);
  const voices = useQuery(voicesQuery);
  return (
    <Loaded query={settings}>
      {(found) => (
        <Loaded query={voices}>
          {(languages) => (
            <SettingsForm settings={found}>
              <RestartNeeded keys={found.restartNeeded} />
              <VoiceCard languages={languages} />
              <LanguageCard languages={languages} />
              <ListeningCard />
              <LanguageModelCard />
              <PromptCard />
              <PrivacyCard />
              <KeepingCard />
              <ToolsCard />
            </SettingsForm>
          )}
        </Loaded>
      )}
    </Loaded>
  );
}
