/** The conversation: what is going on at the side, what was said beside it. */

import "./stage.css";
import "./log.css";
// After the others: what a small screen has otherwise.
import "./talk.css";
import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Mark } from "../../design/mark";
import { Announcer } from "./announcer";
import { Badges, Engines } from "./in-use";
import { Stage } from "./stage";
import { Talk } from "./talk";
import { Warning } from "./warning";

export default function TalkPage(): ReactNode {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = t("name");
  }, [t]);
  return (
    <div className="talk-page">
      <header className="top">
        <h1>
          <Mark />
          {t("name")}
        </h1>
        <Badges />
      </header>
      <Warning />
      <main>
        <Stage />
        <Talk />
      </main>
      <footer>
        <Engines />
      </footer>
      <Announcer />
    </div>
  );
}
