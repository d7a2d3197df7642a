/** Every primitive once, for whoever builds a page and for the eyes of a test. */

import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "../../design/badge";
import { Button, IconButton } from "../../design/button";
import { Card } from "../../design/card";
import { Confirm } from "../../design/dialog";
import { Empty } from "../../design/empty";
import { ErrorNote } from "../../design/error-note";
import { Field, Select, Slider, Switch } from "../../design/fields";
import { Menu } from "../../design/menu";
import { Page } from "../../design/page";
import { Spinner } from "../../design/spinner";
import { Table } from "../../design/table";
import { Tabs } from "../../design/tabs";
import { useToaster } from "../../design/toast";
import { Trouble } from "../../server/failures";

export default function DesignPage(): ReactNode {
  const { t } = useTranslation("design");
  return (
    <Page title={t("title")} actions={<Menu label={t("menu")} items={[{ label: t("item"), icon: "edit", act: () => undefined }]} />}>
      <Buttons />
      <Fields />
      <Card title={t("lists")}>
        <div className="row">
          <Badge>{t("neutral")}</Badge>
          <Badge tone="good">{t("good")}</Badge>
          <Badge tone="warning">{t("warning")}</Badge>
          <Badge tone="bad">{t("bad")}</Badge>
        </div>
        <Table
          label={t("lists")}
          columns={[
            { title: t("column"), cell: (row: number) => t("item") + row },
            { title: t("figure"), cell: (row) => row * 7, numeric: true },
          ]}
          rows={[1, 2, 3]}
          keyOf={(row) => row}
        />
        <Tabs
          label={t("tabs")}
          tabs={[1, 2].map((tab) => ({ name: String(tab), title: t("item") + tab, content: <p>{t("text")}</p> }))}
        />
      </Card>
      <Empty title={t("empty")} />
      <ErrorNote error={new Trouble({ from: "network" })} onRetry={() => undefined} />
      <Spinner />
    </Page>
  );
}

function Buttons(): ReactNode {
  const { t } = useTranslation("design");
  const toaster = useToaster();
  const [asking, setAsking] = useState(false);
  return (
    <Card title={t("buttons")}>
      <div className="row">
        <Button kind="primary" onClick={() => toaster.show({ words: t("text"), action: { label: t("undo"), act: () => undefined } })}>
          {t("note")}
        </Button>
        <Button icon="copy">{t("plain")}</Button>
        <Button kind="quiet">{t("quiet")}</Button>
        <Button kind="danger" onClick={() => setAsking(true)}>
          {t("ask")}
        </Button>
        <Button disabled>{t("disabled")}</Button>
        <IconButton icon="refresh" label={t("icon")} />
      </div>
      <Confirm open={asking} title={t("question")} action={t("ask")} onConfirm={() => undefined} onClose={() => setAsking(false)}>
        <p>{t("text")}</p>
      </Confirm>
    </Card>
  );
}

function Fields(): ReactNode {
  const { t } = useTranslation("design");
  const [on, setOn] = useState(true);
  const [value, setValue] = useState(40);
  const [choice, setChoice] = useState("1");
  return (
    <Card title={t("fields")}>
      <Field label={t("field")} help={t("text")} complaint={t("complaint")}>
        {(tied) => <input {...tied} defaultValue="1234" />}
      </Field>
      <Select
        label={t("list")}
        value={choice}
        options={["1", "2"].map((option) => ({ value: option, label: t("item") + option }))}
        onChange={setChoice}
      />
      <Switch label={t("switch")} help={t("text")} checked={on} onChange={setOn} />
      <Slider label={t("slider")} words={`${value} %`} value={value} min={0} max={100} step={5} onChange={setValue} />
    </Card>
  );
}
