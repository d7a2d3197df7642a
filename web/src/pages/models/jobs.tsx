/** Jobs on models: those under way, and how the last one ended. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { cancelJob, isUnderWay, type Job } from "../../server/models";
import { useBytes } from "./bytes";
import { useModelAction } from ".";

const KINDS = ["pull", "verify", "rm"] as const;

export function Jobs({ jobs }: { jobs: readonly Job[] }): ReactNode {
  const { t } = useTranslation("models");
  const waiting = jobs.filter(isUnderWay);
  const last = jobs.find((job) => !isUnderWay(job));
  return (
    <>
      {waiting.length > 0 && (
        <Card title={t("jobs.title")}>
          {waiting.map((job) => (
            <UnderWay key={job.id} job={job} />
          ))}
        </Card>
      )}
      <div aria-live="polite">{last && waiting.length === 0 && <Ended job={last} />}</div>
    </>
  );
}

function UnderWay({ job }: { job: Job }): ReactNode {
  const { t } = useTranslation("models");
  const bytes = useBytes();
  const cancel = useModelAction(cancelJob);
  const kind = KINDS.find((one) => one === job.kind) ?? "pull";
  const title = t(`jobs.${kind}`, { model: job.model });
  const { done, total, speed } = job;
  const figures = [
    ...(total > 0 ? [`${bytes(done)} / ${bytes(total)}`] : []),
    ...(speed > 0 ? [t("jobs.speed", { speed: bytes(speed) })] : []),
  ];
  return (
    <div className="job">
      <div className="row spread">
        <span className="label">{title}</span>
        <Button onClick={() => cancel.mutate(job.id)} disabled={cancel.isPending} aria-label={`${t("jobs.cancel")}: ${title}`}>
          {t("jobs.cancel")}
        </Button>
      </div>
      <progress aria-label={title} {...(total > 0 && { value: Math.min(done, total), max: total })} />
      <p>{job.state === "queued" ? t("jobs.queued") : [job.step, ...figures].filter(Boolean).join(" · ")}</p>
    </div>
  );
}

function Ended({ job }: { job: Job }): ReactNode {
  const { t } = useTranslation("models");
  const { model, message, advice, faults } = job;
  const kind = KINDS.find((one) => one === job.kind) ?? "pull";
  const words =
    job.state === "cancelled"
      ? t("result.cancelled")
      : job.state === "failed" && faults.length === 0
        ? t("result.failed", { message, advice })
        : faults.length > 0
          ? t("result.damaged", { files: faults.map((file) => file.split("/").at(-1)).join(", ") })
          : t(`result.${kind}`, { model });
  return <p className={job.state === "done" && faults.length === 0 ? "soft" : "complaint"}>{words}</p>;
}
