/** Another device is paired: its role, then a code as digits and as a QR code, until it is used. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Role } from "../../app/navigation";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { ErrorNote } from "../../design/error-note";
import { Select } from "../../design/fields";
import { Icon } from "../../design/icon";
import { useToaster } from "../../design/toast";
import { playtime } from "../../i18n/time";
import { clientsQuery } from "../../server/clients";
import { makeCode, openCodesQuery, type IssuedCode } from "../../server/pairing-codes";
import { ROLES } from "./roles";

const MINUTES = ["5", "60", "1440"] as const;
type Minutes = (typeof MINUTES)[number];

export function PairDialog({ open, onClose }: { open: boolean; onClose: () => void }): ReactNode {
  const { t } = useTranslation("devices");
  return (
    <Dialog id="pair-dialog" open={open} title={t("pair.title")} onClose={onClose}>
      <Pairing onClose={onClose} />
    </Dialog>
  );
}

function Pairing({ onClose }: { onClose: () => void }): ReactNode {
  const queries = useQueryClient();
  const make = useMutation({
    mutationFn: makeCode,
    onSuccess: () => queries.invalidateQueries({ queryKey: openCodesQuery.queryKey }),
  });
  if (make.data) return <Invitation key={make.data.id} code={make.data} onAgain={make.reset} onClose={onClose} />;
  return <Wish busy={make.isPending} error={make.error} onMake={(role, minutes) => make.mutate({ role, minutes: Number(minutes) })} />;
}

interface WishProps {
  busy: boolean;
  error: unknown;
  onMake: (role: Role, minutes: Minutes) => void;
}

function Wish({ busy, error, onMake }: WishProps): ReactNode {
  const { t } = useTranslation("devices");
  const [role, setRole] = useState<Role>("user");
  const [minutes, setMinutes] = useState<Minutes>("5");
  return (
    <div className="stack">
      <Select
        label={t("role")}
        help={t(`may.${role}`)}
        value={role}
        options={ROLES.map((value) => ({ value, label: t(`roles.${value}`) }))}
        onChange={setRole}
      />
      <Select
        label={t("pair.howLong")}
        value={minutes}
        options={MINUTES.map((value) => ({ value, label: t(`pair.minutes.${value}`) }))}
        onChange={setMinutes}
      />
      {error !== null && <ErrorNote error={error} />}
      <div className="row end">
        <Button id="make-code" kind="primary" disabled={busy} onClick={() => onMake(role, minutes)}>
          {t("pair.make")}
        </Button>
      </div>
    </div>
  );
}

type Fate = "open" | "used" | "expired";

/** A code that is open no longer before its time was used (or revoked on another page). */
function useFate(code: IssuedCode): { fate: Fate; left: number } {
  const queries = useQueryClient();
  const [until] = useState(() => Date.now() + code.expiresIn * 1000);
  const [now, setNow] = useState(() => Date.now());
  const { data, dataUpdatedAt } = useQuery({ ...openCodesQuery, refetchInterval: 2000 });
  const [since] = useState(() => Date.now());
  const listed = data?.some(({ id }) => id === code.id) ?? true;
  const used = !listed && dataUpdatedAt > since && now < until;
  useEffect(() => {
    const ticking = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, []);
  useEffect(() => {
    if (used) void queries.invalidateQueries({ queryKey: clientsQuery.queryKey });
  }, [used, queries]);
  return { fate: used ? "used" : now < until ? "open" : "expired", left: (until - now) / 1000 };
}

interface InvitationProps {
  code: IssuedCode;
  onAgain: () => void;
  onClose: () => void;
}

function Invitation({ code, onAgain, onClose }: InvitationProps): ReactNode {
  const { t } = useTranslation("devices");
  const { t: common } = useTranslation();
  const { fate, left } = useFate(code);
  return (
    <div className="stack invitation">
      {fate === "open" && <Code code={code} left={left} />}
      <p role="status" className="fate">
        {fate === "used" && (
          <>
            <Icon name="check" /> {t("pair.used")}
          </>
        )}
        {fate === "expired" && t("pair.expired")}
      </p>
      <div className="row end">
        {fate !== "open" && <Button onClick={onAgain}>{t("pair.again")}</Button>}
        <Button kind={fate === "open" ? "plain" : "primary"} onClick={onClose}>
          {common("actions.close")}
        </Button>
      </div>
    </div>
  );
}

function Code({ code: { digits, link, qr, words }, left }: { code: IssuedCode; left: number }): ReactNode {
  const { t } = useTranslation("devices");
  const toaster = useToaster();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(link);
      toaster.show({ words: t("pair.copied") });
    } catch {
      toaster.show({ words: link });
    }
  };
  return (
    <>
      <p>{t("pair.scan")}</p>
      {qr.size > 0 && (
        <svg className="qr" viewBox={`0 0 ${qr.size} ${qr.size}`} role="img" aria-label={t("pair.qr")}>
          <path d={qr.path} />
        </svg>
      )}
      <p className="digits" id="pairing-digits" data-link={link}>
        {digits.slice(0, 4)} {digits.slice(4)}
      </p>
      <p>{t("pair.left", { left: playtime(left) })}</p>
      <Button icon="copy" onClick={() => void copy()}>
        {t("pair.copy")}
      </Button>
      {words && <p className="words">{t("pair.words", { words })}</p>}
    </>
  );
}
