/** The self-test: last and earlier results, a new run, and the report to copy. */

import "./selftest.css";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { sentence, troubleWords } from "../../i18n/words";
import { fetchSelftest, reportText, startSelftest, summary, type Finding, type Selftest, type Verdict } from "../../server/selftest";

/** Poll interval while one runs and the page is open; a check takes about that long. */
const LOOK_AGAIN_MS = 1000;

const KEY = ["selftest"];

/** What is wrong stands on top. */
const ORDER: readonly Verdict[] = ["failure", "warning", "ok", "skipped"];

function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((one, other) => ORDER.indexOf(one.verdict) - ORDER.indexOf(other.verdict));
}

function useSelftest() {
  return useQuery({
    queryKey: KEY,
    queryFn: fetchSelftest,
    refetchInterval: ({ state: { data } }) => (data?.running ? LOOK_AGAIN_MS : false),
  });
}

export function SelftestPanel(): ReactNode {
  const { t } = useTranslation("status");
  const { t: common } = useTranslation();
  const queries = useQueryClient();
  const { data, error } = useSelftest();
  const begin = useMutation({ mutationFn: startSelftest, onSuccess: (now) => queries.setQueryData(KEY, now) });
  const running = data?.running === true;
  const trouble = begin.error ?? error;
  return (
    <Card title={t("selftest.title")} className="selftest">
      <p id="selftest-state" role="status">
        {trouble ? sentence(troubleWords(trouble, common)) : data ? <Result selftest={data} /> : t("selftest.looking")}
      </p>
      {running && <progress max={1} value={data.share} aria-label={t("selftest.done")} />}
      <div className="row">
        <Button id="selftest-start" kind="primary" disabled={!data || running || begin.isPending} onClick={() => begin.mutate()}>
          {t("selftest.start")}
        </Button>
        <Copy selftest={data} />
      </div>
      {data?.report && <Findings findings={data.report.findings} />}
      {data && data.earlier.length > 0 && <Earlier selftest={data} />}
    </Card>
  );
}

function Result({ selftest }: { selftest: Selftest }): ReactNode {
  const { t } = useTranslation("status");
  const { running, progress, report, trouble } = selftest;
  if (running) return t("selftest.testing", { progress });
  if (!report) return trouble || t("selftest.never");
  const when = moment(report.startedAt);
  return trouble ? t("selftest.old", { trouble, when }) : `${when}: ${summary(report)}`;
}

function Findings({ findings }: { findings: readonly Finding[] }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <table>
      <thead className="sr-only">
        <tr>
          <th scope="col">{t("selftest.result")}</th>
          <th scope="col">{t("selftest.check")}</th>
          <th scope="col">{t("selftest.seen")}</th>
        </tr>
      </thead>
      <tbody id="selftest-rows">
        {bySeverity(findings).map(({ check, title, verdict, message, advice }) => (
          <tr key={check} data-verdict={verdict}>
            <td className="result">{t(`selftest.verdict.${verdict}`)}</td>
            <th className="title" scope="row">
              {title}
            </th>
            <td className="what">
              {message}
              {advice && <Advice words={advice} />}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Commands stand in backticks; here they look like something to copy. */
function Advice({ words }: { words: string }): ReactNode {
  return <p className="advice">{words.split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part))}</p>;
}

function Earlier({ selftest: { earlier } }: { selftest: Selftest }): ReactNode {
  const { t } = useTranslation("status");
  return (
    <details id="selftest-history">
      <summary>{t("selftest.earlier")}</summary>
      <ul id="selftest-earlier">
        {earlier.map(({ startedAt, verdict, summary: said }) => (
          <li key={startedAt} data-verdict={verdict}>
            {moment(startedAt)}: {said || t(`selftest.verdict.${verdict}`)}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** To the clipboard; where a browser gives none, into a field to copy from. */
function Copy({ selftest }: { selftest: Selftest | undefined }): ReactNode {
  const { t } = useTranslation("status");
  const [copied, setCopied] = useState(false);
  const [plain, setPlain] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.select(), [plain]);
  const report = selftest?.report;
  const copy = async (): Promise<void> => {
    if (!report) return;
    const words = reportText(report, location.hostname);
    try {
      await navigator.clipboard.writeText(words);
      setCopied(true);
    } catch {
      setPlain(words);
    }
  };
  return (
    <>
      <Button id="selftest-copy" disabled={!report} onClick={() => void copy()}>
        {t("selftest.copy")}
      </Button>
      <span role="status">{copied ? t("selftest.copied") : ""}</span>
      {plain && <textarea ref={field} id="selftest-text" readOnly aria-label={t("selftest.toCopy")} value={plain} />}
    </>
  );
}

function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
