/** The codes that would still let somebody in. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { useToaster } from "../../design/toast";
import { span } from "../../i18n/time";
import { openCodesQuery, revokeCode, type OpenCode } from "../../server/pairing-codes";
import { ROLES } from "./roles";

export function OpenCodes(): ReactNode {
  const { t } = useTranslation("devices");
  const { data: codes = [] } = useQuery(openCodesQuery);
  if (codes.length === 0) return null;
  return (
    <Card title={t("codes.title")}>
      <ul className="codes" role="list">
        {codes.map((code) => (
          <Code key={code.id} code={code} />
        ))}
      </ul>
    </Card>
  );
}

function Code({ code: { id, role, expiresIn } }: { code: OpenCode }): ReactNode {
  const { t, i18n } = useTranslation("devices");
  const queries = useQueryClient();
  const toaster = useToaster();
  const revoke = useMutation({
    mutationFn: () => revokeCode(id),
    onError: toaster.fail,
    onSettled: () => queries.invalidateQueries({ queryKey: openCodesQuery.queryKey }),
  });
  const known = ROLES.find((each) => each === role) ?? "guest";
  const left = span(Math.max(60, Math.ceil(expiresIn / 60) * 60), i18n.language);
  return (
    <li className="row spread">
      <span>{t("codes.one", { role: t(`roles.${known}`), left })}</span>
      <Button disabled={revoke.isPending} onClick={() => revoke.mutate()}>
        {t("codes.revoke")}
      </Button>
    </li>
  );
}
