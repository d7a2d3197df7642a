/** The models of the appliance: what is there, what fits, what would be better. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { Loaded } from "../../design/loaded";
import { Page } from "../../design/page";
import { useToaster } from "../../design/toast";
import { modelsQuery, pullModel, verifyModels, type Model, type Models } from "../../server/models";
import { useBytes } from "./bytes";
import { Jobs } from "./jobs";
import { ModelRow } from "./model-row";
import "./models.css";

const KINDS = [
  { title: "hearing", engines: ["whisper"] },
  { title: "speaking", engines: ["kokoro", "piper"] },
  { title: "thinking", engines: ["llm"] },
] as const;

export default function ModelsPage(): ReactNode {
  const { t } = useTranslation("models");
  const verify = useModelAction(verifyModels);
  return (
    <Page
      title={t("title")}
      actions={
        <Button icon="check" onClick={() => verify.mutate()} disabled={verify.isPending}>
          {t("verify")}
        </Button>
      }
    >
      <Loaded query={useQuery(modelsQuery)}>{(found) => <Found found={found} />}</Loaded>
    </Page>
  );
}

/** Does something to models and looks at them again. */
export function useModelAction<T = void>(action: (wanted: T) => Promise<void>) {
  const queries = useQueryClient();
  const toaster = useToaster();
  return useMutation({
    mutationFn: action,
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: modelsQuery.queryKey }),
  });
}

function Found({ found }: { found: Models }): ReactNode {
  const { t } = useTranslation("models");
  const bytes = useBytes();
  return (
    <>
      <Jobs jobs={found.jobs} />
      <Better found={found} />
      {KINDS.map(({ title, engines }) => (
        <Card key={title} title={t(title)}>
          <ul className="list models">
            {found.models.filter(isOf(engines)).map((model) => (
              <ModelRow key={model.name} model={model} />
            ))}
          </ul>
        </Card>
      ))}
      <p className="soft">{t("free", { size: bytes(found.diskFree) })}</p>
    </>
  );
}

function isOf(engines: readonly string[]): (model: Model) => boolean {
  return (model) => engines.includes(model.engine);
}

/** What the plan would choose if everything were here. */
function Better({ found }: { found: Models }): ReactNode {
  const { t } = useTranslation("models");
  const pull = useModelAction(async (names: readonly string[]) => {
    for (const name of names) await pullModel(name);
  });
  const missing = found.models.filter(({ name, state }) => found.recommended.includes(name) && state !== "on disk" && state !== "by hand");
  if (missing.length === 0) return <Card title={t("better.title")}>{<p>{t("better.none")}</p>}</Card>;
  return (
    <Card
      title={t("better.title")}
      actions={
        missing.length > 1 && (
          <Button kind="primary" icon="download" onClick={() => pull.mutate(missing.map(({ name }) => name))} disabled={pull.isPending}>
            {t("better.all")}
          </Button>
        )
      }
    >
      <p>{t("better.some")}</p>
      <ul className="list models">
        {missing.map((model) => (
          <ModelRow key={model.name} model={model} />
        ))}
      </ul>
    </Card>
  );
}
